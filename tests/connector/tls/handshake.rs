//! The handshake: versions, application protocols, and brokers that do not speak TLS, or speak it when they should not.

use std::time::{Duration, Instant};

use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::port::SilentPort;
use mqtt_connector_tests::{Expect, Mosquitto, ScriptedBroker, ServerTls, Step, encode};
use serde_json::{Value, json};

use super::{failed, secured, send_with, sent, url};
use crate::faults::carrier::after;
use crate::support::{PATIENCE, assert_meta, exchange};

#[test]
fn both_versions_of_tls_are_spoken_and_ended_in_order() {
    let pki = Pki::new();
    let server = pki.server(&["127.0.0.1"]);
    for (tls, version) in
        [(ServerTls::new(&server), "TLSv1_3"), (ServerTls::new(&server).only_tls12(), "TLSv1_2")]
    {
        let broker = ScriptedBroker::builder().tls(tls).connection(exchange()).start();
        let meta = send_with(&secured(broker.port(), &pki), json!({}));
        assert_meta(&meta, 0, &sent(1, broker.port()));
        let record = broker.finish();
        assert_eq!(record.conversations[0].tls.as_ref().unwrap().version, version);
        assert!(record.conversations[0].ended_in_order(), "{record}");
    }
}

/// A broker with Nagle's algorithm, as mosquitto has it when nobody configures anything, keeps CONNACK back until the session tickets
/// before it are acknowledged, which TCP leaves for 40 ms.
#[test]
fn session_tickets_hold_no_answer_up() {
    let pki = Pki::new();
    let broker = Mosquitto::builder().as_it_comes().tls(&pki.server(&["127.0.0.1"])).start();
    let config = secured(broker.port(), &pki);
    let begin = Instant::now();
    // Each on a connection of its own, until one is not slowed down by what else the machine does.
    for number in 0.. {
        let started = Instant::now();
        let meta = send_with(&config, json!({ "client-id": format!("sender-{number}") }));
        assert_meta(&meta, 0, &sent(1, broker.port()));
        if started.elapsed() < Duration::from_millis(35) {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "each of {number} sends took 35 ms and more");
    }
}

#[test]
fn application_protocols_are_offered_in_order() {
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&["127.0.0.1"])).alpn(&["b", "c"]);
    for (offered, agreed) in
        [(json!(["a", "b"]), Some("b")), (json!(["c"]), Some("c")), (json!([]), None), (Value::Null, None)]
    {
        let broker = ScriptedBroker::builder().tls(server.clone()).connection(exchange()).start();
        let meta = send_with(&secured(broker.port(), &pki), json!({ "alpn-protocols": offered }));
        assert_meta(&meta, 0, &sent(1, broker.port()));
        let record = broker.finish();
        assert_eq!(record.conversations[0].tls.as_ref().unwrap().alpn.as_deref(), agreed, "{offered}");
    }

    let broker = ScriptedBroker::builder().tls(server).raw_connection([Step::expect_tls_failure()]).start();
    let meta = send_with(&secured(broker.port(), &pki), json!({ "alpn-protocols": ["a"] }));
    let reason = "the broker ended TLS: it accepts none of the protocols in alpn-protocols";
    assert_meta(&meta, 78, &failed(broker.port(), reason));
    broker.finish();
}

const CLOSED: &str =
    "the broker closed the connection during the TLS handshake; perhaps this is not its port for TLS";
const RESET: &str = "the connection was lost during the TLS handshake: it was reset by the other side; \
                     perhaps this is not the broker's port for TLS";

/// The first bytes of a ClientHello: a handshake record.
const HELLO: usize = 5;

#[test]
fn broker_that_does_not_answer_in_tls() {
    let pki = Pki::new();
    let alert = |description: u8| Step::send([0x15, 3, 3, 0, 2, 2, description]);
    for (steps, reason) in [
        (
            vec![Step::receive(HELLO), Step::send(encode::connack(false, 0))],
            "the broker does not answer in TLS; a broker without TLS is named with tcp://",
        ),
        (
            vec![Step::receive(HELLO), Step::send(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
            "the broker does not answer in TLS; a broker without TLS is named with tcp://",
        ),
        (vec![Step::receive(HELLO), Step::half_close()], CLOSED),
        (vec![Step::receive(HELLO), Step::reset()], RESET),
        (
            vec![Step::receive(HELLO), alert(40)],
            "the broker ended TLS: it found nothing in common, or demands a client certificate (see use-certificate), or its \
             own certificate has a kind of key that is not supported here, such as P-521, secp256k1, Ed448 or DSA (RSA of 2048 \
             to 8192 bits, P-256, P-384 and Ed25519 are; of TLS, 1.3, \
             and 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, on X25519, P-256 or P-384)",
        ),
        (vec![Step::receive(HELLO), alert(70)], "the broker ended TLS: it speaks neither TLS 1.2 nor 1.3"),
        (
            vec![Step::receive(HELLO), alert(112)],
            "the broker ended TLS: it does not know the name it was asked for (see server-name)",
        ),
        // What brokers say that demand a certificate: TLS 1.2 has no alert for that.
        (
            vec![Step::receive(HELLO), alert(42)],
            "the broker ended TLS over the client certificate, and none was shown: it demands one, as it seems (see \
             use-certificate, certificate and private-key)",
        ),
        (
            vec![Step::receive(HELLO), alert(51)],
            "the broker ended TLS: it could not verify a signature or decrypt the handshake (alert 51, decrypt_error)",
        ),
        (
            vec![Step::receive(HELLO), alert(80)],
            "the broker ended TLS: it has a fault of its own (alert 80, internal_error)",
        ),
    ] {
        let broker = ScriptedBroker::builder().raw_connection(steps).start();
        let meta = send_with(&secured(broker.port(), &pki), json!({}));
        assert_meta(&meta, 78, &failed(broker.port(), reason));
        broker.finish();
    }
}

#[test]
fn connection_lost_in_the_handshake_is_tried_again() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["127.0.0.1"])))
        .raw_connection([Step::receive(HELLO), Step::reset()])
        .raw_connection([Step::receive(HELLO), Step::close()])
        .connection(exchange())
        .start();
    let meta = send_with(&secured(broker.port(), &pki), json!({ "retries": 2 }));
    assert_meta(&meta, 0, &after(3, &sent(1, broker.port())));
    broker.finish();
}

#[test]
fn tls_to_a_plain_port_of_mosquitto() {
    let broker = Mosquitto::start();
    let meta = send_with(&secured(broker.port(), &Pki::new()), json!({}));
    assert_meta(&meta, 78, &failed(broker.port(), RESET));
}

#[test]
fn silence_in_the_handshake_is_a_timeout() {
    let port = SilentPort::open();
    let meta = send_with(&secured(port.port(), &Pki::new()), json!({ "timeout": 200 }));
    let message = format!(
        "Not sent, the timeout was over before the message was sent to the broker {}: no answer within 200 ms, while waiting for the TLS \
         handshake. Sending it again is safe.",
        url(port.port())
    );
    assert_meta(&meta, 75, &message);
}

#[test]
fn plain_connection_to_a_port_for_tls() {
    let pki = Pki::new();
    let server = pki.server(&["127.0.0.1"]);
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&server))
        .raw_connection([Step::expect_tls_failure()])
        .start();
    // OpenSSL resets the connection, without the alert by which it could be told.
    let mosquitto = Mosquitto::builder().tls(&server).start();
    let plain =
        |port| send_with(&secured(port, &pki), json!({ "broker": format!("tcp://127.0.0.1:{port}") }));
    let message = format!(
        "Not sent, the broker tcp://{} broke the protocol: it answers in TLS; a broker behind TLS is named with \
         ssl://.",
        broker.address()
    );
    assert_meta(&plain(broker.port()), 76, &message);
    broker.finish();
    let message = format!(
        "Not sent, the connection to the broker tcp://{} was lost before the message was sent: the broker reset the connection, \
         while waiting for CONNACK (a broker behind TLS is named with ssl://). Sending it again is safe.",
        mosquitto.address()
    );
    assert_meta(&plain(mosquitto.port()), 74, &message);
}

/// The end of a connection without `close_notify` may be an attacker's: nothing that follows from it is believed.
#[test]
fn connection_that_is_cut_is_lost() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["127.0.0.1"])))
        .connection([Step::expect(Expect::connect()), Step::close_without_notify()])
        .connection([Step::expect(Expect::connect()), Step::close()])
        .start();
    for reason in [
        "the broker closed the connection without ending TLS (no close_notify), while waiting for CONNACK",
        "the broker closed the connection, while waiting for CONNACK",
    ] {
        let message = format!(
            "Not sent, the connection to the broker {} was lost before the message was sent: {reason}. Sending it again is safe.",
            url(broker.port())
        );
        assert_meta(&send_with(&secured(broker.port(), &pki), json!({})), 74, &message);
    }
    broker.finish();
}
