//! `wasmtime serve mqtt-connector-http.wasm`: a request document by HTTP, `meta` back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::{Value, json};

use crate::support::{NETWORK, PATIENCE, VERSIONS, Version, compiled, wasmtime};

/// A server of one test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(version: Version, config: &str) -> Self {
        let mut command = wasmtime(version, "serve");
        command.args(["--allow-precompiled", "--addr", "127.0.0.1:0", "-S", "cli"]).args(NETWORK);
        command.arg("--env").arg(format!("MQTT_CONFIG={config}"));
        command.arg(compiled(version, "mqtt-connector-http.wasm"));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, addresses) = mpsc::channel();
        let said = BufReader::new(child.stderr.take().unwrap());
        // It goes on reading: a server whose words nobody reads would stop.
        thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("http://") {
                    let _ = sender.send(address.trim_end_matches('/').to_owned());
                }
            }
        });
        let address = addresses.recv_timeout(PATIENCE).unwrap();
        Self { child, address }
    }

    /// The status and the body of the answer.
    fn ask(&self, method: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} /any HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let json = &answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()];
        (status, serde_json::from_str(json).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn requests_are_answered_side_by_side() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let config =
        json!({"broker": format!("tcp://{}", broker.address()), "client-id": "flow", "topic": "t", "qos": 1});
    for version in VERSIONS {
        let server = Server::start(version, &config.to_string());
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    let (status, answer) = server.ask("POST", r#"{"content": "hello"}"#);
                    assert_eq!((status, &answer["meta"]["exit-code"]), (200, &json!(0)), "{answer}");
                });
            }
        });
        let (status, answer) = server.ask("POST", r##"{"content": "x", "topic": "#"}"##);
        assert_eq!((status, &answer["meta"]["exit-code"]), (200, &json!(64)), "{answer}");
        let (status, answer) = server.ask("GET", "");
        assert_eq!(
            (status, answer),
            (405, json!({"status": 405, "title": "a request document is sent with POST"}))
        );
    }
    assert_eq!(observer.messages(20, PATIENCE).len(), 20);
    // Each has a client identifier of its own: nobody has thrown another out.
    let log = broker.log();
    assert!(!log.contains("already connected") && log.contains(" as flow-"), "{log}");
}
