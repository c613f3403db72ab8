//! What does not go as a script says is a problem, which the test hears of.

use super::*;

#[test]
fn mismatch_says_what_was_expected_and_what_came() {
    let broker = ScriptedBroker::builder()
        .connection(accept().into_iter().chain([Step::expect(Expect::publish().topic("wanted").qos(1))]))
        .start();
    assert!(!publish(broker.port(), "-t got -m m -q 1").status.success());
    let problems = broker.finish_unchecked().problems;
    assert_eq!(
        problems[..1],
        ["connection 0, step 2: expect PUBLISH topic=\"wanted\" qos=1: \
          got PUBLISH dup=false qos=1 retain=false packet id=1 topic=\"got\" payload=\"m\""]
    );
}

/// Otherwise a test passes whose last expectations nobody looks at.
#[test]
fn steps_after_the_end_of_the_connection_are_problems() {
    for (end, shown) in [
        (Step::expect_end(), "expect the end of the connection"),
        (Step::close(), "close"),
        (Step::reset(), "reset"),
        (Step::silence(), "silence"),
        (Step::deaf(), "deaf"),
        (Step::serve(), "serve"),
    ] {
        assert_eq!(end.to_string(), shown);
        let broker = ScriptedBroker::builder().connection([end, Step::expect(Expect::publish())]).start();
        drop(connect(&broker));
        assert_eq!(
            broker.finish_unchecked().problems,
            [
                "connection 0, step 1: expect PUBLISH: never reached: the step before it ends the connection, and each \
              connection has a script of its own"
            ],
            "{shown}"
        );
    }
}

#[test]
fn missing_and_needless_connections_are_problems() {
    let broker = ScriptedBroker::builder().connection([]).connection([]).start();
    drop(connect(&broker));
    assert_eq!(broker.finish_unchecked().problems, ["connection 1 was never opened"]);

    let broker = ScriptedBroker::untouched();
    drop(connect(&broker));
    assert_eq!(broker.finish_unchecked().problems, ["connection 0 is not in the script"]);

    let record = ScriptedBroker::untouched().finish();
    assert!(record.conversations.is_empty());
}

#[test]
fn step_that_waits_in_vain_is_a_problem() {
    let broker = ScriptedBroker::builder()
        .step_timeout(Duration::from_millis(50))
        .connection([Step::expect(Expect::connect())])
        .start();
    let mut client = connect(&broker);
    client.write_all(&CONNECT[..5]).expect("sent");
    let problem = broker.finish_unchecked().problems.join("\n");
    assert!(problem.starts_with("connection 0, step 0: expect CONNECT: nothing came within"), "{problem}");
    assert!(problem.ends_with("what came is [10 0d 00 04 4d]"), "{problem}");
}

#[test]
fn malformed_packets_are_told() {
    for (bytes, why) in [
        (&b"\x11\x00"[..], "reserved flags in the first byte"),
        (b"\x30\xff\xff\xff\xff\x01", "the remaining length has more than four bytes"),
        (b"\x36\x05\x00\x01t\x00\x01", "quality of service 3"),
        (b"\x38\x03\x00\x01t", "DUP with quality of service 0"),
        (b"\x32\x05\x00\x01t\x00\x00", "packet identifier 0"),
        (b"\x30\x03\x00\x01#", "a wildcard in a topic name"),
        (b"\x30\x04\x00\x01t", "not one whole packet"),
        (b"\x30\x03\x00\x09t", "a field goes beyond the packet's end"),
        (b"\x30\x03\x00\x01\xff", "a string that is not UTF-8"),
        (b"\x60\x02\x00\x01", "reserved flags in the first byte"),
        (b"\x40\x03\x00\x01\x00", "bytes after the last field"),
        (b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x3c\x00\x01c", "reserved flag in CONNECT"),
        (b"\x10\x10\x00\x04MQTT\x04\x42\x00\x3c\x00\x01c\x00\x01p", "a password without a user name"),
    ] {
        assert_eq!(Packet::parse(bytes, 4), Packet::Malformed { why, bytes: bytes.to_vec() });
    }
}

#[test]
#[should_panic(expected = "it did not go by the script")]
fn finish_panics_on_a_problem() {
    ScriptedBroker::builder().connection([]).start().finish();
}

#[test]
#[should_panic(expected = "dropped without `finish`")]
fn a_broker_that_nobody_asks_what_happened_panics() {
    drop(ScriptedBroker::untouched());
}

/// Within a time that a deadlock does not keep.
#[test]
fn a_condition_may_ask_the_broker_itself() {
    let broker = ScriptedBroker::builder().connection([]).connection([]).start();
    let (_first, _second) = (connect(&broker), connect(&broker));
    let (done, met) = mpsc::channel();
    thread::spawn(move || {
        broker.wait_until(SOON, |_| broker.connections() == 2 && broker.record().problems.is_empty());
        let _ = done.send(broker);
    });
    let broker = met.recv_timeout(SOON).expect("it does not wait for itself");
    assert_eq!(broker.connections(), 2);
    broker.finish();
}
