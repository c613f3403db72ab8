//! What an operator can see of a connector: a `tracing` span and a metric for each request, beside those of its publisher,
//! which are documented [there](crate::publisher::telemetry).
//!
//! # The span `request`
//!
//! Level `INFO`, target `mqtt_connector::connector::request`. The publisher's span `send` stands in it, and everything else that
//! is logged for the request.
//!
//! | field | |
//! |---|---|
//! | `tenant` | the tenant's name |
//! | `action` | `send`, `send-batch` or `check` |
//! | `exit_code` | of the answer; of a batch, the first that is not 0 |
//!
//! Its last event, `answered`, has the level `INFO`. A component that fails is an event of the level `ERROR`, with details that
//! are in no answer.
//!
//! # Metrics
//!
//! | name | kind | labels |
//! |---|---|---|
//! | [`RESPONSES`] | counter, answers, one for each request of a batch | `tenant`, `action`, `exit_code` |
//!
//! It counts every answer, those too for which nothing was to be published: a wrong parameter (64), a fault (70). A tenant that
//! is not known is no label.

/// Answers to requests.
pub const RESPONSES: &str = "mqtt_connector.responses";

/// Tells the recorder that is installed what the metrics of connector and publisher mean, and in which units they are.
pub fn describe() {
    crate::publisher::telemetry::describe();
    metrics::describe_counter!(RESPONSES, metrics::Unit::Count, "Answers to requests, by exit code");
}
