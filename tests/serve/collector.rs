//! A receiver of OTLP over HTTP on a free port of this machine: [`Collector`].

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mqtt_connector_tests::ServerTls;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rustls::{ServerConnection, StreamOwned};

/// A receiver of OTLP over HTTP.
pub(crate) struct Collector {
    scheme: &'static str,
    port: u16,
    received: Receiver<Received>,
}

/// What was received: a path and a body.
type Received = (String, Vec<u8>);

impl Collector {
    pub(crate) fn start() -> Self {
        Self::listen("http", |stream, sender| take(stream, &sender))
    }

    /// One that speaks TLS.
    pub(crate) fn start_tls(tls: &ServerTls) -> Self {
        let config = tls.config();
        Self::listen("https", move |stream, sender| {
            let connection = ServerConnection::new(config.clone()).unwrap();
            take(StreamOwned::new(connection, stream), &sender);
        })
    }

    fn listen(
        scheme: &'static str,
        serve: impl Fn(TcpStream, Sender<Received>) + Send + Sync + Clone + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = channel();
        // They end with the process. A client may have several connections open.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, serve) = (sender.clone(), serve.clone());
                thread::spawn(move || serve(stream, sender));
            }
        });
        Self { scheme, port, received }
    }

    /// What `--otlp-endpoint` is given.
    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// All that was received since it was asked last: spans, and metrics, the newest last. Whoever sends them has ended.
    pub(crate) fn received(&self) -> (Vec<Span>, Vec<Metric>) {
        let (mut spans, mut metrics) = (Vec::new(), Vec::new());
        for (path, body) in self.received.try_iter() {
            match path.as_str() {
                "/v1/traces" => {
                    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
                    let resources = request.resource_spans.into_iter();
                    let scopes = resources.flat_map(|resource| resource.scope_spans);
                    spans.extend(scopes.flat_map(|scope| scope.spans));
                }
                "/v1/metrics" => {
                    let request = ExportMetricsServiceRequest::decode(body.as_slice()).unwrap();
                    let resources = request.resource_metrics.into_iter();
                    let scopes = resources.flat_map(|resource| resource.scope_metrics);
                    metrics.extend(scopes.flat_map(|scope| scope.metrics));
                }
                other => panic!("nothing is sent to {other}"),
            }
        }
        (spans, metrics)
    }
}

/// Takes one request, and answers that it is taken. One that is broken off is none.
fn take(stream: impl Read + Write, sender: &Sender<Received>) {
    let mut reader = BufReader::new(stream);
    let (mut path, mut length, mut line) = (None, 0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        if path.is_none() {
            path = line.split(' ').nth(1).map(str::to_owned);
            continue;
        }
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
    sender.send((path.unwrap(), body)).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let mut stream = reader.into_inner();
    stream.write_all(answer).unwrap();
    stream.flush().unwrap();
}

/// The text or number of an attribute.
pub(crate) fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name}: {other:?}"),
    }
}
