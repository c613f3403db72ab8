//! The HTTP stack of the service in front of one MQTT connection, with nothing between them: what the service's own part costs.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use mqtt_connector_service::http::{Listener, Server};
use mqtt_connector_tests::encode;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

#[derive(Deserialize)]
struct Request {
    content: String,
}

type Message = (String, oneshot::Sender<()>);

/// Serves on this address for the broker on this port, until the process is ended.
pub(crate) fn run(listen: &str, port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (messages, waiting) = mpsc::channel(4096);
        tokio::spawn(connection(port, waiting));
        let router = Router::new().route("/v1/send", post(send)).with_state(Arc::new(messages));
        let listener = Listener::bind(&listen.parse().unwrap()).await.unwrap();
        println!("listening on {}", listener.address());
        Server::new(listener, router).serve(std::future::pending()).await;
    });
}

async fn send(State(messages): State<Arc<mpsc::Sender<Message>>>, body: String) -> impl IntoResponse {
    let request: Request = serde_json::from_str(&body).unwrap();
    let (done, acknowledged) = oneshot::channel();
    messages.send((request.content, done)).await.unwrap();
    acknowledged.await.unwrap();
    let json = "{\"meta\":{\"exit-code\":0,\"message\":\"Sent.\"},\"delivery\":\"reached\",\"retry\":\"no\"}";
    ([(header::CONTENT_TYPE, "application/json")], json)
}

/// Writes what waits, and answers what is acknowledged.
async fn connection(port: u16, mut waiting: mpsc::Receiver<Message>) {
    const CLIENT_ID: &[u8] = b"raw-http";
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let connect = [b"\0\x04MQTT\x04\x02\0\x3c\0\x08", CLIENT_ID].concat();
    socket.write_all(&encode::packet(0x10, &connect)).await.unwrap();
    let mut connack = [0; 4];
    socket.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0], "CONNACK");

    let (mut under_way, mut identifiers) = (HashMap::new(), (1..=u16::MAX).cycle());
    let (mut inbox, mut kept) = ([0; 4096], 0);
    loop {
        tokio::select! {
            message = waiting.recv() => {
                let Some(mut message) = message else { return };
                let mut outbox = Vec::new();
                loop {
                    let (content, done) = message;
                    let identifier = identifiers.find(|identifier| !under_way.contains_key(identifier)).unwrap();
                    outbox.extend(encode::publish("bench", 1, false, identifier, content.as_bytes()));
                    under_way.insert(identifier, done);
                    match waiting.try_recv() {
                        Ok(next) => message = next,
                        Err(_) => break,
                    }
                }
                socket.write_all(&outbox).await.unwrap();
            }
            read = socket.read(&mut inbox[kept..]) => {
                kept += match read.unwrap() {
                    0 => panic!("the broker closed the connection"),
                    count => count,
                };
                let whole = kept - kept % 4;
                for acknowledgement in inbox[..whole].chunks(4) {
                    assert_eq!(acknowledgement[..2], [0x40, 2], "PUBACK");
                    let identifier = u16::from_be_bytes([acknowledgement[2], acknowledgement[3]]);
                    // Whoever asked may have gone.
                    let _ = under_way.remove(&identifier).unwrap().send(());
                }
                inbox.copy_within(whole..kept, 0);
                kept -= whole;
            }
        }
    }
}
