//! [`Visitor`]: whose session it is. [`Posted`]: a form that came from one of its pages.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use mqtt_connector::Tenant;
use mqtt_connector::publisher::TraceContext;
use subtle::ConstantTimeEq as _;

use super::super::api::ConsoleCookies;
use super::super::body;
use super::super::calls::Call;
use super::super::problem::Problem;
use super::super::trace_context::trace_context;
use super::layout::Failure;
use super::{Console, sign_in};

/// Who looks at a page, for as long as the call is there.
pub(super) struct Visitor {
    pub(super) tenant: Tenant,
    /// The identifier of the session.
    pub(super) session: String,
    /// What each form of the session has to show.
    pub(super) csrf: Arc<str>,
    /// The trace that the call belongs to, if it has one.
    pub(super) trace_context: Option<TraceContext>,
    call: Call,
}

/// Why there is no page.
pub(super) enum Refused {
    /// Nobody has signed in, or no longer.
    SignIn,
    Failed(Failure),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => Redirect::to(sign_in::PATH).into_response(),
            Self::Failed(failure) => failure.into_response(),
        }
    }
}

impl<E: Into<Problem>> From<E> for Refused {
    fn from(problem: E) -> Self {
        Self::Failed(Failure::from(problem.into()))
    }
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Refused> {
        let api = &console.api;
        let session = cookie(&parts.headers, session_cookie(console.inner.cookies)).ok_or(Refused::SignIn)?;
        let known = console.inner.sessions.find(api.connector().tenants(), session, Instant::now());
        let known = known.ok_or(Refused::SignIn)?;
        let call = api.calls().begin(known.tenant.shared_name())?;
        let trace_context = trace_context(&parts.headers);
        Ok(Self { tenant: known.tenant, session: session.to_owned(), csrf: known.csrf, trace_context, call })
    }
}

/// What the cookie of a session is called. The prefix has browsers take it from this host alone, over TLS (RFC 6265bis).
pub(super) fn session_cookie(cookies: ConsoleCookies) -> &'static str {
    match cookies {
        ConsoleCookies::Secure => "__Host-session",
        ConsoleCookies::Plain => "session",
    }
}

/// The value of a cookie (RFC 6265, section 5.4); of one that is there twice, that of neither.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

/// The name of what each form has to show, so that no other site's page sends it.
pub(super) const CSRF: &str = "_csrf";

/// What a form says: names and values, as they were written.
pub(super) struct Values(Vec<(String, String)>);

impl Values {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The value, without white space around it, if there is something else.
    pub(super) fn trimmed(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value as it was written, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Reads a form (HTML, `application/x-www-form-urlencoded`) of at most `largest` bytes. `keep` may refuse what comes, piece by piece.
    pub(super) async fn read(
        headers: &HeaderMap,
        body: Body,
        largest: usize,
        keep: impl FnMut(usize) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        let text =
            body::text_of(headers, body, largest, &["application/x-www-form-urlencoded"], keep).await?;
        let pairs = form_urlencoded::parse(text.as_bytes());
        // A form writes each line break as two characters (HTML, section 4.10.21.4).
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n"))).collect()))
    }
}

/// Refuses a form that a browser says came from another site: with `Sec-Fetch-Site`, or with `Origin` where there is none, which browsers
/// send only to whom they trust (`https`, and this machine).
pub(super) fn check_site(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let is_own = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, b"same-origin" | b"none"),
        (None, Some(origin)) => {
            let host = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
            host.is_some_and(|host| text("host") == Some(host))
        }
        (None, None) => true,
    };
    if is_own { Ok(()) } else { Err(foreign()) }
}

/// Whether two random texts are the same; it takes as long whatever they are.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

pub(super) fn foreign() -> Problem {
    let detail =
        "the form did not come from a page of this session: open the page again, and send it from there";
    Problem::new(StatusCode::FORBIDDEN, detail)
}

/// A form of a session.
pub(super) struct Posted {
    pub(super) visitor: Visitor,
    pub(super) values: Values,
}

impl FromRequest<Console> for Posted {
    type Rejection = Refused;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let mut visitor = Visitor::from_request_parts(&mut parts, console).await?;
        check_site(&parts.headers)?;
        let largest = console.api.largest_body();
        let values = Values::read(&parts.headers, body, largest, |bytes| visitor.call.keep(bytes)).await?;
        if !values.get(CSRF).is_some_and(|shown| is_same(shown, &visitor.csrf)) {
            return Err(foreign().into());
        }
        Ok(Self { visitor, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_one_that_is_there_twice_is_not() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; session=x; b=session"));
        assert_eq!((cookie(&headers, "session"), cookie(&headers, "b")), (Some("x"), Some("session")));
        assert_eq!((cookie(&headers, "c"), cookie(&headers, "sessio")), (None, None));
        headers.append(header::COOKIE, HeaderValue::from_static("session=y"));
        assert_eq!(cookie(&headers, "session"), None);
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        for (said, is_right) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://127.0.0.1:8080")], true),
            (&[("origin", "https://127.0.0.1:8080")], true),
            (&[("origin", "http://127.0.0.1")], false),
            (&[("origin", "https://elsewhere.example")], false),
            (&[("origin", "null")], false),
            // A proxy may have named another host.
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://console.example")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")], false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("127.0.0.1:8080"));
            for (name, value) in said {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(check_site(&headers).is_ok(), is_right, "{said:?}");
        }
    }
}
