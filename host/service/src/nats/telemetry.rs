//! What a node counts.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Executions of all tenants that have not ended.
pub(super) const BACKLOG: &str = "mqtt_connector_cluster_backlog";

/// Tenants that this node has.
pub(super) const TENANTS: &str = "mqtt_connector_cluster_tenants";

/// Bytes in the stream.
pub(super) const STORED_BYTES: &str = "mqtt_connector_cluster_stored_bytes";

/// Attempts that were begun here.
pub(super) const ATTEMPTS: &str = "mqtt_connector_cluster_attempts_total";

/// Leases that this node has lost.
pub(super) const LOST_LEASES: &str = "mqtt_connector_cluster_lost_leases_total";

/// Executions that were under way here when it lost them.
pub(super) const LOST_CLAIMS: &str = "mqtt_connector_cluster_lost_claims_total";

/// Executions that this node has decided about because their worker was gone.
pub(super) const TAKEN_OVER: &str = "mqtt_connector_cluster_taken_over_total";

/// Says what each is, and begins with what there is: what Prometheus sees first with another value than 0 has not increased for it.
pub(super) fn begin(bytes: u64, (backlog, owned): (usize, usize)) {
    describe_gauge!(BACKLOG, Unit::Count, "Executions of all tenants that have not ended");
    describe_gauge!(TENANTS, Unit::Count, "Tenants that this node has");
    describe_gauge!(STORED_BYTES, Unit::Bytes, "Bytes in the stream, as asked last");
    describe_counter!(ATTEMPTS, Unit::Count, "Attempts that were begun here");
    describe_counter!(LOST_LEASES, Unit::Count, "Leases that this node has lost");
    describe_counter!(LOST_CLAIMS, Unit::Count, "Executions that were under way here when it lost them");
    describe_counter!(
        TAKEN_OVER,
        Unit::Count,
        "Executions that were decided about here because their worker was gone"
    );
    for name in [ATTEMPTS, LOST_LEASES, LOST_CLAIMS, TAKEN_OVER] {
        counter!(name).increment(0);
    }
    stored(bytes);
    known(backlog, owned);
}

/// How many bytes the stream has.
pub(super) fn stored(bytes: u64) {
    gauge!(STORED_BYTES).set(bytes as f64);
}

/// How many executions have not ended, and how many tenants this node has.
pub(super) fn known(backlog: usize, owned: usize) {
    gauge!(BACKLOG).set(backlog as f64);
    gauge!(TENANTS).set(owned as f64);
}

/// Counts so many more of [`ATTEMPTS`] and the like.
pub(super) fn count(name: &'static str, more: usize) {
    counter!(name).increment(more as u64);
}
