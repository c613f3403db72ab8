//! No password, no key and no content in anything that a process prints, whatever goes wrong and however much is logged.
//!
//! A process of its own, since a log of everything has to be that of all threads: the test runs itself again, and reads
//! what that printed.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mqtt_connector::publisher::{Publisher, PublisherCtx};
use mqtt_connector::{Limits, Tenant};
use mqtt_connector_tests::pki::{Fault, Identity, KeyFormat};
use mqtt_connector_tests::port::{ClosedPort, SilentPort};
use mqtt_connector_tests::{Bridge, Mosquitto, Pki, ScriptedBroker, ServerTls, Step};
use serde_json::{Value, json};

use crate::observability::Meters;
use crate::support::{block_on, connector, with};

const PASSWORD: &str = "pass-5ecret-word";
const KEY_PASSWORD: &str = "key-5ecret-word";
const CONTENT: &str = "content-5ecret-text";
const WILL: &str = "will-5ecret-text";
const FILE: &str = "file-5ecret-text";
const HEADER: &str = "header-5ecret-text";
const PROXY_PASSWORD: &str = "proxy-5ecret-word";

/// How the process is told where its files are, and that it is the one that prints.
const DIRECTORY: &str = "SECRETS_TEST_DIRECTORY";

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::EncryptedPkcs8(KEY_PASSWORD));
    let server = pki.server(&["127.0.0.1"]);
    let open = Mosquitto::builder().mutual_tls(&server, pki.authority()).start();
    let refusing =
        Mosquitto::builder().password("ann", "another").mutual_tls(&server, pki.authority()).start();
    let unknown =
        Mosquitto::builder().tls(&pki.faulty_server(Fault::UnknownAuthority, &["127.0.0.1"])).start();
    let lost = ScriptedBroker::builder()
        .tls(ServerTls::new(&server))
        .further_connections([Step::receive(20), Step::reset()])
        .start();
    let plain = Mosquitto::start();
    let bridge = Bridge::start(plain.address(), Some(&ServerTls::new(&server)));
    let page = answering(format!("HTTP/1.1 404 {HEADER}\r\nX: {HEADER}\r\n\r\n"));
    let redirect = answering(format!("HTTP/1.1 302 Found\r\nLocation: /{HEADER}\r\n\r\n"));
    let http = answering(format!("HTTP/1.1 407 {PROXY_PASSWORD}\r\n\r\n"));
    let socks5 = answering([5, 2, 1, 1]);
    let proxied = |scheme: &str, port: u16| {
        json!({
            "proxy": format!("{scheme}://127.0.0.1:{port}"), "proxy-username": "ann", "proxy-password": PROXY_PASSWORD,
        })
    };
    let (closed, silent) = (ClosedPort::open(), SilentPort::open());
    let broken = pki.file("broken.pem", &format!("-----BEGIN PRIVATE KEY-----\n{FILE}\n"));
    let secrets = json!({
        "client-id": "sender", "topic": "acme/t", "content": CONTENT, "username": "ann", "password": PASSWORD,
        "will": { "topic": "acme/w", "content": WILL }, "retries": 1, "timeout": 600, "qos": 1,
        "root-ca-crt": pki.authority().text(), "use-certificate": true,
        "certificate": client.certificate().text(), "private-key": client.key().path_str(),
        "private-key-password": KEY_PASSWORD,
    });
    let at = |port: u16, changes: Value| {
        let broker = json!({ "broker": format!("ssl://127.0.0.1:{port}") });
        with(&with(&secrets, broker), changes)
    };
    let with_header = |scheme: &str, port: u16| {
        let broker = format!("{scheme}://127.0.0.1:{port}/mqtt");
        let certificate = scheme == "wss";
        let headers = json!({ "Authorization": HEADER });
        at(port, json!({ "broker": broker, "websocket-headers": headers, "use-certificate": certificate }))
    };
    let sends = [
        (0, at(open.port(), json!({}))),
        (0, at(open.port(), json!({ "private-key": client.key().text() }))),
        (5, at(refusing.port(), json!({}))),
        (64, at(open.port(), json!({ "qos": 7, "pasword": PASSWORD, "content-base64": CONTENT }))),
        (66, at(open.port(), json!({ "private-key-password": "wrong-5ecret" }))),
        (66, at(open.port(), json!({ "private-key": broken.path_str() }))),
        (66, at(open.port(), json!({ "private-key": broken.text() }))),
        (66, at(open.port(), json!({ "certificate": broken.path_str(), "root-ca-crt": null }))),
        (69, at(closed.port(), json!({}))),
        (74, at(lost.port(), json!({}))),
        (75, at(silent.port(), json!({}))),
        (77, at(open.port(), json!({ "topic": "other" }))),
        (77, at(open.port(), json!({ "content": CONTENT.repeat(100) }))),
        (77, at(open.port(), json!({ "will": { "topic": "acme/w", "content": WILL.repeat(100) } }))),
        (78, at(unknown.port(), json!({}))),
        (0, with_header("wss", bridge.port())),
        (74, with_header("wss", open.port())),
        (76, with_header("ws", page.port())),
        (76, with_header("ws", redirect.port())),
        (69, at(open.port(), proxied("http", http.port()))),
        (69, at(open.port(), proxied("socks5", socks5.port()))),
        (69, at(open.port(), proxied("socks5", closed.port()))),
    ];
    let directory = client.key().path().parent().unwrap();
    std::fs::write(directory.join("sends.json"), serde_json::to_string(&sends).unwrap()).unwrap();

    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "secrets::everything_is_printed", "--include-ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .output()
        .unwrap();
    lost.finish();
    for broker in [page, redirect, http, socks5] {
        broker.finish();
    }
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let printed = printed.join("\n");
    assert!(output.status.success(), "{}", &printed[printed.len().saturating_sub(5000)..]);
    for target in ["TRACE", "rustls", "mqtt_connector", "messaging.client.sent.messages", "Response {"] {
        assert!(printed.contains(target), "nothing of {target} was printed");
    }
    for form in forms(&pki, &client) {
        if let Some(at) = printed.find(&form) {
            panic!("{form:?} was printed: {:?}", printed.get(at.saturating_sub(400)..at + 100));
        }
    }
}

/// Somebody who says the same to everybody.
fn answering(answer: impl Into<Vec<u8>>) -> ScriptedBroker {
    let steps = [Step::receive(4), Step::send(answer), Step::silence()];
    ScriptedBroker::builder().further_connections(steps).start()
}

/// The secrets, in each form in which they might be printed.
fn forms(pki: &Pki, client: &Identity) -> Vec<String> {
    let mut forms = vec!["5ecret".to_owned()];
    for secret in [PASSWORD, KEY_PASSWORD, CONTENT, WILL, FILE, HEADER, PROXY_PASSWORD] {
        let mut hex = String::new();
        for byte in secret.bytes() {
            write!(hex, "{byte:02x}").unwrap();
        }
        let bytes = format!("{:?}", secret.as_bytes());
        forms.extend([hex.to_uppercase(), hex, bytes.trim_matches(['[', ']']).to_owned()]);
        // Three bytes make four characters: it depends on what stands before.
        forms.extend((0..3).map(|start| {
            let encoded = BASE64_STANDARD.encode(&secret[start..]);
            encoded[..encoded.len() - 4].to_owned()
        }));
    }
    for pem in [client.key(), client.certificate(), pki.authority()] {
        let lines = pem.text().lines().filter(|line| !line.starts_with("-----"));
        forms.extend(lines.map(|line| line[..16].to_owned()));
    }
    forms
}

/// Sends, logs and prints all it can.
#[test]
#[ignore = "a part of nothing_that_is_printed_holds_a_secret"]
fn everything_is_printed() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(std::path::PathBuf::from) else { return };
    let sends = std::fs::read_to_string(directory.join("sends.json")).unwrap();
    let sends: Vec<(i32, Value)> = serde_json::from_str(&sends).unwrap();
    let mut limits = Limits::default();
    limits.payload = 200;
    limits.timeout = Duration::from_secs(5);
    let tenant = Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap()).limits(limits);
    let tenant = tenant.broker("http://127.0.0.0/8:*".parse().unwrap());
    let tenant = tenant.broker("socks5://127.0.0.0/8:*".parse().unwrap()).proxy_names(true);
    let tenant = tenant.topics("acme/#".parse().unwrap()).directory(&directory).unwrap();
    println!("{tenant:?}");
    let tenant = Arc::new(tenant.build());
    // Compiled before: that alone would log hundreds of megabytes.
    println!("{:?} {tenant:?}", connector());
    let publisher = Publisher::default();
    println!(
        "{publisher:?} {:?}",
        PublisherCtx::builder(Tenant::clone(&tenant)).publisher(publisher.clone()).build()
    );

    tracing_subscriber::fmt().with_env_filter("trace").with_writer(std::io::stderr).init();
    let meters = Meters::default();
    metrics::with_local_recorder(&meters, || {
        for (exit_code, config) in sends {
            let config = config.to_string();
            let response = block_on(connector().send(&tenant, &config, "{}"));
            println!("{response:?} {}", serde_json::to_string(&response).unwrap());
            assert_eq!(response.meta.exit_code, exit_code, "{}", response.meta.message);
            println!("{:?}", block_on(connector().check(&tenant, &config, "{}")));
            println!(
                "{:?}",
                block_on(connector().send_batch(&tenant, &config, &["{}".to_owned(), config.clone()]))
            );
            println!("{:?}", block_on(connector().send(&tenant, &config[1..], &config)));
        }
    });
    println!("{meters:?}");
}
