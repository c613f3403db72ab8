//! What the pages look like, and how they live: files that stand in the program.

use axum::http::header;
use axum::response::Response;

use super::layout::guarded;

/// How pages look.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("assets/style.css"))
}

/// What is nicer with a script.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("assets/script.js"))
}

/// The icon.
pub(super) async fn icon() -> Response {
    asset("image/svg+xml", include_str!("assets/icon.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    guarded(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text))
}
