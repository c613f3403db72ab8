//! What each page has: its head, its navigation, its headers.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::super::problem::Problem;
use super::shown::whole;
use super::visitor::{CSRF, Visitor};

/// Nothing but what this service has itself; no script or style that stands in a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What browsers are told with each answer of the console.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers that browsers are to heed.
pub(super) fn guarded(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Where a page stands in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Send,
    Executions,
    DeadLetters,
}

impl Place {
    const ALL: [(Self, &str, &str); 4] = [
        (Self::Overview, "/", "Overview"),
        (Self::Send, "/console/send", "Send"),
        (Self::Executions, "/console/executions", "Executions"),
        (Self::DeadLetters, "/console/executions?dead-letters=true", "Dead letters"),
    ];
}

/// A page of somebody who has signed in.
pub(super) fn page(visitor: &Visitor, place: Option<Place>, title: &str, main: &Markup) -> Response {
    let head = html! {
        nav aria-label="Pages" {
            ul {
                @for (of, path, name) in Place::ALL {
                    li { a href=(path) aria-current=[(place == Some(of)).then_some("page")] { (name) } }
                }
            }
        }
        form.who method="post" action="/console/sign-out" {
            span { "Signed in as " strong { (visitor.tenant.name()) } }
            (csrf(visitor))
            button.quiet type="submit" { "Sign out" }
        }
    };
    whole_page(title, &head, main)
}

/// A page of nobody in particular.
pub(super) fn bare_page(title: &str, main: &Markup) -> Response {
    whole_page(title, &html! {}, main)
}

fn whole_page(title: &str, head: &Markup, main: &Markup) -> Response {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – MQTT connector" }
                link rel="icon" href="/console/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/console/style.css";
                script src="/console/script.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    p.brand { img src="/console/icon.svg" alt="" width="24" height="24"; "MQTT connector" }
                    (head)
                }
                main id="main" tabindex="-1" {
                    h1 { (title) }
                    (main)
                }
            }
        }
    };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    guarded((headers, document.into_string()))
}

/// What shows that a form came from a page of this session.
pub(super) fn csrf(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(CSRF) value=(visitor.csrf); }
}

/// A page that says why there is no other.
pub(super) struct Failure(Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let (status, detail) = (problem.status(), problem.detail().to_owned());
        let title = status.canonical_reason().unwrap_or("Error");
        let main = html! {
            p.wrong role="alert" { (sentence(&whole(&detail))) }
            p { a href="/" { "To the overview" } }
        };
        let mut response = bare_page(title, &main);
        *response.status_mut() = status;
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A clause as a sentence: it begins large, and has a full stop.
pub(super) fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if clause.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", characters.as_str())
}
