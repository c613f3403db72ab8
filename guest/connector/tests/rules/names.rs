//! Names that no parameter has, and names that stand there twice.

use crate::wrong::assert_messages;

#[test]
fn names() {
    assert_messages(&[
        (
            r#"{"clientId":"x"}"#,
            r#"Not sent: "clientId" in the request is unknown (did you mean client-id?)."#,
        ),
        (
            r#"{"client_id":"x"}"#,
            r#"Not sent: "client_id" in the request is unknown (did you mean client-id?)."#,
        ),
        (
            r#"{"CLIENT-ID":"x"}"#,
            r#"Not sent: "CLIENT-ID" in the request is unknown (did you mean client-id?)."#,
        ),
        (r#"{"topc":"x"}"#, r#"Not sent: "topc" in the request is unknown (did you mean topic?)."#),
        (r#"{"brokr":"x"}"#, r#"Not sent: "brokr" in the request is unknown (did you mean broker?)."#),
        (r#"{"user":"x"}"#, r#"Not sent: "user" in the request is unknown (did you mean username?)."#),
        (
            r#"{"userName":"x"}"#,
            r#"Not sent: "userName" in the request is unknown (did you mean username?)."#,
        ),
        (
            r#"{"pasword":"SECRET"}"#,
            r#"Not sent: "pasword" in the request is unknown (did you mean password?)."#,
        ),
        (
            r#"{"rootCaCrt":"x"}"#,
            r#"Not sent: "rootCaCrt" in the request is unknown (did you mean root-ca-crt?)."#,
        ),
        (
            r#"{"zzz":1}"#,
            r#"Not sent: "zzz" in the request is unknown, and no parameter has a name like it."#,
        ),
        (r#"{"":1}"#, r#"Not sent: "" in the request is unknown, and no parameter has a name like it."#),
        (
            r#"{"a\nb":1}"#,
            r#"Not sent: "a\nb" in the request is unknown, and no parameter has a name like it."#,
        ),
        (r#"{"qos":1,"qos":2}"#, r#"Not sent: "qos" stands in the request more than once."#),
        (r#"{"qos":null,"qos":2}"#, r#"Not sent: "qos" stands in the request more than once."#),
        (
            r#"{"x\ud800":2}"#,
            r#"Not sent: "x\\ud800" in the request is unknown, and no parameter has a name like it."#,
        ),
        (
            r##"{"qos":"1","retain":"no","topic":"#","nope":1}"##,
            r##"Not sent, 4 problems: "nope" in the request is unknown, and no parameter has a name like it; topic in the request got the string "#", wants a topic without the wildcards + and #, which only a subscription may have; qos in the request got the string "1", wants the number 0, 1 or 2; retain in the request got the string "no", wants true or false, without quotes."##,
        ),
        (
            r#"{"cert":"x","key":"x","payload":1,"topic-name":"x","contentt":"x"}"#,
            r#"Not sent, 5 problems: "cert" in the request is unknown (did you mean certificate?); "key" in the request is unknown (did you mean private-key?); "payload" in the request is unknown (did you mean content?); "topic-name" in the request is unknown (did you mean topic?); "contentt" in the request is unknown (did you mean content?)."#,
        ),
        (
            r#"{"qos":1,"nope\u0022":"x"}"#,
            r#"Not sent: "nope\"" in the request is unknown, and no parameter has a name like it."#,
        ),
    ]);
}

/// Names that other tools have: a name for a name, or where the thing is here.
#[test]
fn names_of_other_tools() {
    for (names, called) in [
        (&["payload", "message", "msg", "data", "body", "text", "mqtt_payload"] as &[_], "content"),
        (&["ca", "cafile", "ca-file", "ca_certs", "caCert", "capath", "rootCA", "caBundle"], "root-ca-crt"),
        (&["cert", "certfile", "crt", "tls-cert", "client-cert", "clientCertificate", "pfx"], "certificate"),
        (&["key", "keyfile", "key-file", "tls-key", "clientKey"], "private-key"),
        (&["passphrase", "keyfile_password", "keyPassword"], "private-key-password"),
        (&["user", "login", "mqtt_user", "MQTT_USERNAME"], "username"),
        (&["pass", "passwd", "pw", "mqttPassword"], "password"),
        (&["id", "clientId", "client_id", "clientid", "client", "thingName"], "client-id"),
        (&["qos_level", "qualityOfService", "QoS"], "qos"),
        (&["retained", "retain_message"], "retain"),
        (&["rejectUnauthorized", "verify", "verifyservercert"], "verify-server"),
        (&["keepalive", "keep_alive", "keepAliveInterval"], "keep-alive"),
        (&["clean", "clean_session", "cleanStart", "clean-start"], "clean-session"),
        (&["protocolVersion", "mqtt-version", "version", "V"], "protocol-version"),
        (&["lwt", "last-will", "lastWill"], "will"),
        (&["topics", "topicName", "state_topic"], "topic"),
        (&["alpn", "tls-alpn"], "alpn-protocols"),
        (&["sni", "servername"], "server-name"),
        (&["reconnect", "maxReconnectAttempts"], "retries"),
        (&["headers", "wsHeaders"], "websocket-headers"),
        (&["userProperties", "user_property"], "user-properties"),
    ] {
        for name in names {
            let request = format!("{{\"{name}\":\"SECRET\"}}");
            let message = format!("Not sent: \"{name}\" in the request is unknown (did you mean {called}?).");
            assert_messages(&[(&request, &message)]);
        }
    }
    let (url, host, port) = (
        "broker has the URL, as in \"tcp://broker.example.com:1883\"",
        "the host is part of broker, as in \"tcp://broker.example.com:1883\"",
        "the port is part of broker, as in \"tcp://broker.example.com:1883\"",
    );
    let tls = "TLS is part of broker: the scheme ssl, as in \"ssl://broker.example.com:8883\"";
    let insecure = "verify-server false leaves the broker's certificate unchecked, which is dangerous";
    let will = r#"will is an object, as in {"topic":"plant/7/state","content":"lost","qos":1,"retain":true}"#;
    for (names, clause) in [
        (
            &["server", "url", "uri", "address", "broker-url", "brokers", "endpoint", "serverURIs"] as &[_],
            url,
        ),
        (&["host", "hostname", "mqtt_host", "HOST"], host),
        (&["port", "mqttPort"], port),
        (&["tls", "ssl", "secure", "use-tls", "useTLS"], tls),
        (&["insecure", "tls-insecure", "insecureSkipVerify"], insecure),
        (&["will-topic", "will-payload", "willMessage", "lwtTopic", "will_retain"], will),
        (&["connect-timeout", "connectTimeout"], "timeout bounds the whole send, in milliseconds"),
        (&["psk"], "TLS with a pre-shared key is not supported"),
    ] {
        for name in names {
            let request = format!("{{\"{name}\":\"SECRET\"}}");
            let message = format!("Not sent: \"{name}\" in the request is unknown: {clause}.");
            assert_messages(&[(&request, &message)]);
        }
    }
}

#[test]
fn names_of_other_tools_in_a_will() {
    for (member, called) in [
        ("payload", "will.content"),
        ("message", "will.content"),
        ("msg", "will.content"),
        ("retained", "will.retain"),
        ("qosLevel", "will.qos"),
        ("payload_base64", "will.content-base64"),
        ("expiry", "will.message-expiry-interval"),
    ] {
        let request = format!(r#"{{"will":{{"topic":"w","content":"x","{member}":"SECRET"}}}}"#);
        let message =
            format!("Not sent: \"will.{member}\" in the request is unknown (did you mean {called}?).");
        assert_messages(&[(&request, &message)]);
    }
    assert_messages(&[(
        r#"{"will":{"topic":"w","content":"x","host":"SECRET"}}"#,
        r#"Not sent: "will.host" in the request is unknown, and no parameter has a name like it."#,
    )]);
}
