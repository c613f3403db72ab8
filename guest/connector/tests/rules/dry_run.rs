//! What a dry run says: that nothing stands against it, what is suspicious, or what a send would say.

use mqtt_connector_contract::publisher::{
    CertificateParameter, CertificateTime, Error, Failure, Progress, Remark,
};
use mqtt_connector_guest::action::{Checked, check, send};

const CONFIG: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#;
const WOULD: &str = r#"The message would be sent with QoS 2 to topic "t" at "#;

fn checked(request: &str, answer: Checked) -> (i32, String) {
    let meta = check(CONFIG, request, |_, _, _| answer);
    (meta.exit_code, meta.message)
}

#[test]
fn what_the_parameters_tell_is_remarked() {
    for (request, remarks) in [
        ("{}", "tcp://h:1883."),
        (
            r#"{"broker":"ssl://h","certificate":"/c","private-key":"/k"}"#,
            "ssl://h:8883. certificate and private-key are not used, because use-certificate is false.",
        ),
        (
            r#"{"broker":"ssl://h","certificate":"/c","use-certificate":false}"#,
            "ssl://h:8883. certificate is not used, because use-certificate is false.",
        ),
        (
            r#"{"private-key":"/k"}"#,
            "tcp://h:1883. private-key is not used, because use-certificate is false.",
        ),
        (
            r#"{"broker":"ssl://h","certificate":"/c","private-key":"/k","use-certificate":true}"#,
            "ssl://h:8883.",
        ),
        (
            r#"{"broker":"ssl://h","verify-server":false}"#,
            "ssl://h:8883. verify-server is false: anybody on the way can read and change everything, the password included.",
        ),
        (r#"{"broker":"ssl://h","verify-server":true,"root-ca-crt":"/ca"}"#, "ssl://h:8883."),
        (r#"{"root-ca-crt":"/ca"}"#, "tcp://h:1883. root-ca-crt is ignored, because the broker has no TLS."),
        (
            r#"{"broker":["tcp://a","ws://b"],"root-ca-crt":"/ca","server-name":"a","alpn-protocols":["m"],"verify-server":false}"#,
            "the first that takes it of tcp://a:1883, ws://b:80. root-ca-crt, server-name, alpn-protocols and verify-server are ignored, because no broker here has TLS.",
        ),
        (
            r#"{"broker":["tcp://a","ssl://b"],"root-ca-crt":"/ca"}"#,
            "the first that takes it of tcp://a:1883, ssl://b:8883.",
        ),
        (
            r#"{"username":"u","password":"SECRET"}"#,
            "tcp://h:1883. The password is readable on the way, because the broker has no TLS.",
        ),
        (
            r#"{"broker":["ssl://a","ws://b"],"username":"u","password":"SECRET"}"#,
            "the first that takes it of ssl://a:8883, ws://b:80. The password is readable on the way, because one of the brokers has no TLS.",
        ),
        (r#"{"broker":"ssl://h","username":"u","password":"SECRET"}"#, "ssl://h:8883."),
        (r#"{"broker":"tcp://localhost","username":"u","password":"SECRET"}"#, "tcp://localhost:1883."),
        (r#"{"broker":"ws://127.3.2.1","username":"u","password":"SECRET"}"#, "ws://127.3.2.1:80."),
        (r#"{"broker":"tcp://[::1]","username":"u","password":"SECRET"}"#, "tcp://[::1]:1883."),
        (r#"{"username":"u"}"#, "tcp://h:1883."),
        (
            r#"{"broker":["ws://a","tcp://b"],"websocket-headers":{"X":"SECRET"}}"#,
            "the first that takes it of ws://a:80, tcp://b:1883. websocket-headers is ignored at the brokers without ws and wss.",
        ),
        (
            r#"{"broker":"tcp://h:8883"}"#,
            "tcp://h:8883. Port 8883 is usually with TLS, which is named with ssl://.",
        ),
        (
            r#"{"broker":"ws://h:443"}"#,
            "ws://h:443. Port 443 is usually with TLS, which is named with wss://.",
        ),
        (
            r#"{"broker":"ssl://h:1883"}"#,
            "ssl://h:1883. Port 1883 is usually without TLS, which is named with tcp://.",
        ),
        (
            r#"{"broker":"wss://h:80"}"#,
            "wss://h:80. Port 80 is usually without TLS, which is named with ws://.",
        ),
        (r#"{"timeout":5}"#, "tcp://h:1883."),
    ] {
        assert_eq!(checked(request, Ok(Vec::new())), (0, format!("{WOULD}{remarks}")), "{request}");
    }
    for (request, message) in [
        (
            r#"{"qos":0,"clean-session":false}"#,
            r#"The message would be sent with QoS 0 to topic "t" at tcp://h:1883. clean-session is false, but the session keeps nothing of a message with QoS 0."#,
        ),
        (
            r#"{"protocol-version":"5","clean-session":false}"#,
            r#"The message would be sent with QoS 2 to topic "t" at tcp://h:1883, with MQTT 5. clean-session is false, but without a session-expiry-interval the session ends with the connection."#,
        ),
        (
            r#"{"protocol-version":"5","clean-session":false,"session-expiry-interval":60}"#,
            r#"The message would be sent with QoS 2 to topic "t" at tcp://h:1883, with MQTT 5."#,
        ),
        (
            r#"{"content":"","retain":true}"#,
            r#"The message would be sent with QoS 2 to topic "t" at tcp://h:1883. The content is empty and retain is true: the broker forgets what it keeps for the topic."#,
        ),
        (
            r#"{"topic":"t ","client-id":" c","username":"u ","password":"SECRET\n","broker":"ssl://h","will":{"topic":"w ","content":""}}"#,
            r#"The message would be sent with QoS 2 to topic "t " at ssl://h:8883. client-id begins with a space. username ends in a space. password ends in a line break. topic ends in a space. will.topic ends in a space."#,
        ),
    ] {
        assert_eq!(checked(request, Ok(Vec::new())), (0, message.to_owned()), "{request}");
    }
}

#[test]
fn what_the_publisher_remarks_is_put_into_words() {
    let time = |parameter, seconds| CertificateTime { parameter, seconds };
    let client = |seconds| time(CertificateParameter::Certificate, seconds);
    let authority = |seconds| time(CertificateParameter::RootCaCrt, seconds);
    for (remark, said) in [
        (Remark::Expires(client(0)), " The client certificate (certificate) expires in 0 minutes."),
        (Remark::Expires(client(119)), " The client certificate (certificate) expires in 1 minute."),
        (Remark::Expires(client(7_200)), " The client certificate (certificate) expires in 2 hours."),
        (
            Remark::Expires(authority(2_591_999)),
            " The authority's certificate (root-ca-crt) expires in 29 days.",
        ),
        (Remark::Expired(client(172_800)), " The client certificate (certificate) expired 2 days ago."),
        (Remark::Expired(authority(3_600)), " The authority's certificate (root-ca-crt) expired 1 hour ago."),
        (
            Remark::NotYetValid(client(259_200)),
            " The client certificate (certificate) is not yet valid, but will be in 3 days.",
        ),
        (Remark::TimeoutCapped(500), " timeout is more than the tenant's limit allows: the send has 500 ms."),
        (Remark::Other("the moon is full.\u{1b}".to_owned()), " the moon is full.\\u{1b}."),
    ] {
        let said = format!("{WOULD}tcp://h:1883.{said}");
        assert_eq!(checked(r#"{"timeout":1000}"#, Ok(vec![remark])), (0, said));
    }
    // Nobody has asked for so much.
    let said = format!("{WOULD}tcp://h:1883.");
    assert_eq!(checked("{}", Ok(vec![Remark::TimeoutCapped(500)])), (0, said));
}

#[test]
fn what_stands_against_it_is_what_a_send_says() {
    let failure = Failure { broker: 0, progress: Progress::NotSent, reason: "no answer".to_owned() };
    for error in [
        Error::Denied("topic: no".to_owned()),
        Error::Denied("x".repeat(3_000)),
        Error::UnusableCredential("certificate: /c is no certificate".to_owned()),
        Error::TooLarge("content: 7 bytes".to_owned()),
        Error::TimedOut(failure),
    ] {
        let sent = send(CONFIG, "{}", |_, _, _| Err(error.clone()));
        assert_ne!(sent.exit_code, 0);
        assert!(!sent.message.contains('…'), "{}", sent.message);
        assert_eq!(checked("{}", Err(error)), (sent.exit_code, sent.message));
    }
    let mut judged = false;
    let wrong = check(CONFIG, r#"{"qos":3}"#, |_, _, _| {
        judged = true;
        Ok(Vec::new())
    });
    assert_eq!((wrong.exit_code, judged), (64, false), "what is wrong with the parameters comes first");
}
