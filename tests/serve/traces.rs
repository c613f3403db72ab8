//! Traces: what a collector of OpenTelemetry is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mqtt_connector_tests::Mosquitto;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;

use crate::support::{ACME, Home, tenant};
use crate::trace_context::carried;

/// A receiver of OTLP over HTTP on a free port of this machine.
struct Collector {
    port: u16,
    received: Receiver<ExportTraceServiceRequest>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = channel();
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                take(stream, &sender);
            }
        });
        Self { port, received }
    }

    /// All spans that were received. Whoever sends them has ended.
    fn spans(&self) -> Vec<Span> {
        let requests = self.received.try_iter().flat_map(|request| request.resource_spans);
        requests.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// Takes one request, and answers that it is taken.
fn take(stream: TcpStream, sender: &Sender<ExportTraceServiceRequest>) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let (name, value) = line.trim().split_once(':').unwrap_or((line.trim(), ""));
        match name.to_ascii_lowercase().as_str() {
            "" => break,
            "content-length" => length = value.trim().parse().unwrap(),
            "content-type" => assert_eq!(value.trim(), "application/x-protobuf"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    sender.send(ExportTraceServiceRequest::decode(body.as_slice()).unwrap()).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.into_inner().write_all(answer).unwrap();
}

fn find<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

/// The text or number of an attribute.
fn attribute(span: &Span, name: &str) -> String {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name);
    match attribute.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{name}: {other:?} of {}", span.name),
    }
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
    let mut service = home.serve(&["--traces", &format!("http://127.0.0.1:{}/v1/traces", collector.port)]);
    let call = service.post("/v1/send", r#"{"content":"planted","retain":true}"#);
    let call = call.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(call.ask().exit_code(), 0);
    service.get("/v1/executions/planted").ask().problem(404);
    service.signal("TERM");
    assert!(service.ends().success());

    let spans = collector.spans();
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
    let mut service = home.serve(&["--traces", &format!("http://{gone}/v1/traces")]);
    assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).ask().exit_code(), 0);
    service.signal("TERM");
    assert!(service.ends().success());
}
