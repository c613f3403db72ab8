//! Metrics: what a collector of OpenTelemetry is sent is what `/metrics` shows.

use mqtt_connector_tests::{Mosquitto, Pki, ServerTls};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use serde_json::json;

use crate::collector::{Collector, attribute};
use crate::support::Home;

/// The newest of this name.
fn find<'m>(metrics: &'m [Metric], name: &str) -> &'m Metric {
    let names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    metrics
        .iter()
        .rev()
        .find(|metric| metric.name == name)
        .unwrap_or_else(|| panic!("no {name} in {names:?}"))
}

/// The sum, of the points with these attributes.
fn sum(metric: &Metric, wanted: &[(&str, &str)]) -> f64 {
    let Some(Data::Sum(sum)) = &metric.data else { panic!("no sum: {metric:?}") };
    let points = sum.data_points.iter().filter(|point| has(&point.attributes, wanted));
    let values = points.map(|point| match point.value {
        Some(Value::AsInt(value)) => f64::from(i32::try_from(value).unwrap()),
        Some(Value::AsDouble(value)) => value,
        None => panic!("a point without a value: {metric:?}"),
    });
    values.sum()
}

fn has(attributes: &[KeyValue], wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(name, value)| attribute(attributes, name).as_deref() == Some(*value))
}

#[test]
fn a_collector_is_sent_what_prometheus_is_shown() {
    let (broker, collector) = (Mosquitto::start(), Collector::start());
    let home = Home::new(broker.port());
    let mut service = home.serve(&["--otlp-endpoint", &collector.url()]);
    for topic in ["acme/a", "acme/b", "elsewhere"] {
        service.post("/v1/send", json!({"topic": topic, "content": "planted"}).to_string()).ask();
    }
    service.ended(&service.accepts(&json!({"request": {"content": "planted"}})));
    let shown = service.get("/metrics").ask().body;
    service.signal("TERM");
    assert!(service.ends().success());

    let (_, metrics) = collector.received();
    let sent = find(&metrics, "messaging.client.sent.messages");
    assert_eq!(sent.description, "Messages that were to be sent, by what became of them");
    assert_eq!((sum(sent, &[("tenant", "acme")]), sum(sent, &[("error.type", "denied")])), (4.0, 1.0));
    assert_eq!(sum(find(&metrics, "mqtt.client.sends.in_flight"), &[]), 0.0);
    let Some(Data::Histogram(took)) = &find(&metrics, "messaging.client.operation.duration").data else {
        panic!("a duration is a histogram")
    };
    let sent = took.data_points.iter().find(|point| attribute(&point.attributes, "error.type").is_none());
    let sent = sent.unwrap();
    assert_eq!((sent.count, sent.explicit_bounds.len(), sent.explicit_bounds[0]), (3, 14, 0.0005));
    assert_eq!(find(&metrics, "http.server.request.duration").unit, "s");

    let names = metrics.iter().map(|metric| metric.name.replace('.', "_"));
    let missing: Vec<_> = names.filter(|name| !shown.contains(&format!("# TYPE {name} "))).collect();
    assert_eq!(missing, [""; 0], "{shown}");
    assert!(!format!("{metrics:?}").contains("planted"), "no content");
}

#[test]
fn a_collector_that_speaks_tls_is_sent_spans_and_metrics_when_its_certificate_is_one_of_the_authorities() {
    let (broker, pki, others) = (Mosquitto::start(), Pki::new(), Pki::new());
    let collector = Collector::start_tls(&ServerTls::new(&pki.server(&["127.0.0.1"])));
    let home = Home::new(broker.port());
    for (authority, is_trusted) in [(pki.authority(), true), (others.authority(), false)] {
        let arguments = ["--otlp-endpoint", &collector.url(), "--otlp-certificate", authority.path_str()];
        let mut service = home.serve(&arguments);
        assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).ask().exit_code(), 0);
        service.signal("TERM");
        assert!(service.ends().success());
        let (spans, metrics) = collector.received();
        assert_eq!((!spans.is_empty(), !metrics.is_empty()), (is_trusted, is_trusted));
    }
}

#[test]
fn what_is_wrong_with_a_collector_is_said_before_the_service_starts() {
    let home = Home::new(1);
    std::fs::write(home.path().join("empty.pem"), "").unwrap();
    for (arguments, code, said) in [
        (&["--otlp-endpoint", "127.0.0.1:4318"][..], 64, "as in http://127.0.0.1:4318"),
        (&["--otlp-endpoint", "http://127.0.0.1:4318/v1?a=b"], 64, "as in http://127.0.0.1:4318"),
        (&["--otlp-certificate", "empty.pem"], 64, "--otlp-endpoint"),
        (
            &["--otlp-endpoint", "https://127.0.0.1:1", "--otlp-certificate", "empty.pem"],
            66,
            "empty.pem: it has no certificate, as PEM.",
        ),
        (&["--otlp-endpoint", "https://127.0.0.1:1", "--otlp-certificate", "missing.pem"], 66, "missing.pem"),
    ] {
        let mut refused = home.spawn(arguments);
        refused.says(said);
        assert_eq!(refused.ends().code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn the_standards_variables_name_a_collector_and_what_it_is_sent() {
    let (broker, collector) = (Mosquitto::start(), Collector::start());
    let home = Home::new(broker.port());
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    for (none, sent) in [("OTEL_TRACES_EXPORTER", (false, true)), ("OTEL_METRICS_EXPORTER", (true, false))] {
        let mut service = home.serve_with("127.0.0.1:0", &[], &[(endpoint.0, &endpoint.1), (none, "none")]);
        assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).ask().exit_code(), 0);
        service.signal("TERM");
        assert!(service.ends().success());
        let (spans, metrics) = collector.received();
        assert_eq!((!spans.is_empty(), !metrics.is_empty()), sent, "{none}");
    }
    let mut refused = home.spawn_with(&[], &[(endpoint.0, "ftp://127.0.0.1")]);
    refused.says("OTEL_EXPORTER_OTLP_ENDPOINT: it is no URL of a collector");
    assert_eq!(refused.ends().code(), Some(64));
}
