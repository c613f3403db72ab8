//! Signing in with a token of a tenant, and signing out.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::super::api::ConsoleCookies;
use super::Console;
use super::layout::bare_page;
use super::session::random;
use super::visitor::{CSRF, Posted, Refused, Values, check_site, cookie, foreign, is_same, session_cookie};

/// Where one signs in.
pub(super) const PATH: &str = "/console/sign-in";

/// The cookie that the form for signing in is compared with, while there is no session.
const BEFORE: &str = "sign-in";

/// The largest form of somebody whom nobody knows yet, in bytes.
const LARGEST: usize = 4096;

/// The page with the form.
pub(super) async fn form(State(console): State<Console>, headers: HeaderMap) -> Result<Response, Refused> {
    with_form(&console, &headers, None)
}

fn with_form(console: &Console, headers: &HeaderMap, wrong: Option<&str>) -> Result<Response, Refused> {
    // A second page leaves the form of the first one right.
    let is_random = |value: &&str| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let before = match cookie(headers, BEFORE).filter(is_random) {
        Some(before) => before.to_owned(),
        None => random()?,
    };
    let main = html! {
        form.card.sign-in method="post" action=(PATH) {
            p { "A token belongs to a tenant. Whoever runs the service gives it to you." }
            input type="hidden" name=(CSRF) value=(before);
            div.field.is-wrong[wrong.is_some()] {
                label for="token" { "Token" }
                input id="token" name="token" type="password" autocomplete="current-password" required autofocus
                    aria-describedby=[wrong.map(|_| "token-wrong")] aria-invalid=[wrong.map(|_| "true")];
                @if let Some(wrong) = wrong { p.error id="token-wrong" role="alert" { (wrong) } }
            }
            button type="submit" { "Sign in" }
        }
    };
    let mut response = bare_page("Sign in", &main);
    let attributes = format!("Path={PATH}; HttpOnly; SameSite=Strict{}", secure(console.inner.cookies));
    set_cookie(&mut response, &format!("{BEFORE}={before}; {attributes}"));
    if wrong.is_some() {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    Ok(response)
}

/// Begins a session.
pub(super) async fn sign_in(
    State(console): State<Console>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    check_site(&headers)?;
    let values = Values::read(&headers, body, LARGEST, |_| Ok(())).await?;
    let is_ours =
        values.get(CSRF).zip(cookie(&headers, BEFORE)).is_some_and(|(form, cookie)| is_same(form, cookie));
    if !is_ours {
        return Err(foreign().into());
    }
    let token = values.trimmed("token").unwrap_or_default();
    match console.inner.sessions.begin(console.api.connector().tenants(), token, Instant::now())? {
        Some(session) => {
            let mut response = Redirect::to("/").into_response();
            set_session(&mut response, console.inner.cookies, &session, "");
            Ok(response)
        }
        None => {
            const WRONG: &str =
                "The token is no tenant's. It is one that `mqtt-connector tenants token` has printed.";
            with_form(&console, &headers, Some(WRONG))
        }
    }
}

/// Ends a session.
pub(super) async fn sign_out(State(console): State<Console>, posted: Posted) -> Result<Response, Refused> {
    console.inner.sessions.end(&posted.visitor.session);
    let mut response = Redirect::to(PATH).into_response();
    set_session(&mut response, console.inner.cookies, "", "; Max-Age=0");
    Ok(response)
}

fn set_session(response: &mut Response, cookies: ConsoleCookies, value: &str, more: &str) {
    let (name, secure) = (session_cookie(cookies), secure(cookies));
    set_cookie(response, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}"));
}

fn secure(cookies: ConsoleCookies) -> &'static str {
    match cookies {
        ConsoleCookies::Secure => "; Secure",
        ConsoleCookies::Plain => "",
    }
}

fn set_cookie(response: &mut Response, cookie: &str) {
    // It is hexadecimal digits, and words of ours.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
