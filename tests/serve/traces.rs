//! Traces: what a collector of OpenTelemetry is sent.

use std::net::TcpListener;

use mqtt_connector_tests::Mosquitto;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::collector::{self, Collector};
use crate::support::{ACME, Home, tenant};
use crate::trace_context::carried;

fn find<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

fn attribute(span: &Span, name: &str) -> String {
    collector::attribute(&span.attributes, name).unwrap_or_else(|| panic!("no {name}: {span:?}"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_call_is_one_trace_from_the_caller_to_the_acknowledgement() {
    const TRACE: [u8; 16] =
        [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c];
    const PARENT: [u8; 8] = [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31];
    let (broker, collector) = (Mosquitto::start(), Collector::start());
    let home = Home::new(broker.port());
    let tenant = tenant("acme", &[ACME], broker.port()).replace("topics =", "trace-context = true\ntopics =");
    home.tenants(&tenant.replace("retries = 0", "protocol-version = \"5\""));
    let mut service = home.serve(&["--otlp-endpoint", &collector.url()]);
    let call = service.post("/v1/send", r#"{"content":"planted","retain":true}"#);
    let call = call.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(call.ask().exit_code(), 0);
    service.get("/v1/executions/planted").ask().problem(404);
    service.signal("TERM");
    assert!(service.ends().success());

    let (spans, _) = collector.received();
    let [call, request, send] = ["POST /v1/send", "request", "send"].map(|name| find(&spans, name));
    assert!([call, request, send].iter().all(|span| span.trace_id == TRACE));
    assert_eq!((call.parent_span_id.as_slice(), call.kind()), (&PARENT[..], SpanKind::Server));
    assert_eq!((&request.parent_span_id, request.kind()), (&call.span_id, SpanKind::Internal));
    assert_eq!((&send.parent_span_id, send.kind()), (&request.span_id, SpanKind::Client));
    assert_eq!(attribute(call, "http.response.status_code"), "200");
    // The message belongs to the call.
    let [trace, parent] = [&call.trace_id, &call.span_id].map(|id| hexadecimal(id));
    assert_eq!(carried(&broker, "acme/door"), format!("traceparent:00-{trace}-{parent}-01"));
    assert_eq!(
        (attribute(request, "tenant"), attribute(request, "exit_code")),
        ("acme".to_owned(), "0".to_owned())
    );
    assert_eq!(attribute(send, "messaging.destination.name"), "acme/door");
    assert_ne!(attribute(send, "ack_us"), "");

    let other = find(&spans, "GET /v1/executions/{id}");
    assert!(other.trace_id != TRACE && other.parent_span_id.is_empty());
    assert!(!format!("{spans:?}").contains("planted"), "no content, and nothing that a caller chose");
}

#[test]
fn a_collector_that_is_not_there_keeps_nobody_waiting() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut service = home.serve(&["--otlp-endpoint", &format!("http://{gone}")]);
    assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).ask().exit_code(), 0);
    service.signal("TERM");
    assert!(service.ends().success());
}
