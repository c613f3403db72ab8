//! What an operator sees of a request: its span, in which everything stands that is logged for it, and the count of its
//! answers.

use metrics::{Label, counter};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::Response;
use crate::publisher::Tenant;
use crate::telemetry::RESPONSES;

/// Who a request is for.
pub(super) enum Who<'a> {
    Tenant(&'a Tenant),
    /// Nobody knows who has that name, which comes from outside.
    Unknown(&'a str),
}

/// Makes `call` in a span `request`, and records its exit code: of several, the first that is not 0.
///
/// It is made here, because a future that is handed on takes its room once more wherever it has been.
pub(super) async fn watched<T>(
    who: Who<'_>,
    action: &'static str,
    call: impl AsyncFnOnce() -> T,
    responses: impl Fn(&T) -> &[Response],
) -> T {
    let name = match who {
        Who::Tenant(tenant) => tenant.name(),
        Who::Unknown(name) => name,
    };
    let span = tracing::info_span!("request", tenant = name, action, exit_code = Empty);
    let answer = call().instrument(span.clone()).await;
    let responses = responses(&answer);
    for same in responses.chunk_by(|one, next| one.meta.exit_code == next.meta.exit_code) {
        let exit_code = same.first().map(|response| response.meta.exit_code).unwrap_or_default();
        let mut labels = Vec::with_capacity(3);
        if let Who::Tenant(tenant) = who {
            labels.push(Label::new("tenant", tenant.shared_name()));
        }
        labels.push(Label::from_static_parts("action", action));
        labels.push(Label::new("exit_code", exit_code.to_string()));
        counter!(RESPONSES, labels).increment(same.len() as u64);
    }
    if !span.is_disabled() {
        let mut codes = responses.iter().map(|response| response.meta.exit_code);
        span.record("exit_code", codes.find(|code| *code != 0).unwrap_or_default());
        span.in_scope(|| tracing::info!("answered"));
    }
    answer
}
