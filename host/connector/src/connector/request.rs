//! The span of a request: everything that is logged for it stands inside, and it says how it ended.

use std::future::Future;

use tracing::Instrument as _;
use tracing::field::Empty;

use super::Response;

/// Runs `call` in a span `request`, and records its exit code: of several, the first that is not 0.
pub(super) async fn watched<T>(
    tenant: &str,
    action: &'static str,
    call: impl Future<Output = T>,
    responses: impl Fn(&T) -> &[Response],
) -> T {
    let span = tracing::info_span!("request", tenant, action, exit_code = Empty);
    let answer = call.instrument(span.clone()).await;
    if !span.is_disabled() {
        let mut codes = responses(&answer).iter().map(|response| response.meta.exit_code);
        span.record("exit_code", codes.find(|code| *code != 0).unwrap_or_default());
        span.in_scope(|| tracing::info!("answered"));
    }
    answer
}
