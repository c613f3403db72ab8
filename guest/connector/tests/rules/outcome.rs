//! What the publisher answers → exit code and message.

use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::publisher::{Error, Failure, Progress, Qos, Receipt, Refusal};
use mqtt_connector_guest::action::{Answer, Published, check, send, send_batch};

const TCP: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#;
const UNUSED: &str =
    r#"{"broker":"ssl://h","client-id":"c","topic":"t","content":"x","certificate":"/c","private-key":"/k"}"#;
const HINT: &str = " certificate and private-key were given but not used, because use-certificate is false: if the broker wants them, set it to true.";

fn answered(config: &str, request: &str, answer: Published) -> (i32, String) {
    let meta = send(config, request, |_, _, _| answer);
    (meta.exit_code, meta.message)
}

fn receipt(qos: Qos, elapsed_microseconds: u64) -> Published {
    Ok(vec![Ok(Receipt { qos, reason_code: 0, broker: 0, assigned_client_id: None, elapsed_microseconds })])
}

fn not_sent(reason: &str) -> Failure {
    Failure { broker: 0, progress: Progress::NotSent, reason: reason.to_owned() }
}

fn unacknowledged(reason: &str) -> Failure {
    Failure { broker: 0, progress: Progress::SentUnacknowledged, reason: reason.to_owned() }
}

fn refusal(code: u8, reason: &str) -> Refusal {
    Refusal { broker: 0, code, reason: reason.to_owned(), server_reference: None }
}

#[test]
fn times() {
    for (microseconds, shown) in [
        (0, "0.0"),
        (99, "0.0"),
        (100, "0.1"),
        (999, "0.9"),
        (9_999, "9.9"),
        (10_000, "10.0"),
        (90_807_060, "90807.0"),
        (u64::MAX, "18446744073709551.6"),
    ] {
        let message = format!("Sent with QoS 2 to topic \"t\" at tcp://h:1883 in {shown} ms.");
        assert_eq!(answered(TCP, "{}", receipt(Qos::ExactlyOnce, microseconds)), (0, message));
    }
}

#[test]
fn success() {
    let aws = r#"{"broker":"ssl://a.iot.us-east-1.amazonaws.com","client-id":"c","topic":"t","content":"x"}"#;
    for (config, request, answer, message) in [
        (
            TCP,
            "{}",
            receipt(Qos::ExactlyOnce, 12_345),
            r#"Sent with QoS 2 to topic "t" at tcp://h:1883 in 12.3 ms."#,
        ),
        (
            TCP,
            r#"{"qos":1}"#,
            receipt(Qos::AtLeastOnce, 99),
            r#"Sent with QoS 1 to topic "t" at tcp://h:1883 in 0.0 ms."#,
        ),
        (
            TCP,
            r#"{"qos":0,"topic":"a\u2028\"b\""}"#,
            receipt(Qos::AtMostOnce, 1_000_000),
            r#"Sent with QoS 0 (never acknowledged) to topic "a\u{2028}\"b\"" at tcp://h:1883 in 1000.0 ms."#,
        ),
        (
            TCP,
            r#"{"broker":"MQTTS://[2001:db8::1]:1"}"#,
            receipt(Qos::ExactlyOnce, 1_000),
            r#"Sent with QoS 2 to topic "t" at mqtts://[2001:db8::1]:1 in 1.0 ms."#,
        ),
        (
            TCP,
            "{}",
            receipt(Qos::AtLeastOnce, 1_000),
            r#"Sent with QoS 1 to topic "t" at tcp://h:1883 in 1.0 ms. QoS 2 was asked for, and the broker has no higher one: QoS 1 instead."#,
        ),
        (
            aws,
            "{}",
            receipt(Qos::AtLeastOnce, 1_000),
            r#"Sent with QoS 1 to topic "t" at ssl://a.iot.us-east-1.amazonaws.com:8883 in 1.0 ms. QoS 2 was asked for, and AWS IoT has no QoS 2: QoS 1 instead."#,
        ),
    ] {
        assert_eq!(answered(config, request, answer), (0, message.to_owned()), "{config} {request}");
    }
}

#[test]
fn every_error() {
    for (error, exit_code, message) in [
        (
            Error::Denied("topic x is not granted.".into()),
            77,
            "Not sent, it is not allowed: topic x is not granted.",
        ),
        (
            Error::UnusableCredential("root-ca-crt: /ca.pem: no such file".into()),
            66,
            "Not sent, a certificate or key cannot be used: root-ca-crt: /ca.pem: no such file.",
        ),
        (
            Error::HostNotFound("no address".into()),
            68,
            "Not sent, the host of the broker tcp://h:1883 was not found: no address.",
        ),
        (
            Error::Unreachable("refused".into()),
            69,
            "Not sent, the broker tcp://h:1883 could not be reached: refused.",
        ),
        (
            Error::Tls("certificate expired".into()),
            78,
            "Not sent, TLS with the broker tcp://h:1883 failed: certificate expired.",
        ),
        (
            Error::ConnectionRefused(refusal(1, "")),
            1,
            "Not sent, the broker tcp://h:1883 refused the connection with return code 1: it does not speak this version of MQTT. Look at protocol-version.",
        ),
        (
            Error::ConnectionRefused(refusal(2, "")),
            2,
            "Not sent, the broker tcp://h:1883 refused the connection with return code 2: it does not allow the client identifier. Look at client-id.",
        ),
        (
            Error::ConnectionRefused(refusal(3, "")),
            3,
            "Not sent, the broker tcp://h:1883 refused the connection with return code 3: its MQTT service is unavailable. Try again later.",
        ),
        (
            Error::ConnectionRefused(refusal(4, "")),
            4,
            "Not sent, the broker tcp://h:1883 refused the connection with return code 4: the user name or the password is wrong. Look at username and password. No user name and no password were given.",
        ),
        (
            Error::ConnectionRefused(refusal(5, "")),
            5,
            "Not sent, the broker tcp://h:1883 refused the connection with return code 5: the client is not authorised to connect. Look at username, password and client-id. No user name and no password were given.",
        ),
        (
            Error::ConnectionRefused(refusal(6, "x")),
            76,
            "Not sent, the broker tcp://h:1883 refused the connection with return code 6, which the standard does not have.",
        ),
        (
            Error::ConnectionRefused(refusal(0, "x")),
            70,
            "A fault of the host: it took the code 0 for a refusal.",
        ),
        (
            Error::ConnectionRefused(refusal(149, "packet too large")),
            149,
            "Not sent, the broker tcp://h:1883 refused the connection with reason code 149 (Packet too large). The message has to be smaller.",
        ),
        (
            Error::PublishRefused(refusal(135, "not authorized")),
            135,
            "Not sent, the broker tcp://h:1883 refused the message with reason code 135 (Not authorized). Look at username, password, client-id and topic.",
        ),
        (
            Error::PublishRefused(refusal(16, "x")),
            70,
            "A fault of the host: it took the code 16 for a refusal.",
        ),
        (
            Error::ConnectionLost(not_sent("end of stream")),
            74,
            "Not sent, the connection to the broker tcp://h:1883 was lost before the message was sent: end of stream. Sending it again is safe.",
        ),
        (
            Error::TimedOut(not_sent("waiting for CONNACK")),
            75,
            "Not sent, the timeout was over before the message was sent to the broker tcp://h:1883: waiting for CONNACK. Sending it again is safe.",
        ),
        (
            Error::Protocol(not_sent("no CONNACK")),
            76,
            "Not sent, the broker tcp://h:1883 broke the protocol: no CONNACK.",
        ),
        (
            Error::TooLarge("2 MiB, 1 MiB allowed".into()),
            77,
            "Not sent, it is too large: 2 MiB, 1 MiB allowed.",
        ),
    ] {
        let shown = format!("{error:?}");
        let (whole, single) = (Err(error.clone()), Ok(vec![Err(error)]));
        assert_eq!(answered(TCP, "{}", whole), (exit_code, message.to_owned()), "{shown}");
        assert_eq!(answered(TCP, "{}", single), (exit_code, message.to_owned()), "{shown}");
    }
}

#[test]
fn perhaps() {
    for (qos, again) in
        [(0, ""), (1, " Sending it again is safe."), (2, " Sending it again may duplicate it.")]
    {
        for (error, what) in [
            (Error::ConnectionLost(unacknowledged("x")), "the connection was lost"),
            (Error::TimedOut(unacknowledged("x")), "the time was over"),
            (Error::Protocol(unacknowledged("x")), "the broker broke the protocol"),
        ] {
            let message = format!(
                "Sent to the broker tcp://h:1883, but not acknowledged: {what} (x). It may have arrived.{again}"
            );
            assert_eq!(answered(TCP, &format!(r#"{{"qos":{qos}}}"#), Err(error)), (79, message));
        }
    }
}

#[test]
fn certificates_that_were_not_used_are_mentioned() {
    for (error, mentioned) in [
        (Error::Tls("x".into()), true),
        (Error::ConnectionRefused(refusal(4, "")), true),
        (Error::ConnectionRefused(refusal(5, "")), true),
        (Error::ConnectionRefused(refusal(134, "")), true),
        (Error::ConnectionRefused(refusal(135, "")), true),
        (Error::ConnectionLost(not_sent("x")), true),
        (Error::ConnectionLost(unacknowledged("x")), false),
        (Error::ConnectionRefused(refusal(2, "")), false),
        (Error::TimedOut(not_sent("x")), false),
        (Error::Unreachable("x".into()), false),
        (Error::Denied("x".into()), false),
    ] {
        let shown = format!("{error:?}");
        let (_, message) = answered(UNUSED, "{}", Err(error.clone()));
        assert_eq!(message.ends_with(HINT), mentioned, "{shown}: {message}");
        let (_, message) = answered(UNUSED, r#"{"use-certificate":true}"#, Err(error.clone()));
        assert!(!message.contains(HINT), "used: {shown}: {message}");
        let (_, message) = answered(TCP, "{}", Err(error));
        assert!(!message.contains(HINT), "none given: {shown}: {message}");
    }
}

#[test]
fn words_from_outside_stay_on_one_short_line() {
    let reason = format!("a\r\n\u{1b}[31mred\u{202e} {}", "x".repeat(10_000));
    let topic = format!(r#"{{"topic":"{}\u2028"}}"#, "t".repeat(5_000));
    let (_, message) = answered(TCP, &topic, Err(Error::Unreachable(reason)));
    assert!(message.contains(r"a\u{d}\n\u{1b}[31mred\u{202e} xxx"), "{message}");
    let (_, sent) = answered(TCP, &topic, receipt(Qos::ExactlyOnce, 1));
    for message in [message, sent] {
        assert!(message.len() < 2048, "{}", message.len());
        assert!(!message.chars().any(char::is_control), "{message}");
    }
    let (_, message) = answered(TCP, "{}", Err(Error::Tls(" . ".into())));
    assert_eq!(message, "Not sent, TLS with the broker tcp://h:1883 failed: no reason was given.");
}

#[test]
fn a_host_that_miscounts() {
    assert_eq!(
        answered(TCP, "{}", Ok(Vec::new())),
        (70, "A fault of the host: its publisher answered 0 results for 1 messages. Whether the message was sent is not known.".to_owned())
    );
}

#[test]
fn connections_are_counted_when_it_was_more_than_one() {
    let refused = || Err(Error::Unreachable("refused".to_owned()));
    for (published, connections, answer) in [
        (receipt(Qos::AtLeastOnce, 100), 0, "Sent with QoS 1 to topic \"t\" at tcp://h:1883 in 0.1 ms."),
        (receipt(Qos::AtLeastOnce, 100), 1, "Sent with QoS 1 to topic \"t\" at tcp://h:1883 in 0.1 ms."),
        (
            receipt(Qos::AtLeastOnce, 100),
            3,
            "Sent with QoS 1 to topic \"t\" at tcp://h:1883 in 0.1 ms. 3 connections were tried.",
        ),
        (refused(), 1, "Not sent, the broker tcp://h:1883 could not be reached: refused."),
        (
            refused(),
            11,
            "Not sent, the broker tcp://h:1883 could not be reached: refused. 11 connections were tried.",
        ),
        (
            Err(Error::ConnectionLost(unacknowledged("cut"))),
            2,
            "Sent to the broker tcp://h:1883, but not acknowledged: the connection was lost (cut). It may have arrived. \
             Sending it again may duplicate it. 2 connections were tried.",
        ),
    ] {
        let meta = send(TCP, r#"{"qos":1}"#, |_, _, _| Answer { published, connections });
        assert_eq!(meta.message.replace(" is safe.", " may duplicate it."), answer);
    }
}

/// Of a batch, who was sent before the connection was lost had nothing to do with the next one.
#[test]
fn a_message_of_several_says_how_many_connections_were_tried_only_when_it_failed() {
    let published = Ok(vec![
        receipt(Qos::ExactlyOnce, 100).unwrap().remove(0),
        Err(Error::ConnectionLost(not_sent("cut"))),
    ]);
    let requests = ["{}", "{}"].map(str::to_owned);
    let mut answer = Some(Answer { published, connections: 4 });
    let metas = send_batch(TCP, &requests, |_, _, _| answer.take().unwrap());
    let messages: Vec<_> = metas.iter().map(|meta| meta.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "Sent with QoS 2 to topic \"t\" at tcp://h:1883 in 0.1 ms.",
            "Not sent, the connection to the broker tcp://h:1883 was lost before the message was sent: cut. Sending it again is safe. 4 \
             connections were tried.",
        ]
    );
}

#[test]
fn a_shortage_of_the_machine_is_an_exit_code_of_its_own() {
    let none_left = "too few file descriptors left (see ulimit -n), while connecting to the broker";
    let shortage = || Error::Shortage(none_left.to_owned());
    let short = (71, format!("Not sent, this machine has {none_left}. Sending it again is safe."));
    let answered = |meta: Meta| (meta.exit_code, meta.message);
    assert_eq!(answered(send(TCP, "{}", |_, _, _| Err(shortage()))), short);
    assert_eq!(answered(send(TCP, "{}", |_, _, _| Ok(vec![Err(shortage())]))), short);
    assert_eq!(answered(check(TCP, "{}", |_, _, _| Err(shortage()))), short);
    // What may have arrived is uncertain, whatever came then; and others of a batch have errors of their own.
    let lost = format!("the connection was lost, and the next one failed: this machine has {none_left}");
    let published = Ok(vec![
        Err(Error::ConnectionLost(unacknowledged(&lost))),
        Err(Error::Denied("no".to_owned())),
        Err(shortage()),
    ]);
    let mut once = Some(published);
    let requests = ["{}", "{}", "{}"].map(str::to_owned);
    let metas = send_batch(TCP, &requests, |_, _, _| once.take().unwrap());
    assert_eq!(metas.iter().map(|meta| meta.exit_code).collect::<Vec<_>>(), [79, 77, 71]);
    assert_eq!(answered(metas.into_iter().next_back().unwrap()), short);
}
