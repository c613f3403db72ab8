//! Metrics: what `/metrics` shows and, where there is a collector of OpenTelemetry, the same by OTLP.

mod both;

use std::fmt::Display;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use mqtt_connector::Response;
use mqtt_connector_cli::output::note;
use mqtt_connector_cli::response::response;
use mqtt_connector_contract::exit_code::FAULT;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::otlp::{Collector, SERVICE};
use both::Both;

/// The upper ends of the buckets of what is measured in seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How the names of what is measured in seconds end.
const IN_SECONDS: [&str; 2] = ["duration", "create_time"];

/// Sends metrics to a collector, once a minute (`OTEL_METRIC_EXPORT_INTERVAL`) and in the end.
pub(crate) struct Metrics {
    provider: SdkMeterProvider,
}

impl Metrics {
    /// # Errors
    ///
    /// The response: a variable of OpenTelemetry's is wrong.
    pub(crate) fn begin(collector: &Collector) -> Result<Self, Response> {
        let provider = SdkMeterProvider::builder().with_periodic_exporter(collector.metrics()?);
        Ok(Self { provider: provider.with_resource(collector.resource()).build() })
    }

    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Err(error) = self.provider.shutdown() {
            note(&format!("mqtt-connector: the last metrics could not be sent: {error}"));
        }
    }
}

/// Counts from now on what the libraries count: for `/metrics`, and for the collector.
///
/// # Errors
///
/// The response: somebody counts already.
pub(crate) fn install(collector: Option<&Metrics>) -> Result<PrometheusHandle, Response> {
    let wrong = |error: &dyn Display| response(FAULT, format!("Metrics: {error}."));
    let builder = IN_SECONDS.into_iter().try_fold(PrometheusBuilder::new(), |builder, end| {
        builder.set_buckets_for_metric(Matcher::Suffix(end.to_owned()), &SECONDS)
    });
    let recorder = builder.map_err(|error| wrong(&error))?.build_recorder();
    let handle = recorder.handle();
    match collector {
        None => metrics::set_global_recorder(recorder).map_err(|error| wrong(&error)),
        Some(Metrics { provider }) => {
            let both = Both::new(recorder, provider.meter(SERVICE));
            metrics::set_global_recorder(both).map_err(|error| wrong(&error))
        }
    }?;
    mqtt_connector::telemetry::describe();
    mqtt_connector_service::http::describe_metrics();
    Ok(handle)
}

/// The boundaries of the buckets of a histogram with this name, where it has some of its own.
fn boundaries(name: &str) -> Option<Vec<f64>> {
    IN_SECONDS.iter().any(|end| name.ends_with(end)).then(|| SECONDS.to_vec())
}
