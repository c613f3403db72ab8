//! By what a request is known again.

use sha2::{Digest as _, Sha256};

use super::{Execution, Id, Options, Request};
use crate::Timestamp;

/// By which a request and its options are known again when they are no longer kept. The identifier is in it, so that equal requests have
/// different ones, and nobody can look one up.
pub(crate) fn fingerprint(id: Id, execution: &Execution) -> Vec<u8> {
    let Options { not_before, expires, attempts, ordering_key } = &execution.options;
    let time = |time: &Option<Timestamp>| time.map_or(-1, Timestamp::milliseconds).to_be_bytes();
    let ordering_key = ordering_key.as_deref().unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update(time(not_before));
    hash.update(time(expires));
    hash.update(attempts.to_be_bytes());
    // It has no control characters, and the request begins with one that it cannot have.
    hash.update(ordering_key);
    hash.update([0]);
    hash.update(execution.request.as_ref().map(Request::as_str).unwrap_or_default());
    hash.finalize().to_vec()
}
