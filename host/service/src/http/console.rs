//! The console: pages for a person, at `/`. What they look like stands in `docs/console.md`.
//!
//! Pages are made here, whole, out of the same calls as `/v1`: nothing comes from elsewhere, nothing needs a script, and a
//! Content-Security-Policy allows nothing else. Who may see them is known by a session, which begins with a token of a tenant.
//!
//! # Map
//!
//! - `session`: who has signed in. `visitor`: whose session it is, and whether a form came from one of its pages.
//! - `layout`: what each page has; `shown`: texts, times and numbers in it.
//! - `fields`: the parameters, as a form has them. `form`: what somebody wrote into it, as a request. `problems`: what is wrong, field by field.
//!   `control`: a field on a page.
//! - `verdict`: how a send ended, in words. `plot`: bars over time. `timeline`: what happened to an execution.
//! - `sign_in`, `send` (with `send_page`), `executions`, `overview` (with `certificates`): the pages. `assets`: what they look like, and how they live.

mod assets;
mod certificates;
mod control;
mod executions;
mod fields;
mod form;
mod layout;
mod overview;
mod plot;
mod problems;
mod send;
mod send_page;
mod session;
mod shown;
mod sign_in;
mod timeline;
mod verdict;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::OnceCell;

use self::fields::Group;
use self::session::Sessions;
use super::api::{Api, ConsoleCookies};

/// What all pages share. Cheap to clone.
#[derive(Clone)]
struct Console {
    api: Api,
    inner: Arc<Inner>,
}

struct Inner {
    sessions: Sessions,
    cookies: ConsoleCookies,
    /// The parameters of the connector, once it was asked for them.
    fields: OnceCell<Vec<Group>>,
}

/// The paths of the pages, with sessions of their own.
pub(super) fn router(api: &Api, cookies: ConsoleCookies) -> Router<Api> {
    let inner = Inner { sessions: Sessions::default(), cookies, fields: OnceCell::new() };
    let console = Console { api: api.clone(), inner: Arc::new(inner) };
    Router::new()
        .route("/", get(overview::overview))
        .route("/console/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/send", get(send::form).post(send::send))
        .route("/console/check", post(send::check))
        .route("/console/executions", get(executions::list))
        .route("/console/executions/{id}", get(executions::one))
        .route("/console/executions/{id}/cancel", post(executions::cancel))
        .route("/console/executions/{id}/retry", post(executions::retry))
        .route("/console/style.css", get(assets::style))
        .route("/console/script.js", get(assets::script))
        .route("/console/icon.svg", get(assets::icon))
        .with_state(console)
}
