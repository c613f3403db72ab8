//! Messages that arrive, byte for byte, and the exit status of those that do not.

use mqtt_connector_tests::pki::{Fault, Pki};
use mqtt_connector_tests::port::{ClosedPort, SilentPort};
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, ServerTls, Step, encode};

use crate::support::{PATIENCE, Program};

#[test]
fn flags_alone_send_at_every_quality_of_service() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "plant/#");
    let content = "Grüße, \"line\" 1\n\t\\ \u{1f600}";
    for (flags, qos, words) in [
        (&["--qos", "0"][..], 0, "QoS 0 (never acknowledged)"),
        (&["--qos", "1"], 1, "QoS 1"),
        (&["--qos", "2"], 2, "QoS 2"),
        (&[], 2, "QoS 2"),
    ] {
        let topic = format!("plant/line {qos}");
        let run = Program::send(broker.port())
            .args(["--topic", &topic, "--content", content])
            .args(flags.iter().copied())
            .run();
        let port = broker.port();
        run.answers(0, &format!("Sent with {words} to topic \"{topic}\" at tcp://127.0.0.1:{port} in # ms."));
    }
    let came = observer.messages(4, PATIENCE);
    let came: Vec<_> = came.iter().map(|message| (&*message.topic, message.qos, &*message.payload)).collect();
    let content = content.as_bytes();
    assert_eq!(
        came,
        [
            ("plant/line 0", 0, content),
            ("plant/line 1", 1, content),
            ("plant/line 2", 2, content),
            ("plant/line 2", 2, content)
        ]
    );
}

#[test]
fn content_of_flags_is_text_as_it_stands() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let contents = ["", "-5", "--qos", "null", " {\"a\" : 1} ", "1E400"];
    for content in contents {
        let run = Program::send(broker.port()).args(["--topic", "t", "--content", content]).run();
        run.answers(0, &format!("Sent with QoS 2 to topic \"t\" at tcp://{} in # ms.", broker.address()));
    }
    let run = Program::send(broker.port()).args(["--topic", "t", "--content-base64", "AP+AIg=="]).run();
    run.answers(0, &format!("Sent with QoS 2 to topic \"t\" at tcp://{} in # ms.", broker.address()));
    let came: Vec<_> = observer.messages(7, PATIENCE).into_iter().map(|message| message.payload).collect();
    let mut expected: Vec<Vec<u8>> = contents.iter().map(|content| content.as_bytes().to_vec()).collect();
    expected.push(b"\x00\xff\x80\"".to_vec());
    assert_eq!(came, expected);
}

#[test]
fn broker_that_wants_a_password_refuses_others() {
    let broker = Mosquitto::builder().password("ann", "right").start();
    let observer = Observer::builder(broker.port()).password("ann", "right").filter("t").start();
    let message = format!(
        "Not sent, the broker tcp://{} refused the connection with return code 5: the client is not authorised to \
         connect. Look at username, password and client-id. ",
        broker.address()
    );
    for (credentials, given) in [
        (&[][..], "No user name and no password were given."),
        (&["--username", "ann"], "The user name is from the flag --username. No password was given."),
        (
            &["--username", "ann", "--password", "wrong"],
            "The user name is from the flag --username. The password is from the flag --password.",
        ),
    ] {
        let run = Program::send(broker.port()).args(["--topic", "t", "--content", "c"]);
        run.args(credentials.iter().copied()).run().answers(5, &format!("{message}{given}"));
    }
    let run = Program::send(broker.port()).args(["--topic", "t", "--content", "c"]);
    run.args(["--username", "ann", "--password", "right"])
        .run()
        .answers(0, &format!("Sent with QoS 2 to topic \"t\" at tcp://{} in # ms.", broker.address()));
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"c");
}

#[test]
fn return_codes_of_connack_are_exit_codes() {
    for (code, meaning) in [
        (1, "it does not speak this version of MQTT. Look at protocol-version"),
        (2, "it does not allow the client identifier. Look at client-id"),
        (3, "its MQTT service is unavailable. Try again later"),
        (
            4,
            "the user name or the password is wrong. Look at username and password. No user name and no password were given",
        ),
        (
            5,
            "the client is not authorised to connect. Look at username, password and client-id. No user name and no \
             password were given",
        ),
    ] {
        let broker = ScriptedBroker::builder()
            .connection([
                Step::expect(Expect::connect()),
                Step::send(encode::connack(false, code)),
                Step::expect_end(),
            ])
            .start();
        let address = broker.address();
        Program::send(broker.port()).args(["--topic", "t", "--content", "c"]).run().answers(
            i32::from(code),
            &format!(
                "Not sent, the broker tcp://{address} refused the connection with return code {code}: {meaning}."
            ),
        );
        broker.finish();
    }
}

#[test]
fn host_that_is_not_found_is_68() {
    // The name is reserved never to exist (RFC 6761, section 6.4); how the resolver says so is its own business.
    Program::new(["send", "--broker", "tcp://no-such-host.invalid", "--client-id", "sender"])
        .args(["--topic", "t", "--content", "c"])
        .env("RES_OPTIONS", "timeout:1 attempts:1")
        .run()
        .answers(68, "Not sent, the host of the broker tcp://no-such-host.invalid:1883 was not found: ….");
}

#[test]
fn broker_that_refuses_tcp_is_69() {
    let port = ClosedPort::open();
    let address = port.address();
    Program::send(port.port()).args(["--topic", "t", "--content", "c"]).run().answers(
        69,
        &format!(
            "Not sent, the broker tcp://{address} could not be reached: {address}: the connection was refused."
        ),
    );
}

#[test]
fn silent_broker_is_75() {
    let port = SilentPort::open();
    let url = format!("tcp://{}", port.address());
    let program = Program::new(["send", "--broker", &url, "--client-id", "sender", "--timeout", "200"]);
    program.args(["--topic", "t", "--content", "c"]).run().answers(
        75,
        &format!(
            "Not sent, the timeout was over before the message was sent to the broker tcp://{}: no answer within 200 ms, while waiting for \
             CONNACK. Sending it again is safe.",
            port.address()
        ),
    );
}

/// What a broker does on the one connection there is, and what is said about it.
#[test]
fn faults_of_the_broker_have_their_exit_codes() {
    let connected = || vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, 0))];
    let with = |mut steps: Vec<Step>, more: [Step; 2]| {
        steps.extend(more);
        steps
    };
    let published = |qos| Step::expect(Expect::publish().qos(qos).topic("t").payload("c"));
    for (qos, steps, exit_code, message) in [
        (
            "2",
            with(Vec::new(), [Step::expect(Expect::connect()), Step::close()]),
            74,
            "Not sent, the connection to the broker … was lost before the message was sent: the broker closed the connection, while \
             waiting for CONNACK (a broker behind TLS is named with ssl://). Sending it again is safe.",
        ),
        (
            "2",
            with(Vec::new(), [Step::expect(Expect::connect()), Step::send(encode::pingresp())]),
            76,
            "Not sent, the broker … broke the protocol: its first packet is not CONNACK.",
        ),
        (
            "1",
            with(connected(), [published(1), Step::close()]),
            79,
            "Sent to the broker …, but not acknowledged: the connection was lost (the broker closed the connection, \
             while waiting for the acknowledgement; perhaps another client came with the same client-id: give each its \
             own, or \"\", and the broker chooses one). It may have arrived. Sending it again is safe.",
        ),
        (
            "2",
            with(connected(), [published(2), Step::close()]),
            79,
            "Sent to the broker …, but not acknowledged: the connection was lost (the broker closed the connection, \
             while waiting for the acknowledgement; perhaps another client came with the same client-id: give each its \
             own, or \"\", and the broker chooses one). It may have arrived. Sending it again may duplicate it.",
        ),
        (
            "1",
            with(connected(), [published(1), Step::send(b"\0\0")]),
            79,
            "Sent to the broker …, but not acknowledged: the broker broke the protocol (…). It may have arrived. \
             Sending it again is safe.",
        ),
    ] {
        let broker = ScriptedBroker::builder().connection(steps).start();
        let address = format!("tcp://{}", broker.address());
        let run = Program::send(broker.port()).args(["--topic", "t", "--content", "c", "--qos", qos]).run();
        run.answers(exit_code, &message.replacen('…', &address, 1));
        broker.finish();
    }
}

#[test]
fn certificate_that_is_not_accepted_is_78() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.faulty_server(Fault::UnknownAuthority, &["127.0.0.1"])))
        .raw_connection([Step::expect_tls_failure()])
        .start();
    let address = format!("ssl://{}", broker.address());
    Program::new(["send", "--broker", &address, "--client-id", "sender", "--topic", "t", "--content", "c"])
        .args(["--root-ca-crt", pki.authority().path_str(), "--retries", "0"])
        .run()
        .answers(
            78,
            &format!(
                "Not sent, TLS with the broker {address} failed: the broker's certificate was not accepted: its \
                 issuer is unknown: \"CN=Unknown CA\" is neither among the trust anchors (see root-ca-crt) nor among \
                 the certificates that the broker sent, where an intermediate may be missing."
            ),
        );
    broker.finish();
}
