//! How the service ends, and begins again.

use std::process::Command;
use std::{fs, thread};

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::json;

use crate::support::{ACME, Answer, Home, PATIENCE, tenant};

#[test]
fn what_runs_is_finished_and_nothing_more_begins() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let mut service = home.serve(&[]);
    assert_eq!(service.post("/v1/send", r#"{"content":"before"}"#).ask().exit_code(), 0);
    // The broker says nothing while the service ends.
    broker.pause();
    let waiting = thread::scope(|scope| {
        let synchronous = scope.spawn(|| service.post("/v1/send", r#"{"content":"synchronous"}"#).ask());
        let running = service.accepts(&json!({"request": {"content": "asynchronous"}}));
        let waiter = scope.spawn({
            let path = format!("/v1/executions/{running}?wait=60");
            || service.get(&path.leak()[..]).ask()
        });
        let later =
            service.accepts(&json!({"request": {"content": "x"}, "not-before": "2999-01-01T00:00:00Z"}));
        // Both are under way.
        while service.get(&format!("/v1/executions/{running}")).ask().json()["status"] != "running" {
            thread::yield_now();
        }
        while !service.get("/metrics").ask().body.contains("mqtt_client_sends_in_flight{tenant=\"acme\"} 2") {
            thread::yield_now();
        }
        service.signal("TERM");
        while service.get("/readyz").ask().status != 503 {
            thread::yield_now();
        }
        for (path, body) in [
            ("/v1/send", r#"{"content":"late"}"#),
            ("/v1/send-batch", ""),
            ("/v1/executions", r#"{"request":{"content":"late"}}"#),
            (&format!("/v1/executions/{later}/retry"), ""),
        ] {
            let refused = service.post(path, body).ask();
            refused.problem(503);
            assert_eq!(refused.header("retry-after"), Some("1"));
        }
        // What was accepted can still be looked at.
        assert_eq!(service.get(&format!("/v1/executions/{later}")).ask().json()["status"], "accepted");
        broker.resume();
        assert_eq!(synchronous.join().unwrap().exit_code(), 0);
        assert_eq!(waiter.join().unwrap().json()["meta"]["exit-code"], 0);
        later
    });
    assert_eq!(service.ends().code(), Some(0));
    broker.wait_for_log("Received DISCONNECT from acme", PATIENCE);
    let mut payloads: Vec<_> = observer.settled().into_iter().map(|message| message.payload).collect();
    payloads.sort();
    assert_eq!(payloads, [&b"asynchronous"[..], b"before", b"synchronous"]);

    let service = home.serve(&[]);
    assert_eq!(service.get(&format!("/v1/executions/{waiting}")).ask().json()["status"], "accepted");
}

#[test]
fn who_waits_for_what_has_not_begun_keeps_the_service_from_ending_no_longer_than_what_runs() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let limits = "[tenants.acme.limits]\nconcurrent-sends = 1\n";
    home.tenants(&format!("{}{limits}", tenant("acme", &[ACME], broker.port())));
    let mut service = home.serve(&["--drain", "3600"]);
    assert_eq!(service.post("/v1/send", r#"{"content":"before"}"#).ask().exit_code(), 0);
    broker.pause();
    let running = service.accepts(&json!({"request": {"content": "running"}}));
    while service.get(&format!("/v1/executions/{running}")).ask().json()["status"] != "running" {
        thread::yield_now();
    }
    let paths = thread::scope(|scope| {
        let ask = |content: &str, name: &str, value: &str| {
            let call = service.post("/v1/send", format!(r#"{{"content":"{content}"}}"#)).header(name, value);
            scope.spawn(|| call.ask())
        };
        let waiting =
            [ask("keyed", "Idempotency-Key", "k"), ask("preferred", "Prefer", "respond-async, wait=60")];
        let accepted = || service.get("/v1/executions?status=accepted").ask().json()["executions"].clone();
        while accepted().as_array().unwrap().len() < waiting.len() {
            thread::yield_now();
        }
        service.signal("TERM");
        while service.get("/readyz").ask().status != 503 {
            thread::yield_now();
        }
        broker.resume();
        waiting.map(|waiting| {
            let answer = waiting.join().unwrap();
            assert_eq!((answer.status, &answer.json()["status"]), (202, &json!("accepted")), "{answer:?}");
            answer.header("location").unwrap().to_owned()
        })
    });
    assert_eq!(service.ends().code(), Some(0));

    let service = home.serve(&[]);
    for path in paths {
        assert_eq!(service.get(&format!("{path}?wait=60")).ask().json()["meta"]["exit-code"], 0);
    }
}

#[test]
fn what_does_not_end_in_time_is_broken_off_with_the_truth() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let mut service = home.serve(&["--drain", "0"]);
    assert_eq!(service.post("/v1/send", r#"{"content":"before"}"#).ask().exit_code(), 0);
    broker.pause();
    thread::scope(|scope| {
        let send = scope.spawn(|| service.post("/v1/send", r#"{"content":"x"}"#).ask());
        while !service.get("/metrics").ask().body.contains("mqtt_client_sends_in_flight{tenant=\"acme\"} 1") {
            thread::yield_now();
        }
        service.signal("TERM");
        let answer = send.join().unwrap();
        // Whether it had left by then, the code says.
        assert!([75, 79].contains(&answer.exit_code()), "{answer:?}");
    });
    assert_eq!(service.ends().code(), Some(0));
    broker.resume();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let mut service = home.serve(&[]);
    broker.pause();
    let stream = {
        let call = service.post("/v1/send", r#"{"content":"x"}"#);
        let mut stream = call.begin("Content-Length: 15\r\n");
        std::io::Write::write_all(&mut stream, br#"{"content":"x"}"#).unwrap();
        stream
    };
    while !service.get("/metrics").ask().body.contains("mqtt_client_sends_in_flight{tenant=\"acme\"} 1") {
        thread::yield_now();
    }
    service.signal("TERM");
    while service.get("/readyz").ask().status != 503 {
        thread::yield_now();
    }
    service.signal("INT");
    assert_eq!(service.ends().code(), Some(128 + 2));
    drop(stream);
    broker.resume();
}

#[test]
fn what_was_accepted_is_carried_out_after_a_kill() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let soon = json!({"request": {"content": "x"}, "attempts": 100});
    // Some are carried out, some are under way, some wait.
    let ids: Vec<String> = (0..100)
        .map(|number| {
            if number == 50 {
                broker.pause();
            }
            service.accepts(&soon)
        })
        .collect();
    service.signal("KILL");
    drop(service);
    broker.resume();
    let service = home.serve(&[]);
    for id in &ids {
        let execution = service.ended(id);
        // QoS 1 is sent again where nobody knows.
        assert_eq!(
            (&execution["status"], &execution["meta"]["exit-code"]),
            (&json!("finished"), &json!(0)),
            "{execution}"
        );
    }
    assert!(observer.settled().len() >= 100);
    let listed = service.get("/v1/executions?limit=1000").ask().json();
    assert_eq!(listed["executions"].as_array().unwrap().len(), 100);
}

#[test]
fn a_store_is_one_services() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let mut second = home.spawn(&["--listen", "127.0.0.1:0"]);
    second.says("mqtt-connector.db");
    assert_eq!(second.ends().code(), Some(66));
    assert_eq!(service.get("/livez").ask().status, 200);
}

#[test]
fn calls_on_one_connection_follow_each_other() {
    use std::io::{Read as _, Write as _};

    let home = Home::new(1);
    let service = home.serve(&[]);
    let mut stream = std::net::TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: service\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).status, 200);
}

#[test]
fn a_file_of_tenants_that_does_not_come_keeps_it_from_nothing() {
    let home = Home::new(1);
    let mut service = home.serve(&[]);
    let file = home.path().join("tenants.toml");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    service.signal("HUP");
    // Open when the service has opened it, which then waits for what is never written.
    let _writer = fs::OpenOptions::new().write(true).open(&file).unwrap();
    service.post("/v1/check", "{}").ask();
    service.signal("TERM");
    assert_eq!(service.ends().code(), Some(0));
}

#[test]
fn a_store_that_cannot_be_opened_is_named_with_the_cause() {
    let home = Home::new(1);
    for (store, said) in [
        ("missing/x.db", "mqtt-connector: missing/x.db: No such file or directory (os error 2)."),
        (".", "mqtt-connector: .: Is a directory (os error 21)."),
    ] {
        let mut refused = home.spawn(&["--listen", "127.0.0.1:0", "--store", store]);
        assert_eq!(refused.says("mqtt-connector: "), said);
        assert_eq!(refused.ends().code(), Some(66));
    }
}

#[test]
fn a_store_is_a_file_whatever_its_name_means_to_sqlite() {
    let home = Home::new(1);
    let service = home.serve(&["--store", ":memory:"]);
    let id = service.accepts(&json!({"request": {"content": "x"}, "not-before": "2999-01-01T00:00:00Z"}));
    service.signal("KILL");
    drop(service);
    let service = home.serve(&["--store", ":memory:"]);
    assert_eq!(service.get(&format!("/v1/executions/{id}")).ask().json()["status"], "accepted");
}
