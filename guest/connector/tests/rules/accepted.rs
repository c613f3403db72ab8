//! Every parameter, given right values: what the publisher is asked to do.

use mqtt_connector_contract::publisher::{Qos, Transport};
use mqtt_connector_guest::catalogue::PARAMETERS;
use mqtt_connector_guest::publication::{Publication, prepare};

use crate::schema::assert_agrees;

const TCP: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#;
const TLS: &str = r#"{"broker":"ssl://h","client-id":"c","topic":"t","content":"x"}"#;
const AWS: &str = r#"{"broker":"ssl://a.iot.us-east-1.amazonaws.com","client-id":"c","topic":"t","content":"x",
    "certificate":"/c","private-key":"/k"}"#;

fn prepared(config: &str, request: &str) -> Publication {
    assert_agrees(config, request);
    prepare(config, request).unwrap_or_else(|invalid| panic!("{request}: {invalid}"))
}

/// The request, and how the part of the publication that `shown` picks looks then.
fn assert_shown(config: &str, shown: impl Fn(Publication) -> String, table: &[(&str, &str)]) {
    for (request, expected) in table {
        assert_eq!(shown(prepared(config, request)), *expected, "{request}");
    }
}

#[test]
fn defaults_are_those_of_the_table() {
    let Publication { options, message, policy, .. } = prepared(TCP, "{}");
    let default = |name: &str| {
        let parameter = PARAMETERS.iter().find(|parameter| parameter.name == name).unwrap();
        parameter.default.unwrap().to_owned()
    };
    assert_eq!(message.qos, Qos::ExactlyOnce);
    assert_eq!(default("qos"), "2");
    assert_eq!(message.retain.to_string(), default("retain"));
    assert_eq!(options.clean_session.to_string(), default("clean-session"));
    assert_eq!(options.keep_alive.to_string(), default("keep-alive"));
    assert_eq!(policy.timeout.to_string(), default("timeout"));
    assert_eq!(policy.retries.to_string(), default("retries"));
    assert_eq!(options.credentials, None);
    assert_eq!(options.will, None);
    assert_eq!(options.tls, None);
    assert_eq!(options.brokers[0].transport, Transport::Tcp);
    let tls = prepared(TLS, "{}").options.tls.unwrap();
    assert_eq!(tls.verify_server.to_string(), default("verify-server"));
    assert_eq!((tls.root_ca, tls.identity, tls.server_name), (None, None, None));
    assert!(tls.alpn_protocols.is_empty());
}

#[test]
fn every_example_of_the_table_is_right() {
    for parameter in PARAMETERS {
        let config = r#"{"broker":"wss://h","client-id":"c","topic":"t","username":"u","certificate":"/c","private-key":"/k",
            "protocol-version":"5","proxy":"http://p","proxy-username":"u","proxy-password":"p"}"#;
        let content = if parameter.name == "content-base64" { "" } else { r#""content":"x","# };
        let content = if parameter.name == "content" { "" } else { content };
        let request = format!(r#"{{{content}"{}":{}}}"#, parameter.name, parameter.example);
        prepared(config, &request);
    }
}

#[test]
fn the_message() {
    assert_shown(
        TCP,
        |publication| String::from_utf8(publication.message.payload).unwrap(),
        &[
            (r#"{"content":""}"#, ""),
            (r#"{"content":"a\"b\\\n\u00e9\ud83d\ude00\/"}"#, "a\"b\\\né😀/"),
            (r#"{"content":21.50}"#, "21.50"),
            (r#"{"content":1e400}"#, "1e400"),
            (r#"{"content":123456789012345678901234567890}"#, "123456789012345678901234567890"),
            (r#"{"content":false}"#, "false"),
            (r#"{"content":[ 1 , "a  b" , { } ]}"#, r#"[1,"a  b",{}]"#),
            (
                "{\"content\":\n{ \"z\" : 1.0, \"a\":\t\"\\\" [ , \\\\\" , \"a\":null }}",
                r#"{"z":1.0,"a":"\" [ , \\","a":null}"#,
            ),
            (
                r#"{"content":{"$serde_json::private::Number":"1"}}"#,
                r#"{"$serde_json::private::Number":"1"}"#,
            ),
            (r#"{"content-base64":"aGVsbG8="}"#, "hello"),
            (r#"{"content-base64":""}"#, ""),
            (r#"{"content-base64":"aGVsbG8=","content":null}"#, "hello"),
        ],
    );
    assert_eq!(prepared(TCP, r#"{"content-base64":"AP8="}"#).message.payload, [0, 255]);
    // Escapes in one of the documents, and none in the other.
    for (in_config, request, payload) in [
        (r#""a\\tb""#, "{}", r"a\tb"),
        (r#""a\tb""#, "{}", "a\tb"),
        (r#""a\tb""#, r#"{"content":"plain"}"#, "plain"),
        (r#""plain""#, r#"{"content":"a\tb"}"#, "a\tb"),
        (r#""plain""#, r#"{"content":null}"#, "plain"),
    ] {
        let config = TCP.replace(r#""x""#, in_config);
        assert_eq!(String::from_utf8(prepared(&config, request).message.payload).unwrap(), payload);
    }
    assert_shown(
        TCP,
        |publication| {
            let message = publication.message;
            format!("{} {:?} {}", message.topic, message.qos, message.retain)
        },
        &[
            (r#"{"qos":0}"#, "t AtMostOnce false"),
            (r#"{"qos":1,"retain":true}"#, "t AtLeastOnce true"),
            (r#"{"qos":2,"retain":false}"#, "t ExactlyOnce false"),
            (r#"{"topic":"/a//b c/$x/ä"}"#, "/a//b c/$x/ä ExactlyOnce false"),
            (r#"{ "topic" : "\u0024aws/things" }"#, "$aws/things ExactlyOnce false"),
        ],
    );
}

#[test]
fn the_connection() {
    assert_shown(
        TCP,
        |publication| {
            let options = publication.options;
            let credentials = options.credentials.map(|given| (given.username, given.password));
            format!(
                "{:?} {credentials:?} {} {}",
                options.client_id, options.clean_session, options.keep_alive
            )
        },
        &[
            (r#"{"client-id":""}"#, r#""" None true 60"#),
            (r#"{"client-id":"d","clean-session":false,"keep-alive":0}"#, r#""d" None false 0"#),
            (r#"{"keep-alive":65535,"username":"u"}"#, r#""c" Some((Some("u"), None)) true 65535"#),
            (r#"{"username":"","password":"\u0000"}"#, r#""c" Some((Some(""), Some("\0"))) true 60"#),
        ],
    );
    assert_shown(
        TCP,
        |publication| format!("{:?}", publication.policy),
        &[
            (r#"{"timeout":1,"retries":0}"#, "RetryPolicy { timeout: 1, retries: 0 }"),
            (r#"{"timeout":4294967295,"retries":100}"#, "RetryPolicy { timeout: 4294967295, retries: 100 }"),
        ],
    );
    assert_shown(
        TCP,
        |publication| {
            let will = publication.options.will.unwrap();
            format!("{} {:?} {:?} {}", will.topic, will.payload, will.qos, will.retain)
        },
        &[
            (r#"{"will":{"topic":"w","content":""}}"#, "w [] AtMostOnce false"),
            (
                r#"{"will":{"topic":"w","content-base64":"AQI=","qos":2,"retain":true}}"#,
                "w [1, 2] ExactlyOnce true",
            ),
            (
                r#"{"will":{"topic":"w","content":[1, 2],"qos":null}}"#,
                "w [91, 49, 44, 50, 93] AtMostOnce false",
            ),
        ],
    );
}

#[test]
fn tls() {
    let shown = |publication: Publication| match publication.options.tls {
        None => "none".to_owned(),
        Some(tls) => format!(
            "{:?} {:?} {:?} {:?} {}",
            tls.root_ca, tls.identity, tls.server_name, tls.alpn_protocols, tls.verify_server
        ),
    };
    assert_shown(
        TLS,
        shown,
        &[
            (r#"{"root-ca-crt":"/ca.pem"}"#, r#"Some(File("/ca.pem")) None None [] true"#),
            (r#"{"root-ca-crt":"\n -----BEGIN CERTIFICATE-----"}"#, "Some(Text([hidden])) None None [] true"),
            (r#"{"certificate":"/c","private-key":"/k"}"#, "None None None [] true"),
            (
                r#"{"certificate":"/c","private-key":"/k","use-certificate":true,"private-key-password":"SECRET"}"#,
                r#"None Some(ClientIdentity { certificate: File("/c"), private_key: File("/k"), private_key_password: Some([hidden]) }) None [] true"#,
            ),
            (
                r#"{"server-name":"broker.example","verify-server":false}"#,
                r#"None None Some("broker.example") [] false"#,
            ),
            (r#"{"server-name":"2001:db8::1"}"#, r#"None None Some("2001:db8::1") [] true"#),
            (r#"{"alpn-protocols":[ "mqtt" , "x" ]}"#, r#"None None None ["mqtt", "x"] true"#),
            (r#"{"alpn-protocols":[]}"#, "None None None [] true"),
        ],
    );
    // A configuration may serve brokers with and without TLS: what only TLS has is ignored without it.
    assert_shown(
        TCP,
        shown,
        &[(
            r#"{"root-ca-crt":"/ca","server-name":"h","alpn-protocols":["x"],"verify-server":false,"certificate":"/c","private-key":"/k"}"#,
            "none",
        )],
    );
}

#[test]
fn aws() {
    let shown = |publication: Publication| {
        let alpn = publication.options.tls.map(|tls| tls.alpn_protocols);
        format!("{:?} {:?} {alpn:?}", publication.message.qos, publication.remarks.lowered)
    };
    let port_443 = |more: &str| format!(r#"{{"broker":"ssl://a.iot.us-east-1.amazonaws.com:443"{more}}}"#);
    assert_shown(
        AWS,
        shown,
        &[
            ("{}", "AtLeastOnce true Some([])"),
            (r#"{"qos":1}"#, "AtLeastOnce false Some([])"),
            (r#"{"qos":0}"#, "AtMostOnce false Some([])"),
            (r#"{"broker":"ssl://A.IOT.CN-NORTH-1.AMAZONAWS.COM.CN"}"#, "AtLeastOnce true Some([])"),
            (r#"{"broker":"ssl://iot.example.com"}"#, "ExactlyOnce false Some([])"),
            (r#"{"use-certificate":true}"#, "AtLeastOnce true Some([])"),
            (&port_443(""), "AtLeastOnce true Some([])"),
            (&port_443(r#","use-certificate":true"#), r#"AtLeastOnce true Some(["x-amzn-mqtt-ca"])"#),
            (
                &port_443(r#","use-certificate":true,"alpn-protocols":["mine"]"#),
                r#"AtLeastOnce true Some(["mine"])"#,
            ),
            (&port_443(r#","use-certificate":true,"alpn-protocols":[]"#), "AtLeastOnce true Some([])"),
            (r#"{"broker":"ssl://h:443","use-certificate":true}"#, "ExactlyOnce false Some([])"),
        ],
    );
}

#[test]
fn the_seed_of_the_product() {
    let config = r#"{"broker":"ssl://Z2EBLEZ5JJFGKF.iot.us-east-1.amazonaws.com:8883","client-id":"thing-name",
        "topic":"$aws/things/thing-name/shadow/update","qos":2,"root-ca-crt":"/x/root-CA.crt",
        "certificate":"/x/certificate.pem.crt","private-key":"/x/private.pem.key","use-certificate":true}"#;
    let publication = prepared(config, r#"{"action":"send","content":{"state":{"desired":{"on":true}}}}"#);
    assert_eq!(publication.options.brokers[0].host, "z2eblez5jjfgkf.iot.us-east-1.amazonaws.com");
    assert_eq!(publication.message.qos, Qos::AtLeastOnce);
    assert_eq!(publication.message.payload, br#"{"state":{"desired":{"on":true}}}"#);
    assert!(!publication.remarks.unused_certificate);
}
