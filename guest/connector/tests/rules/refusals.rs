//! What brokers of MQTT 5 answer, and which of several brokers is meant.

use mqtt_connector_contract::publisher::{Disconnection, Error, Failure, Progress, Qos, Receipt, Refusal};
use mqtt_connector_guest::action::{Published, send, send_batch};

const ONE: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x","protocol-version":"5"}"#;
const TWO: &str = r#"{"broker":["tcp://a","mqtts://b"],"client-id":"c","topic":"t","content":"x"}"#;

fn answered(config: &str, request: &str, answer: Published) -> (i32, String) {
    let meta = send(config, request, |_, _, _| answer);
    (meta.exit_code, meta.message)
}

fn refusal(broker: u32, code: u8, reason: &str, server: Option<&str>) -> Refusal {
    Refusal { broker, code, reason: reason.to_owned(), server_reference: server.map(str::to_owned) }
}

fn receipt(broker: u32, reason_code: u8, client_id: Option<&str>) -> Receipt {
    Receipt {
        qos: Qos::AtLeastOnce,
        reason_code,
        broker,
        assigned_client_id: client_id.map(str::to_owned),
        elapsed_microseconds: 1_000,
    }
}

#[test]
fn every_reason_code_has_its_name() {
    for code in 128..=u8::MAX {
        let (exit_code, message) =
            answered(ONE, "{}", Err(Error::ConnectionRefused(refusal(0, code, "", None))));
        let known = code <= 162;
        assert_eq!(exit_code, if known { i32::from(code) } else { 76 }, "{message}");
        let start =
            format!("Not sent, the broker tcp://h:1883 refused the connection with reason code {code}");
        let rest = message.strip_prefix(&start).unwrap();
        if known {
            assert!(rest.starts_with(" (") && rest.contains(")."), "{message}");
        } else {
            assert_eq!(rest, ", which the standard does not have.");
        }
    }
}

#[test]
fn names_and_words() {
    let refused = "Not sent, the broker tcp://h:1883 refused the connection with reason code";
    for (code, reason, server, message) in [
        (128, "", None, "128 (Unspecified error)."),
        (132, "", None, "132 (Unsupported Protocol Version). Look at protocol-version."),
        (133, "client identifier not VALID", None, "133 (Client Identifier not valid). Look at client-id."),
        (
            134,
            "no such user.",
            None,
            "134 (Bad User Name or Password): no such user. Look at username and password. No user name and no password were given.",
        ),
        (138, " banned. ", None, "138 (Banned)."),
        (
            156,
            "",
            Some("other.example:1883"),
            r#"156 (Use another server). It names another server, "other.example:1883"; redirects are not followed. Look at broker."#,
        ),
        (157, "", Some(""), "157 (Server moved). Look at broker."),
        (
            157,
            "a\r\nb",
            Some("a\u{202e}"),
            r#"157 (Server moved): a\u{d}\nb. It names another server, "a\u{202e}"; redirects are not followed. Look at broker."#,
        ),
        (162, "", None, "162 (Wildcard Subscriptions not supported)."),
        (163, "x", None, "163, which the standard does not have: x."),
    ] {
        let answer = Err(Error::ConnectionRefused(refusal(0, code, reason, server)));
        let exit_code = if code < 163 { i32::from(code) } else { 76 };
        assert_eq!(answered(ONE, "{}", answer), (exit_code, format!("{refused} {message}")));
    }
    let refused = "Not sent, the broker tcp://h:1883 refused the message with reason code";
    for (code, reason, message) in [
        (144, "", "144 (Topic Name invalid). Look at topic."),
        (
            149,
            "300 bytes, 256 allowed",
            "149 (Packet too large): 300 bytes, 256 allowed. The message has to be smaller.",
        ),
        (151, "", "151 (Quota exceeded). Try again later, or have the quota raised at the broker."),
        (154, "", "154 (Retain not supported). Set retain to false."),
        (155, "", "155 (QoS not supported). Set qos to a lower one."),
    ] {
        let answer = Ok(vec![Err(Error::PublishRefused(refusal(0, code, reason, None)))]);
        assert_eq!(answered(ONE, "{}", answer), (i32::from(code), format!("{refused} {message}")));
    }
    let long = "x".repeat(10_000);
    let (_, message) =
        answered(ONE, "{}", Err(Error::ConnectionRefused(refusal(0, 131, &long, Some(&long)))));
    assert!(message.len() < 1_000, "{}", message.len());
}

#[test]
fn disconnected() {
    let disconnected = |progress, code, request: &str| {
        let refusal = refusal(0, code, "bye", None);
        answered(ONE, request, Ok(vec![Err(Error::Disconnected(Disconnection { progress, refusal }))]))
    };
    let sent =
        "Sent to the broker tcp://h:1883, but not acknowledged: it ended the connection with reason code";
    for (request, again) in [
        (r#"{"qos":0}"#, ""),
        (r#"{"qos":1}"#, " Sending it again is safe."),
        (r#"{"qos":2}"#, " Sending it again may duplicate it."),
    ] {
        assert_eq!(
            disconnected(Progress::SentUnacknowledged, 142, request),
            (
                142,
                format!(
                    "{sent} 142 (Session taken over): bye. Another client came with the same client-id: give each its own, or \"\", and the broker chooses one. The message may have arrived.{again}"
                )
            )
        );
        assert_eq!(
            disconnected(Progress::NotSent, 139, request),
            (
                139,
                "Not sent, the broker tcp://h:1883 ended the connection with reason code 139 (Server shutting down): bye. Try again later. Sending it again is safe.".to_owned()
            )
        );
    }
    // What the standard does not have is no exit code, and says no less of what may have happened.
    assert_eq!(disconnected(Progress::SentUnacknowledged, 200, "{}").0, 79);
    assert_eq!(disconnected(Progress::NotSent, 200, "{}").0, 76);
    assert_eq!(
        disconnected(Progress::NotSent, 0, "{}"),
        (70, "A fault of the host: it took the code 0 for a refusal.".to_owned())
    );
}

#[test]
fn success_tells_what_the_broker_told() {
    let sent = r#"Sent with QoS 1 to topic "t" at tcp://h:1883 in 1.0 ms."#;
    for (receipt, more) in [
        (receipt(0, 0, None), ""),
        (receipt(0, 16, None), " Nobody has subscribed to the topic."),
        (receipt(0, 0, Some("auto-1\n")), r#" The broker chose the client-id "auto-1\n"."#),
        (
            receipt(0, 16, Some("a")),
            r#" Nobody has subscribed to the topic. The broker chose the client-id "a"."#,
        ),
    ] {
        let answer = Ok(vec![Ok(receipt)]);
        assert_eq!(answered(ONE, r#"{"qos":1}"#, answer), (0, format!("{sent}{more}")));
    }
    let answer = Ok(vec![Ok(receipt(0, 16, None))]);
    assert_eq!(
        answered(ONE, "{}", answer).1,
        format!(
            "{sent} QoS 2 was asked for, and the broker has no higher one: QoS 1 instead. Nobody has subscribed to the topic."
        )
    );
}

/// What one answer of a batch tells is not told by the next.
#[test]
fn answers_of_a_batch_differ() {
    let requests = vec![r#"{"qos":1}"#.to_owned(); 6];
    let answers = send_batch(TWO, &requests, |_, _, _| {
        Ok(vec![
            Ok(receipt(0, 0, None)),
            Ok(receipt(1, 0, None)),
            Ok(receipt(1, 16, None)),
            Ok(receipt(1, 16, Some("c"))),
            Ok(receipt(1, 16, Some("d"))),
            Ok(receipt(0, 0, None)),
        ])
    });
    let messages: Vec<&str> = answers
        .iter()
        .map(|meta| meta.message.strip_prefix(r#"Sent with QoS 1 to topic "t" at "#).unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            "tcp://a:1883 in 1.0 ms.",
            "mqtts://b:8883 in 1.0 ms.",
            "mqtts://b:8883 in 1.0 ms. Nobody has subscribed to the topic.",
            r#"mqtts://b:8883 in 1.0 ms. Nobody has subscribed to the topic. The broker chose the client-id "c"."#,
            r#"mqtts://b:8883 in 1.0 ms. Nobody has subscribed to the topic. The broker chose the client-id "d"."#,
            "tcp://a:1883 in 1.0 ms.",
        ]
    );
}

#[test]
fn which_of_several_brokers() {
    let failure = |broker, progress| Failure { broker, progress, reason: "x".to_owned() };
    let both = "tcp://a:1883, mqtts://b:8883";
    for (error, message) in [
        (Error::Denied("x".into()), "Not sent, it is not allowed: x.".to_owned()),
        (Error::HostNotFound("x".into()), format!("Not sent, none of the brokers {both} was found: x.")),
        (Error::Unreachable("x".into()), format!("Not sent, none of the brokers {both} could be reached: x.")),
        (Error::Tls("x".into()), format!("Not sent, TLS with one of the brokers {both} failed: x.")),
        (
            Error::ConnectionRefused(refusal(1, 135, "", None)),
            "Not sent, the broker mqtts://b:8883 refused the connection with reason code 135 (Not authorized). Look at username, password, client-id and topic. No user name and no password were given.".to_owned(),
        ),
        (
            Error::ConnectionRefused(refusal(0, 5, "", None)),
            "Not sent, the broker tcp://a:1883 refused the connection with return code 5: the client is not authorised to connect. Look at username, password and client-id. No user name and no password were given.".to_owned(),
        ),
        (
            Error::ConnectionLost(failure(1, Progress::NotSent)),
            "Not sent, the connection to the broker mqtts://b:8883 was lost before the message was sent: x. Sending it again is safe.".to_owned(),
        ),
        (
            Error::TimedOut(failure(0, Progress::SentUnacknowledged)),
            "Sent to the broker tcp://a:1883, but not acknowledged: the time was over (x). It may have arrived. Sending it again may duplicate it.".to_owned(),
        ),
        // A host that counts wrongly.
        (
            Error::Protocol(failure(2, Progress::NotSent)),
            format!("Not sent, the broker {both} broke the protocol: x."),
        ),
        (
            Error::Protocol(failure(u32::MAX, Progress::NotSent)),
            format!("Not sent, the broker {both} broke the protocol: x."),
        ),
    ] {
        assert_eq!(answered(TWO, "{}", Err(error)).1, message);
    }
    let answer = Ok(vec![Ok(receipt(7, 0, None))]);
    assert_eq!(
        answered(TWO, r#"{"qos":1}"#, answer).1,
        format!(r#"Sent with QoS 1 to topic "t" at {both} in 1.0 ms."#)
    );
}

#[test]
fn through_a_proxy() {
    let request = r#"{"proxy":"socks5://[::1]"}"#;
    for (error, message) in [
        (
            Error::Unreachable("x".into()),
            "Not sent, the broker tcp://h:1883 could not be reached through the proxy socks5://[::1]:1080: x.",
        ),
        (
            Error::HostNotFound("x".into()),
            "Not sent, the host of the broker tcp://h:1883 was not found through the proxy socks5://[::1]:1080: x.",
        ),
    ] {
        assert_eq!(answered(ONE, request, Err(error)).1, message);
    }
}
