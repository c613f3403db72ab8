//! No message shows a secret, whatever goes wrong.

use mqtt_connector_contract::publisher::{Error, Failure, Progress, Qos, Receipt, Refusal};
use mqtt_connector_guest::action::send;
use mqtt_connector_guest::catalogue::{PARAMETERS, Secrecy};
use mqtt_connector_guest::publication::prepare;

const CONFIG: &str = r#"{"broker":"ssl://h","client-id":"c","topic":"t","content":"x","username":"u"}"#;

#[test]
fn wrong_secrets_are_not_shown() {
    let values = [
        r#""S3CRET""#,
        r#""S3CRET\u0000""#,
        r#"["S3CRET"]"#,
        r#"{"S3CRET":"S3CRET"}"#,
        r#"{"topic":"w","content":"S3CRET","content-base64":"S3CRET"}"#,
        r#"{"topic":"w","content-base64":"S3CRET"}"#,
        r#"{"topic":"w/#","content":{"a":"S3CRET"}}"#,
    ];
    for parameter in PARAMETERS.iter().filter(|parameter| parameter.secrecy != Secrecy::Open) {
        for value in values.into_iter().filter(|value| parameter.name != "will" || !value.contains(r#"{"S3"#))
        {
            let request = format!(r#"{{"{}":{value}}}"#, parameter.name);
            let meta = send(CONFIG, &request, |_, _, _| Err(Error::Tls("x".to_owned())));
            assert!(!meta.message.contains("S3CRET"), "{request}: {}", meta.message);
        }
    }
    for broker in [
        "ssl://u:S3CRET@h",
        "u:S3CRET@h",
        "x://u:S3CRET@h",
        "ssl://u:S3CRET/@h:0",
        "wss://h:S3CRET@h:x",
        "tcp://u:S3CRET",
        "tcp://u:S3CRET/",
        "x://u:S3CRET",
        "u:S3CRET",
        "tcp:/u:S3CRET",
        "tcp://[::1]:S3CRET",
        "ssl://u:S3CRET:8883",
        "ssl://:S3CRET",
        "ssl://u:S3CRET%40h",
        "ssl://u:S3CRET%2540h",
        "ssl://u%3AS3CRET%40h",
        "u:S3CRET%40h",
        "ssl://u:S3CRET@h@h",
        "ssl://u@S3CRET@h@",
    ] {
        let request = format!(r#"{{"broker":"{broker}"}}"#);
        for request in [request.clone(), request.replace('@', "\\u0040")] {
            let meta = send(CONFIG, &request, |_, _, _| Ok(Vec::new()));
            assert_eq!(meta.exit_code, 64, "{request}");
            assert!(!meta.message.contains("S3CRET"), "{request}: {}", meta.message);
        }
    }
}

/// A URL stands where none is wanted: what is wrong with it is said, and not what its password is.
#[test]
fn urls_with_a_user_are_shown_nowhere() {
    for url in ["ssl://u:S3CRET@h", "ssl://u:S3CRET%40h", r"ssl:\/\/u:S3CRET\u0040h", "u:S3CRET@h"] {
        for name in ["server-name", "qos", "protocol-version", "retries", "timeout", "proxy", "verify-server"]
        {
            let request = format!(r#"{{"{name}":"{url}"}}"#);
            let meta = send(CONFIG, &request, |_, _, _| Ok(Vec::new()));
            assert_eq!(meta.exit_code, 64, "{request}");
            assert!(!meta.message.contains("S3CRET"), "{request}: {}", meta.message);
        }
    }
}

#[test]
fn right_secrets_are_not_shown() {
    let request = r#"{"password":"S3CRET","content":"S3CRET","private-key-password":"S3CRET","root-ca-crt":"-----BEGIN S3CRET",
        "certificate":"-----BEGIN S3CRET","private-key":"-----BEGIN S3CRET","will":{"topic":"w","content":"S3CRET"}}"#;
    let failure = |progress| Failure { broker: 0, progress, reason: "x".to_owned() };
    let refusal = |code| Refusal { broker: 0, code, reason: "x".to_owned(), server_reference: None };
    for use_certificate in ["true", "false"] {
        let request = request.replacen('{', &format!(r#"{{"use-certificate":{use_certificate},"#), 1);
        let publication = prepare(CONFIG, &request).unwrap_or_else(|invalid| panic!("{invalid}"));
        let shown = format!("{publication:?}");
        assert!(!shown.contains("S3CRET") && !shown.contains("83, 51, 67"), "{shown}");
        for answer in [
            Ok(vec![Ok(Receipt {
                qos: Qos::ExactlyOnce,
                reason_code: 0,
                broker: 0,
                assigned_client_id: None,
                elapsed_microseconds: 1,
            })]),
            Ok(Vec::new()),
            Err(Error::Denied("x".to_owned())),
            Err(Error::UnusableCredential("x".to_owned())),
            Err(Error::HostNotFound("x".to_owned())),
            Err(Error::Unreachable("x".to_owned())),
            Err(Error::Tls("x".to_owned())),
            Err(Error::ConnectionRefused(refusal(4))),
            Err(Error::PublishRefused(refusal(135))),
            Err(Error::ConnectionLost(failure(Progress::NotSent))),
            Err(Error::TimedOut(failure(Progress::SentUnacknowledged))),
            Err(Error::TooLarge("x".to_owned())),
            Err(Error::Protocol(failure(Progress::NotSent))),
        ] {
            let shown = format!("{answer:?}");
            let meta = send(CONFIG, &request, |_, _, _| answer);
            assert!(!meta.message.contains("S3CRET"), "{shown}: {}", meta.message);
        }
    }
}
