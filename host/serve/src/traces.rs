//! Traces: the spans of calls and of what becomes of them, sent by OTLP over HTTP to a collector of OpenTelemetry.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response as HttpResponse;
use mqtt_connector::Response;
use mqtt_connector_service::http::method_name;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument as _, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use mqtt_connector_cli::output::note;

use crate::otlp::{Collector, SERVICE};

/// Sends spans to a collector (`OTEL_BSP_…`, `OTEL_TRACES_SAMPLER`).
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// # Errors
    ///
    /// The response: a variable of OpenTelemetry's is wrong.
    pub(crate) fn begin(collector: &Collector) -> Result<Self, Response> {
        let provider = SdkTracerProvider::builder().with_batch_exporter(collector.spans()?);
        Ok(Self { provider: provider.with_resource(collector.resource()).build() })
    }

    /// What hears of the spans of this program's crates: those of level `INFO` and above.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let ours = Targets::new().with_target("mqtt_connector", LevelFilter::INFO);
        let tracer = self.provider.tracer(SERVICE);
        tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_tracer(tracer)
            .with_filter(ours)
    }

    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Err(error) = self.provider.shutdown() {
            note(&format!("mqtt-connector: the last spans could not be sent: {error}"));
        }
    }
}

/// Makes a span of a call, which the caller's (`traceparent`, W3C Trace Context) is the parent of, and which is the parent of what comes
/// of the call: its headers say so.
pub(crate) async fn traced(mut request: Request, next: Next) -> HttpResponse {
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let span = tracing::info_span!(
        "call",
        otel.name = format!("{method} {route}").trim_end(),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    let propagator = TraceContextPropagator::new();
    let caller = propagator.extract(&Headers(request.headers()));
    // One that nobody hears of has no parent, and is none.
    let _ = span.set_parent(caller);
    propagator.inject_context(&span.context(), &mut HeadersOfCall(request.headers_mut()));
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

/// The headers of a call, out of which a trace is read.
struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// The headers of a call, into which a trace is written.
struct HeadersOfCall<'h>(&'h mut HeaderMap);

impl Injector for HeadersOfCall<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
