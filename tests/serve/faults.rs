//! Faults of the call itself: problem details, and nothing is sent.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::thread;

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::json;

use crate::support::{ACME, Answer, Home, OTHER, PATIENCE, tenant, until};

#[test]
fn what_is_wrong_with_a_call_is_said() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let home = Home::new(broker.port());
    let service = home.serve(&["--largest-body", "1000"]);
    let send = |body: &str| service.post("/v1/send", body);
    let accept = |body: &str| service.post("/v1/executions", body);
    let long = format!(r#"{{"content":"{}"}}"#, "x".repeat(1000));
    for (call, status, detail) in [
        (send("{"), 400, "the request is not JSON (RFC 8259): line 1, column 1"),
        (send(""), 400, "the request is not JSON (RFC 8259): line 1, column 0"),
        (
            send("[]"),
            422,
            "the request is not a JSON object, as in {\"topic\": \"acme/door\", \"content\": \"open\"}",
        ),
        (send(&long), 413, "the body has more than 1000 bytes, which are the most that are taken"),
        (
            send("{}").header("Content-Type", "text/plain"),
            415,
            "the header Content-Type names something else than application/json",
        ),
        (
            send("{}").header("Content-Encoding", "gzip"),
            415,
            "the body is encoded, as the header Content-Encoding says: it is sent as it is",
        ),
        (
            service.post("/v1/send-batch", "{}"),
            415,
            "the header Content-Type names something else than application/jsonl",
        ),
        (
            send("{}").header("Idempotency-Key", "\""),
            400,
            "the header Idempotency-Key is not a text of 1 to 256 visible characters of ASCII, as in \
             \"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
        ),
        (accept("{"), 400, "the body is not JSON (RFC 8259): line 1, column 1"),
        (accept("{}"), 422, r#"the body has no request, as in {"request": {"content": "open"}}"#),
        (
            accept(r#"{"request":{},"attempt":1}"#),
            422,
            "a member of the body is not known: request, not-before, expires, attempts and ordering-key are",
        ),
        (accept(r#"{"request":{},"attempts":0}"#), 422, "attempts is 0: it is 1 to 100"),
        (
            accept(r#"{"request":{},"attempts":"3"}"#),
            422,
            "attempts in the body got a text, wants a whole number from 1 to 100",
        ),
        (
            accept(r#"{"request":{},"not-before":7}"#),
            422,
            "not-before in the body got 7, wants a time of RFC 3339, as in \"2026-11-29T06:30:00Z\"",
        ),
        (
            accept(r#"{"request":[]}"#),
            422,
            "the request is not a JSON object, as in {\"topic\": \"acme/door\", \"content\": \"open\"}",
        ),
        (service.get("/v1/executions?limit=x"), 400, "limit behind ? wants a whole number from 1 to 1000"),
        (
            service.get("/v1/executions/planted"),
            404,
            "there is no execution with this identifier, or it is no longer kept",
        ),
        (
            service.get("/v1/executions/%ff"),
            404,
            "there is no execution with this identifier, or it is no longer kept",
        ),
        (service.get("/v2"), 404, "there is no such path: /openapi.json names those that there are"),
    ] {
        assert_eq!(call.ask().problem(status), detail);
    }
    let mut binary = service.post("/v1/send", b"{\"content\":\"\xff\"}".to_vec());
    binary = binary.header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(binary.ask().problem(400), "the body is not UTF-8 text (RFC 8259, section 8.1): byte 12");
    for (method, path, allow) in [
        ("GET", "/v1/send", "POST"),
        ("DELETE", "/v1/executions", "GET,HEAD,POST"),
        ("PUT", "/livez", "GET,HEAD"),
    ] {
        let refused = service.call(method, path).ask();
        refused.problem(405);
        assert_eq!(refused.header("allow"), Some(allow));
    }
    observer.nothing();
}

#[test]
fn a_body_that_is_too_large_is_answered_however_it_comes() {
    let home = Home::new(1);
    let service = home.serve(&["--largest-body", "1000"]);
    let mut stream = service.call("POST", "/v1/send").begin("Transfer-Encoding: chunked\r\n");
    let chunk = format!("{:x}\r\n{}\r\n", 1024, "x".repeat(1024));
    (0..1000).for_each(|_| stream.write_all(chunk.as_bytes()).unwrap());
    write!(stream, "0\r\n\r\n").unwrap();
    Answer::read(stream).problem(413);
    let large = format!(r#"{{"content":"{}"}}"#, "x".repeat(10_000_000));
    for path in ["/v1/send", "/v1/check", "/v1/executions"] {
        let mut stream = service.call("POST", path).begin(&format!("Content-Length: {}\r\n", large.len()));
        stream.write_all(large.as_bytes()).unwrap();
        Answer::read(stream).problem(413);
        // What does not come is not waited for, and who asks before is answered at once.
        for line in ["", "Expect: 100-continue\r\n"] {
            let stream = service.call("POST", path).begin(&format!("Content-Length: 99999999999\r\n{line}"));
            Answer::read(stream).problem(413);
        }
    }
}

#[test]
fn slow_callers_keep_nobody_waiting_and_broken_ones_are_answered() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let slow: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = service.call("POST", "/v1/send").begin("Content-Length: 15\r\n");
            stream.write_all(&br#"{"content":"x"}"#[..number % 15]).unwrap();
            stream
        })
        .collect();
    let heads: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(service.address()).unwrap();
            stream.write_all(b"POST /v1/send HTTP/1.1\r\nAuth").unwrap();
            stream
        })
        .collect();
    assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).ask().exit_code(), 0);
    // Those that end in the middle are told so; the others are sent when they are whole.
    let mut ends = slow.into_iter();
    let broken = ends.next().unwrap();
    broken.shutdown(Shutdown::Write).unwrap();
    assert_eq!(Answer::read(broken).problem(400), "the body has not come to its end");
    let mut whole = ends.next().unwrap();
    whole.write_all(&br#"{"content":"x"}"#[1..]).unwrap();
    assert_eq!(Answer::read(whole).exit_code(), 0);
    drop((ends, heads));
    assert_eq!(observer.messages(2, PATIENCE).len(), 2);
}

#[test]
fn a_head_that_is_too_large_or_is_none_is_refused() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let large = service.get("/livez").header("X-Large", &"x".repeat(64 << 10)).ask();
    assert_eq!(large.status, 431);
    let mut stream = TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"\x16\x03\x01 no HTTP\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).status, 400);
    assert_eq!(service.get("/livez").ask().status, 200);
}

#[test]
fn a_call_names_one_host() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let asked = |version: &str, hosts: &str| {
        let mut stream = TcpStream::connect(service.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /livez HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n").unwrap();
        Answer::read(stream)
    };
    for hosts in ["", "Host: a\r\nHost: a\r\n"] {
        asked("1.1", hosts).problem(400);
    }
    assert_eq!(asked("1.1", "Host: a\r\n").status, 200);
    // Before RFC 2616 there was none.
    assert_eq!(asked("1.0", "").status, 200);
}

#[test]
fn a_tenant_that_has_as_many_waiting_as_it_may_is_busy_and_others_are_not() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let limited = |most: u32| {
        let acme = tenant("acme", &[ACME], broker.port());
        let limits = format!("[tenants.acme.limits]\nwaiting-executions = {most}\n");
        home.tenants(&[acme, limits, tenant("other", &[OTHER], broker.port())].concat());
    };
    limited(2);
    let service = home.serve(&[]);
    let later = json!({"request": {"content": "x"}, "not-before": "2999-01-01T00:00:00Z"}).to_string();
    let asked = || service.post("/v1/executions", &*later).ask();
    let id = service.accepts(&serde_json::from_str(&later).unwrap());
    assert_eq!(service.post("/v1/executions", &*later).header("Idempotency-Key", "k").ask().status, 202);
    let refused = asked();
    assert_eq!(
        refused.problem(429),
        "the tenant has 2 executions that have not ended, as many as its limit waiting-executions allows: ask again later, when some have ended"
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    // What was accepted before is no more than before.
    assert_eq!(service.post("/v1/executions", &*later).header("Idempotency-Key", "k").ask().status, 202);
    assert_eq!(
        service.post("/v1/send", r#"{"content":"x"}"#).header("Prefer", "respond-async").ask().status,
        429
    );
    assert_eq!(service.post("/v1/executions", &*later).token(OTHER).ask().status, 202);
    assert_eq!(service.call("POST", &format!("/v1/executions/{id}/cancel")).ask().status, 200);
    assert_eq!((asked().status, asked().status), (202, 429));

    limited(3);
    service.signal("HUP");
    service.says("read again");
    assert_eq!((asked().status, asked().status), (202, 429));
}

#[test]
fn a_tenant_whose_lines_take_all_that_its_bodies_may_is_busy_and_others_are_not() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let call = service.call("POST", "/v1/send-batch").header("Content-Type", "application/jsonl");
    let line = [b"{\"content\":\"".to_vec(), vec![b'x'; 8_000_000]].concat();
    let batches: Vec<_> = (0..40)
        .map(|_| {
            let stream = call.begin(&format!("Content-Length: {}\r\n", 2 * line.len()));
            let (mut writer, line) = (stream.try_clone().unwrap(), line.clone());
            // Of the last ones it is not read before there is room.
            thread::spawn(move || writer.write_all(&line));
            stream
        })
        .collect();
    let asked = |token: &str| service.post("/v1/check", "{}").token(token).ask();
    let refused = until(|| Some(asked(ACME)).filter(|answer| answer.status == 429));
    assert_eq!(
        refused.problem(429),
        "the bodies of the tenant's calls that are under way would have more than 268435456 bytes, which are the most"
    );
    assert_eq!(asked(OTHER).status, 200);
    batches.iter().for_each(|stream| stream.shutdown(Shutdown::Both).unwrap());
    until(|| Some(asked(ACME)).filter(|answer| answer.status == 200));
}

#[test]
fn a_store_that_is_full_is_busy_and_loses_nothing() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve(&["--store-size", "1"]);
    let body = json!({
        "request": {"content": "x".repeat(50_000)},
        "not-before": "2999-01-01T00:00:00Z",
    });
    let mut accepted = 0;
    let refused = loop {
        let answer = service.post("/v1/executions", body.to_string()).ask();
        if answer.status != 202 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 100, "it is never full");
    };
    assert!(refused.problem(429).starts_with("the store of executions is full"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let listed = service.get("/v1/executions?limit=1000").ask().json();
    assert_eq!(listed["executions"].as_array().unwrap().len(), accepted);
    // Who waits needs no store.
    assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).ask().exit_code(), 0);
}
