//! [`Collector`]: where spans and metrics go, by OTLP over HTTP, as OpenTelemetry's variables say it.

use std::env;
use std::time::Duration;

use mqtt_connector::Response;
use mqtt_connector_arguments::files::{Limit, NamedFile};
use mqtt_connector_cli::refusal::refused;
use mqtt_connector_cli::response::response;
use mqtt_connector_contract::exit_code::{FAULT, UNUSABLE_FILE};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::arguments::serve::CollectorArguments;
use crate::metrics::Metrics;
use crate::traces::Traces;

/// Whose spans and metrics they are, unless `OTEL_SERVICE_NAME` says otherwise.
pub(crate) const SERVICE: &str = "mqtt-connector";

/// The most that is read of a file of authorities.
const OF_CERTIFICATES: Limit = Limit::new(1 << 20, "1 MiB");

/// How long the collector may take to answer, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// A collector of OpenTelemetry, as it is spoken to.
pub(crate) struct Collector {
    endpoint: String,
    client: Client,
    resource: Resource,
}

/// What is sent to a collector, in the background, some at a time.
pub(crate) struct Telemetry {
    pub(crate) traces: Option<Traces>,
    pub(crate) metrics: Option<Metrics>,
}

impl Telemetry {
    /// Sends spans and metrics to a collector; but for those that `OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER` has `none` of.
    ///
    /// # Errors
    ///
    /// The response: the file of authorities cannot be used.
    pub(crate) fn begin(arguments: &CollectorArguments) -> Result<Self, Response> {
        let collector = Collector::new(arguments)?;
        let is_wanted = |variable: &str| env::var(variable).as_deref() != Ok("none");
        Ok(Self {
            traces: is_wanted("OTEL_TRACES_EXPORTER").then(|| Traces::begin(&collector)).transpose()?,
            metrics: is_wanted("OTEL_METRICS_EXPORTER").then(|| Metrics::begin(&collector)).transpose()?,
        })
    }

    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Some(traces) = self.traces {
            traces.end();
        }
        if let Some(metrics) = self.metrics {
            metrics.end();
        }
    }
}

impl Collector {
    fn new(arguments: &CollectorArguments) -> Result<Self, Response> {
        let timeout = env::var("OTEL_EXPORTER_OTLP_TIMEOUT").ok().and_then(|timeout| timeout.parse().ok());
        let client = Client::builder()
            .tls_backend_preconfigured(tls(arguments)?)
            .timeout(timeout.map_or(PATIENCE, Duration::from_millis))
            .redirect(Policy::none())
            .build();
        let client = client.map_err(|error| response(FAULT, format!("--otlp-endpoint: {error}.")))?;
        let mut resource = Resource::builder();
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(SERVICE);
        }
        let endpoint = arguments.endpoint.trim_end_matches('/').to_owned();
        Ok(Self { endpoint, client, resource: resource.build() })
    }

    /// What all that is sent is about.
    pub(crate) fn resource(&self) -> Resource {
        self.resource.clone()
    }

    /// # Errors
    ///
    /// The response: a variable of OpenTelemetry's is wrong.
    pub(crate) fn spans(&self) -> Result<SpanExporter, Response> {
        let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let exporter = exporter.with_endpoint(self.url("traces")).with_http_client(self.client.clone());
        exporter.build().map_err(|error| wrong(&error))
    }

    /// # Errors
    ///
    /// The response: a variable of OpenTelemetry's is wrong.
    pub(crate) fn metrics(&self) -> Result<MetricExporter, Response> {
        let exporter = MetricExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let exporter = exporter.with_endpoint(self.url("metrics")).with_http_client(self.client.clone());
        exporter.build().map_err(|error| wrong(&error))
    }

    fn url(&self, signal: &str) -> String {
        format!("{}/v1/{signal}", self.endpoint)
    }
}

fn wrong(error: &ExporterBuildError) -> Response {
    response(FAULT, format!("--otlp-endpoint: {error}."))
}

/// How TLS is spoken with the collector: its certificate is one of the authorities in the file or, without a file, of the system's.
fn tls(arguments: &CollectorArguments) -> Result<ClientConfig, Response> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &arguments.certificate {
        let text = file.text(OF_CERTIFICATES).map_err(refused)?;
        add_all(&mut roots, &text).map_err(|why| unusable(file, why))?;
    } else if arguments.endpoint.starts_with("https:") {
        // What of the system cannot be used is of no use here either.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = rustls::crypto::ring::default_provider();
    let versions = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| response(FAULT, format!("--otlp-endpoint: {error}.")))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

fn add_all(roots: &mut RootCertStore, text: &str) -> Result<(), &'static str> {
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|_| "what is in it is not PEM")?;
        roots.add(certificate).map_err(|_| "a certificate in it is none")?;
    }
    if roots.is_empty() { Err("it has no certificate, as PEM") } else { Ok(()) }
}

fn unusable(file: &NamedFile, why: &str) -> Response {
    response(UNUSABLE_FILE, format!("{file}: {why}."))
}
