//! The metrics of a tenant's sends: their names and labels are put together once for a tenant, not for each send.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, with_recorder};

use super::{OPERATION_DURATION, SENDS_IN_FLIGHT, SENT_MESSAGES};

const MODULE: &str = "mqtt_connector_publisher::telemetry";

/// What the macros of `metrics` tell a recorder about a metric of the module `telemetry`.
static METADATA: Metadata<'static> = Metadata::new(MODULE, Level::INFO, Some(MODULE));

/// The metrics that every send of one tenant has.
pub(crate) struct Series {
    tenant: Arc<str>,
    in_flight: Key,
    sent: Key,
    duration: Key,
}

impl Series {
    /// Those of the tenant with this name.
    pub(crate) fn of(tenant: Arc<str>) -> Self {
        let in_flight = Key::from_parts(SENDS_IN_FLIGHT, vec![Label::new("tenant", Arc::clone(&tenant))]);
        let sent = Key::from_parts(SENT_MESSAGES, labels(&tenant, None));
        let duration = Key::from_parts(OPERATION_DURATION, labels(&tenant, None));
        // A recorder that keeps a key would copy the labels of another one each time.
        let [in_flight, sent, duration] = [in_flight, sent, duration].map(|key| key.to_retained());
        Self { tenant, in_flight, sent, duration }
    }

    /// The name of the tenant.
    pub(super) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// [`SENDS_IN_FLIGHT`].
    pub(super) fn in_flight(&self) -> Gauge {
        with_recorder(|recorder| recorder.register_gauge(&self.in_flight, &METADATA))
    }

    /// [`SENT_MESSAGES`] that ended with this kind of error, or well.
    pub(super) fn sent(&self, error: Option<&'static str>) -> Counter {
        with_recorder(|recorder| match error {
            None => recorder.register_counter(&self.sent, &METADATA),
            Some(_) => {
                let key = Key::from_parts(SENT_MESSAGES, labels(&self.tenant, error));
                recorder.register_counter(&key, &METADATA)
            }
        })
    }

    /// [`OPERATION_DURATION`] of calls that ended with this kind of error, or well.
    pub(super) fn duration(&self, error: Option<&'static str>) -> Histogram {
        with_recorder(|recorder| match error {
            None => recorder.register_histogram(&self.duration, &METADATA),
            Some(_) => {
                let key = Key::from_parts(OPERATION_DURATION, labels(&self.tenant, error));
                recorder.register_histogram(&key, &METADATA)
            }
        })
    }
}

fn labels(tenant: &Arc<str>, error: Option<&'static str>) -> Vec<Label> {
    let mut labels = Vec::with_capacity(4);
    labels.push(Label::new("tenant", Arc::clone(tenant)));
    labels.push(Label::from_static_parts("messaging.system", "mqtt"));
    labels.push(Label::from_static_parts("messaging.operation.name", "send"));
    labels.extend(error.map(|error| Label::from_static_parts("error.type", error)));
    labels
}
