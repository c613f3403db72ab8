//! All paths, and what holds for each of them.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use metrics::Label;

use super::api::Api;
use super::problem::Problem;
use super::{batch, console, executions, openapi, operation, synchronous};

/// How long calls took, in seconds.
const DURATION: &str = "http.server.request.duration";

/// Tells the recorder that is installed what the metrics of the service mean, and in which units they are.
pub fn describe_metrics() {
    metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "How long calls took, by path and status");
    metrics::describe_gauge!(
        operation::UNDER_WAY,
        metrics::Unit::Count,
        "Executions that are being carried out"
    );
}

/// What a method is called in spans and metrics: those that are known here by their names, all others `_OTHER`, as OpenTelemetry's
/// conventions have it.
#[must_use]
pub fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "_OTHER",
    }
}

impl Api {
    /// All paths: `/v1`, `/openapi.json`, those of the [console](super::ApiBuilder::console), and those of [`operation_router`](Self::operation_router). `/metrics` is among them when
    /// `with_metrics`.
    pub fn router(&self, with_metrics: bool) -> Router {
        let router = Router::new()
            .route("/v1/send", post(synchronous::send))
            .route("/v1/send-batch", post(batch::send_batch))
            .route("/v1/check", post(synchronous::check))
            .route("/v1/schema", get(synchronous::schema))
            .route("/v1/executions", get(executions::list).post(executions::submit))
            .route("/v1/executions/{id}", get(executions::get))
            .route("/v1/executions/{id}/cancel", post(executions::cancel))
            .route("/v1/executions/{id}/retry", post(executions::retry))
            .route("/openapi.json", get(openapi::openapi));
        let router = match self.console() {
            Some(cookies) => router.merge(console::router(self, cookies)),
            None => router,
        };
        finished(router.merge(of_operation(with_metrics)), self.clone())
    }

    /// `/livez`, `/readyz` and `/metrics` alone, for a listener that callers do not reach.
    pub fn operation_router(&self) -> Router {
        finished(of_operation(true), self.clone())
    }
}

fn of_operation(with_metrics: bool) -> Router<Api> {
    let router =
        Router::new().route("/livez", get(operation::livez)).route("/readyz", get(operation::readyz));
    if with_metrics { router.route("/metrics", get(operation::metrics)) } else { router }
}

fn finished(router: Router<Api>, api: Api) -> Router {
    router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn(watched))
        .with_state(api)
}

async fn not_found() -> Problem {
    Problem::not_found("there is no such path: /openapi.json names those that there are")
}

async fn method_not_allowed() -> Problem {
    let detail =
        "the path is not called with this method: the header Allow names those that it is called with";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Whether the host is named as RFC 9112, section 3.2, wants it.
fn has_one_host(request: &Request) -> bool {
    request.version() != Version::HTTP_11 || request.headers().get_all(header::HOST).iter().count() == 1
}

/// Counts a call, and logs it.
async fn watched(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = match has_one_host(&request) {
        true => next.run(request).await,
        false => Problem::bad_request("the call has no header Host, or several: it has one").into_response(),
    };
    let status = response.status();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let took = began.elapsed();
    tracing::debug!(method, route, status = status.as_u16(), elapsed_us = took.as_micros(), "answered");
    // Shared texts, which a recorder can keep as they are.
    let labels = vec![
        Label::from_static_parts("http.request.method", method),
        Label::new("http.route", Arc::<str>::from(route)),
        Label::new("http.response.status_code", Arc::<str>::from(status.as_str())),
    ];
    metrics::histogram!(DURATION, labels).record(took.as_secs_f64());
    response
}
