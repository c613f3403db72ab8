//! What proxies are asked for, byte for byte, and what becomes of a message when they do not do it.

use mqtt_connector_tests::port::{ClosedPort, SilentPort};
use serde_json::json;

use super::scripted::{Line, ScriptedProxy, Then};
use super::{BROKER, SOCKS5_DONE, broker, connect_request, send, socks5, socks5_request, through};
use crate::faults::carrier::after;
use crate::support::{assert_meta, with};

#[test]
fn a_socks5_proxy_is_asked_for_the_broker_by_name() {
    let with_password = vec![
        (vec![5, 2, 0, 2], vec![5, 2]),
        (b"\x01\x03ann\x06s3cret".to_vec(), vec![1, 0]),
        // The name of where it is bound is of no use to anybody.
        (socks5_request(), b"\x05\0\0\x03\x04name\0\0".to_vec()),
    ];
    let credentials = json!({ "proxy-username": "ann", "proxy-password": "s3cret" });
    for (lines, credentials) in [(socks5(SOCKS5_DONE), json!({})), (with_password, credentials)] {
        let broker = broker();
        let proxy = ScriptedProxy::start(1, lines, Then::Carry(broker.address()));
        let meta = send(&with(&through("socks5", proxy.port()), credentials));
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
        broker.finish();
        proxy.finish();
    }
}

#[test]
fn an_http_proxy_is_asked_for_the_broker_by_name() {
    for (credentials, more, answer) in [
        (json!({}), "", "HTTP/1.1 200 Connection established\r\n\r\n"),
        (
            json!({ "proxy-username": "ann", "proxy-password": "s3cret" }),
            "Proxy-Authorization: Basic YW5uOnMzY3JldA==\r\n",
            "HTTP/1.0 200 OK\r\nProxy-Agent: tinyproxy\r\n\r\n",
        ),
    ] {
        let broker = broker();
        let proxy = ScriptedProxy::start(1, http(more, answer), Then::Carry(broker.address()));
        let meta = send(&with(&through("http", proxy.port()), credentials));
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
        broker.finish();
        proxy.finish();
    }
}

fn http(more: &str, answer: &str) -> Vec<Line> {
    vec![(connect_request(more).into_bytes(), answer.as_bytes().to_vec())]
}

/// What is said of a message that was not sent because of the proxy.
fn not_sent(scheme: &str, port: u16, reason: &str) -> String {
    format!(
        "Not sent, the broker tcp://{BROKER}:1883 could not be reached through the proxy {scheme}://127.0.0.1:{port}: \
         {reason}."
    )
}

#[test]
fn a_socks5_proxy_that_refuses_is_told_in_words() {
    for (reply, is_transient, reason) in [
        (1, true, "the proxy failed (SOCKS reply 1, general failure)"),
        (2, false, "the proxy does not allow a connection to the broker (SOCKS reply 2)"),
        (3, true, "the proxy has no way to the broker's network (SOCKS reply 3)"),
        (4, true, "the proxy cannot reach the broker, or does not find its name (SOCKS reply 4)"),
        (5, true, "the broker refused the proxy's connection (SOCKS reply 5)"),
        (6, true, "the proxy's way to the broker is too long (SOCKS reply 6, TTL expired)"),
        (7, false, "the proxy makes no connections (SOCKS reply 7)"),
        (8, false, "the proxy does not look names up, or not this kind of address (SOCKS reply 8)"),
        (9, false, "the proxy's answer is none that SOCKS5 has"),
    ] {
        // What may pass is tried again.
        let connections = if is_transient { 2 } else { 1 };
        let lines = socks5(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]);
        let proxy = ScriptedProxy::start(connections, lines, Then::Silence);
        let meta = send(&with(&through("socks5", proxy.port()), json!({ "retries": 1 })));
        assert_meta(&meta, 69, &after(connections, &not_sent("socks5", proxy.port(), reason)));
        proxy.finish();
    }
}

#[test]
fn a_socks5_proxy_that_wants_other_credentials_is_not_asked_again() {
    let refusing = vec![(vec![5, 2, 0, 2], vec![5, 2]), (b"\x01\x03ann\x06s3cret".to_vec(), vec![1, 1])];
    let demanding = |method| vec![(vec![5, 1, 0], vec![5, method])];
    let credentials = json!({ "proxy-username": "ann", "proxy-password": "s3cret" });
    let others = "the proxy demands another user name and password, or other credentials than these; proxy-username and \
         proxy-password were not given";
    let broken = json!({ "proxy-username": "ann", "proxy-password": "s3cre\n" });
    let refusing_broken =
        vec![(vec![5, 2, 0, 2], vec![5, 2]), (b"\x01\x03ann\x06s3cre\n".to_vec(), vec![1, 1])];
    for (lines, more, reason) in [
        (
            refusing,
            credentials,
            "the proxy does not accept the user name and password; look at proxy-username and proxy-password",
        ),
        (
            refusing_broken,
            broken,
            "the proxy does not accept the user name and password; look at proxy-username and proxy-password; \
             proxy-password ends in a line break, which was sent with it",
        ),
        (demanding(0xff), json!({}), others),
        (demanding(2), json!({}), others),
        (demanding(1), json!({}), "the proxy's answer is none that SOCKS5 has"),
    ] {
        let proxy = ScriptedProxy::start(1, lines, Then::Silence);
        let meta = send(&with(&with(&through("socks5", proxy.port()), more), json!({ "retries": 3 })));
        assert_meta(&meta, 69, &not_sent("socks5", proxy.port(), reason));
        proxy.finish();
    }
}

#[test]
fn an_http_proxy_that_refuses_is_told_by_its_status_line() {
    let none_given = "; proxy-username and proxy-password were not given";
    let other_kind = "; it wants credentials of another kind than Basic, and the connector has no other";
    let demands = "HTTP/1.1 407 Proxy Authentication Required";
    for (status, more, is_transient, about) in [
        (demands, "", false, none_given),
        (demands, "Proxy-Authenticate:\r\n", false, none_given),
        (demands, "Proxy-Authenticate: bAsic realm=\"a, b\"\r\n", false, none_given),
        (demands, "Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic\r\n", false, none_given),
        (demands, "Proxy-Authenticate: Negotiate, NTLM\r\n", false, other_kind),
        (demands, "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n", false, other_kind),
        ("HTTP/1.1 403 Forbidden", "", false, ""),
        ("HTTP/1.1 301 Moved Permanently", "", false, ""),
        ("HTTP/1.0 502 Bad Gateway", "", true, ""),
        ("HTTP/1.1 503 Service Unavailable", "", true, ""),
    ] {
        let connections = if is_transient { 2 } else { 1 };
        let answer = format!("{status}\r\nLocation: /elsewhere\r\n{more}\r\n");
        let proxy = ScriptedProxy::start(connections, http("", &answer), Then::Silence);
        let meta = send(&with(&through("http", proxy.port()), json!({ "retries": 1 })));
        let reason = format!("the proxy answered CONNECT with {status}{about}");
        assert_meta(&meta, 69, &after(connections, &not_sent("http", proxy.port(), &reason)));
        proxy.finish();
    }
}

#[test]
fn what_is_no_proxy_is_told() {
    let no_socks = "it does not answer in SOCKS5; this is no such proxy";
    let no_http = "it does not answer in HTTP; this is no such proxy";
    for (scheme, answer, reason) in [
        ("socks5", "HT", no_socks),
        ("socks5", "\u{4}\0", no_socks),
        ("http", "\u{5}\0", no_http),
        ("http", "HTTP/1.1 x\r\n\r\n", "this is no proxy: its answer is malformed HTTP"),
    ] {
        let asked = if scheme == "http" { connect_request("").into_bytes() } else { vec![5, 1, 0] };
        let proxy = ScriptedProxy::start(1, vec![(asked, answer.as_bytes().to_vec())], Then::Silence);
        let meta = send(&with(&through(scheme, proxy.port()), json!({ "retries": 1 })));
        assert_meta(&meta, 69, &not_sent(scheme, proxy.port(), reason));
        proxy.finish();
    }
}

#[test]
fn a_proxy_that_closes_the_connection_at_a_step_is_told() {
    let reason = "the proxy closed the connection when it was asked for one to the broker";
    for (scheme, lines) in [
        ("socks5", vec![(vec![5, 1, 0], vec![])]),
        ("socks5", vec![(vec![5, 1, 0], vec![5, 0]), (socks5_request(), vec![])]),
        ("socks5", socks5(&SOCKS5_DONE[..7])),
        ("http", http("", "")),
        ("http", http("", "HTTP/1.1 200 OK\r\n")),
    ] {
        let proxy = ScriptedProxy::start(1, lines, Then::Close);
        let meta = send(&through(scheme, proxy.port()));
        assert_meta(&meta, 69, &not_sent(scheme, proxy.port(), reason));
        proxy.finish();
    }
}

#[test]
fn a_proxy_that_is_silent_at_a_step_is_a_timeout() {
    let message = format!(
        "Not sent, the timeout was over before the message was sent to the broker tcp://{BROKER}:1883: no answer within 200 ms, while waiting \
         for the proxy. Sending it again is safe."
    );
    for (scheme, lines) in [
        ("socks5", vec![(vec![5, 1, 0], vec![])]),
        ("socks5", vec![(vec![5, 1, 0], vec![5, 0]), (socks5_request(), vec![])]),
        ("socks5", socks5(&SOCKS5_DONE[..7])),
        ("http", http("", "")),
        ("http", http("", "HTTP/1.1 200 OK\r\n")),
    ] {
        let proxy = ScriptedProxy::start(1, lines, Then::Silence);
        let meta = send(&with(&through(scheme, proxy.port()), json!({ "timeout": 200 })));
        assert_meta(&meta, 75, &message);
        proxy.finish();
    }
    let silent = SilentPort::open();
    let config = with(&through("http", silent.port()), json!({ "timeout": 200 }));
    assert_meta(&send(&config), 75, &message);
}

#[test]
fn a_proxy_that_nobody_answers_for_is_named_as_what_is_unreachable() {
    let closed = ClosedPort::open();
    let meta = send(&through("socks5", closed.port()));
    let reason = format!("the proxy could not be reached: {}: the connection was refused", closed.address());
    assert_meta(&meta, 69, &not_sent("socks5", closed.port(), &reason));
}
