//! What an operator asks: `/livez`, `/readyz`, `/metrics`. Nobody needs a token for it.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::api::Api;
use super::problem::Problem;
use crate::query::Query;

/// Executions that are being carried out.
pub(super) const UNDER_WAY: &str = "mqtt_connector.executions.under_way";

/// Whether the process answers
#[utoipa::path(get, path = "/livez", tag = "operation", security(()), responses((status = 200, description = "It does", body = String)))]
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether calls are taken
///
/// 503 while the service is ending, and while its store cannot be read or written.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()), responses((status = 200, description = "They are", body = String)))]
pub(super) async fn readyz(State(api): State<Api>) -> Result<&'static str, Problem> {
    if api.draining().is_cancelled() {
        return Err(Problem::draining());
    }
    if let Some(fault) = api.executions().fault() {
        return Err(fault.into());
    }
    // One that cannot be: the store is asked, and has nothing to read.
    let nobodys =
        Query { tenant: Some(String::new()), limit: std::num::NonZeroU32::new(1), ..Query::default() };
    api.executions().list(nobodys).await?;
    Ok("ok\n")
}

/// Metrics
///
/// In the text format of Prometheus. They have the names of tenants in them.
#[utoipa::path(get, path = "/metrics", tag = "operation", security(()), responses((status = 200, description = "The metrics", body = String)))]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    api.measure();
    let text = api.metrics().ok_or_else(|| Problem::not_found("this service counts nothing"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

impl Api {
    /// Sets the gauges that nobody else sets: how many executions are being carried out. It is called when Prometheus asks; to be called now and
    /// then for exporters that do not.
    pub fn measure(&self) {
        let under_way = u32::try_from(self.executions().under_way()).unwrap_or(u32::MAX);
        metrics::gauge!(UNDER_WAY).set(f64::from(under_way));
    }
}
