//! The values of flags: what is taken as JSON, what as text, what as a path.

use mqtt_connector_tests::pki::{KeyFormat, Pki};
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, ServerTls};
use tempfile::TempDir;

use crate::support::{PATIENCE, Program, exchange, write};

#[test]
fn booleans_stand_alone_or_with_a_value() {
    let directory = TempDir::new().unwrap();
    let config = r#"{"topic": "t", "content": "c", "qos": 0, "retain": true, "clean-session": false}"#;
    let config = write(&directory, "config.json", config);
    for (flags, retain, clean_session) in [
        (&[][..], true, false),
        (&["--retain"], true, false),
        (&["--retain=true", "--clean-session"], true, true),
        (&["--retain=false", "--clean-session=true"], false, true),
        (&["--clean-session=false", "--retain=false"], false, false),
    ] {
        let connect = Expect::connect().clean_session(clean_session);
        let publish = Expect::publish().retain(retain).payload("c");
        let broker = ScriptedBroker::builder().connection(exchange(connect, publish)).start();
        Program::send(broker.port())
            .args(["--config", &config])
            .args(flags.iter().copied())
            .run()
            .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at …");
        broker.finish();
    }
}

#[test]
fn every_parameter_of_the_connection_reaches_the_broker() {
    let connect = Expect::connect()
        .level(4)
        .client_id("-me")
        .clean_session(true)
        .keep_alive(7)
        .username(Some("u"))
        .password(Some(b"-p"))
        .will("gone", b"{\"b\":1E2,\"a\":null}", 1, true);
    let publish = Expect::publish().topic("t").payload("c").retain(true);
    let broker = ScriptedBroker::builder().connection(exchange(connect, publish)).start();
    let will = r#"{"topic": "gone", "content": {"b": 1E2, "a": null}, "qos": 1, "retain": true}"#;
    Program::new(["send", "--broker", &format!("mqtt://{}", broker.address()), "--client-id", "-me"])
        .args(["--topic", "t", "--content", "c", "--qos", "0", "--retain", "--keep-alive", "7"])
        .args(["--username", "u", "--password", "-p", "--will", will, "--protocol-version", "3.1.1"])
        .args(["--timeout", "5000", "--retries", "0", "--action", "send"])
        .run()
        .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at mqtt://127.0.0.1:# in # ms.");
    broker.finish();
}

#[test]
fn lists_are_json_text() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["broker.test"])).alpn(&["second", "third"]))
        .connection(exchange(Expect::connect(), Expect::publish().payload("c")))
        .start();
    Program::new(["send", "--broker", &format!("ssl://{}", broker.address()), "--client-id", "sender"])
        .args(["--topic", "t", "--content", "c", "--qos", "0", "--root-ca-crt", pki.authority().path_str()])
        .args(["--server-name", "broker.test", "--alpn-protocols", r#"["first", "second"]"#])
        .run()
        .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at ssl://127.0.0.1:# in # ms.");
    let record = broker.finish();
    let facts = record.conversations[0].tls.as_ref().unwrap();
    assert_eq!(facts.alpn.as_deref(), Some("second"));
    assert_eq!(facts.server_name.as_deref(), Some("broker.test"));
}

#[test]
fn several_brokers_are_several_flags_or_a_list() {
    let both = "The message would be sent with QoS 2 to topic \"t\" at the first that takes it of tcp://b:1, ssl://a:8883.";
    let one = "The message would be sent with QoS 2 to topic \"t\" at tcp://b:1.";
    let config = r#"{"broker": "tcp://c", "client-id": "c", "topic": "t", "content": "c"}"#;
    let directory = TempDir::new().unwrap();
    let config = write(&directory, "config.json", config);
    for (flags, code, message) in [
        (&["--broker", "tcp://b:1"][..], 0, one),
        (&["--broker", r#"["tcp://b:1"]"#], 0, one),
        (&["--broker", "tcp://b:1", "--broker", "ssl://a"], 0, both),
        (&["--broker", r#"["tcp://b:1", "ssl://a"]"#], 0, both),
        (
            &["--broker", "tcp://b:1", "--broker", "mqtt://B:1"],
            64,
            "Not sent: broker in the request got the string \"mqtt://B:1\", wants each broker once (entry 2 of the list).",
        ),
        (
            &["--broker", "[tcp://b]"],
            64,
            "Not sent: broker in the request got the string \"[tcp://b]\", wants a URL without quotation marks or brackets around it, or a list: [\"mqtt://a.example.com\", \"mqtt://b.example.com\"].",
        ),
    ] {
        Program::new(["check", "--config", &config]).args(flags.iter().copied()).run().answers(code, message);
    }
}

#[test]
fn properties_headers_and_proxies_are_flags() {
    let program = |broker: &str| {
        Program::new(["check", "--client-id", "c", "--topic", "t", "--content", "c", "--broker", broker])
    };
    program("ws://h")
        .args(["--protocol-version", "5", "--content-type", "a/b", "--response-topic", "r", "--correlation-data", "-1"])
        .args(["--message-expiry-interval", "1", "--session-expiry-interval", "2"])
        .args(["--user-properties", r#"[["a", "1"], ["a", "2"]]"#, "--websocket-headers", r#"{"A": "b"}"#])
        .args(["--proxy", "socks5://p", "--proxy-username", "u", "--proxy-password", "-S3CRET"])
        .run()
        .answers(
            0,
            "The message would be sent with QoS 2 to topic \"t\" at ws://h:80 through the proxy socks5://p:1080, with MQTT 5.",
        );
    for (flags, problem) in [
        (
            &["--protocol-version", "5", "--user-properties", r#"[["a"]]"#][..],
            "user-properties in the request got a list, wants an object of strings, or a list of pairs of strings: [[\"name\", \"value\"]]",
        ),
        (
            &["--protocol-version", "5", "--user-properties", "a=b"],
            "user-properties in the request got a string of 3 bytes, wants an object of strings, or a list of pairs of strings: [[\"name\", \"value\"]]",
        ),
        (
            &["--websocket-headers", r#"{"Host": "S3CRET"}"#],
            "websocket-headers in the request got an object, wants other headers than those of the handshake itself, of which Host is one",
        ),
        (
            &["--proxy", "socks5://p", "--proxy-username", "u"],
            "proxy-username in the request: a socks5 proxy needs a proxy-password with it",
        ),
    ] {
        program("ws://h").args(flags.iter().copied()).run().answers(64, &format!("Not sent: {problem}."));
    }
    program("ws://h")
        .args(["--proxy", "socks5://p", "--proxy-username", "u"])
        .env("MQTT_PROXY_PASSWORD", "S3CRET")
        .run()
        .answers(
            0,
            "The message would be sent with QoS 2 to topic \"t\" at ws://h:80 through the proxy socks5://p:1080.",
        );
}

#[test]
fn wrong_values_are_the_components_to_explain() {
    let broker = ScriptedBroker::untouched();
    for (flags, problem) in [
        (&["--qos", "x"][..], "qos in the request got the string \"x\", wants the number 0, 1 or 2"),
        (&["--qos", "\"1\""], "qos in the request got the string \"1\", wants the number 0, 1 or 2"),
        (&["--qos", ""], "qos in the request got the string \"\", wants the number 0, 1 or 2"),
        (
            &["--retries", "many"],
            "retries in the request got the string \"many\", wants a whole number from 0 to 100",
        ),
        (
            &["--keep-alive", "-1"],
            "keep-alive in the request got the number -1, wants a whole number of seconds from 0 to 65535",
        ),
        // White space around a number is JSON's, not a person's.
        (
            &["--qos", "1\n"],
            "qos in the request got the string \"1\\n\", wants the number 0, 1 or 2, and no white space around it: it \
             ends in a line break",
        ),
        (
            &["--keep-alive", " 60"],
            "keep-alive in the request got the string \" 60\", wants a whole number of seconds from 0 to 65535, and no \
             white space around it: it begins with a space",
        ),
        (
            &["--proxy", "http://p\n"],
            "proxy in the request got the string \"http://p\\n\", wants no white space around it: it ends in a line break",
        ),
        (
            &["--root-ca-crt", "/no/ca.pem\n"],
            "root-ca-crt in the request got a string of 11 bytes, wants no white space around it: it ends in a line break",
        ),
        (
            &["--username", "ann\n"],
            "username in the request got the string \"ann\\n\", wants a text without control characters: it ends in a \
             line break (U+000A, character 4)",
        ),
        (
            &["--timeout=1e3"],
            "timeout in the request got the number 1e3, wants a whole number of milliseconds from 1 to 4294967295",
        ),
        (&["--will", "{\"topic\""], "will in the request got a string of 8 bytes, wants an object"),
        (&["--will", "{\"content\": 1}"], "will.topic is missing in the request"),
        (
            &["--alpn-protocols", "mqtt"],
            "alpn-protocols in the request got the string \"mqtt\", wants a list of strings",
        ),
        (&["--action", "receive"], "action in the request got the string \"receive\", wants \"send\""),
        (
            &["--protocol-version", "4"],
            "protocol-version in the request got the string \"4\", wants \"3.1.1\" or \"5\"",
        ),
        (
            &["--private-key", ""],
            "private-key in the request got an empty string, wants an absolute path, starting with /, or PEM text, \
             starting with -----BEGIN",
        ),
        (
            &["--topic", "a/#"],
            "topic in the request got the string \"a/#\", wants a topic without the wildcards + and #, which only a subscription may have",
        ),
        (
            &["--content-type", "text/plain"],
            "content-type in the request: it needs protocol-version \"5\"; MQTT 3.1.1 has no such property",
        ),
        (
            &["--user-properties", "{\"a\": \"b\"}"],
            "user-properties in the request: it needs protocol-version \"5\"; MQTT 3.1.1 has no such property",
        ),
        (
            &["--websocket-headers", "{\"a\": \"b\"}"],
            "websocket-headers in the request: it needs a broker with the scheme ws or wss",
        ),
        (
            &["--session-expiry-interval", "1"],
            "session-expiry-interval in the request: it needs protocol-version \"5\"; MQTT 3.1.1 has no such property",
        ),
    ] {
        let topic = if flags[0] == "--topic" { &[][..] } else { &["--topic", "t"] };
        Program::new(["send", "--broker", &format!("tcp://{}", broker.address()), "--client-id", "sender"])
            .args(["--content", "c"])
            .args(topic.iter().copied())
            .args(flags.iter().copied())
            .run()
            .answers(64, &format!("Not sent: {problem}."));
    }
    broker.finish();
}

#[test]
fn all_wrong_values_are_told_at_once() {
    Program::new(["send", "--qos", "x", "--retries", "many", "--client-id", "c", "--content", "c"]).run().answers(
        64,
        "Not sent, 4 problems: qos in the request got the string \"x\", wants the number 0, 1 or 2; retries in the \
         request got the string \"many\", wants a whole number from 0 to 100; broker is missing: give it in the \
         configuration or the request, for example \"ssl://broker.example.com:8883\"; topic is missing: give it in \
         the configuration or the request, for example \"plant/7/temperature\".",
    );
}

#[test]
fn paths_of_flags_may_be_relative() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::Sec1);
    let broker = Mosquitto::builder().mutual_tls(&pki.server(&["localhost"]), pki.authority()).start();
    let observer = Observer::builder(broker.port())
        .host("localhost")
        .tls(pki.authority())
        .client_certificate(&client)
        .filter("t")
        .start();
    let directory = pki.authority().path().parent().unwrap();
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let (authority, certificate, key) =
        (name(pki.authority().path()), name(client.certificate().path()), name(client.key().path()));
    let address = format!("ssl://localhost:{}", broker.port());
    let program = |authority: &str| {
        Program::new([
            "send",
            "--broker",
            &address,
            "--client-id",
            "sender",
            "--topic",
            "t",
            "--content",
            "c",
        ])
        .args(["--use-certificate", "--certificate", &certificate, "--private-key", &format!("./{key}")])
        .args(["--root-ca-crt", authority])
        .current_dir(directory)
    };
    program(&authority).run().answers(0, &format!("Sent with QoS 2 to topic \"t\" at {address} in # ms."));
    program(&format!("../{}/{authority}", name(directory)))
        .run()
        .answers(0, &format!("Sent with QoS 2 to topic \"t\" at {address} in # ms."));
    program(pki.authority().text())
        .run()
        .answers(0, &format!("Sent with QoS 2 to topic \"t\" at {address} in # ms."));
    assert_eq!(observer.messages(3, PATIENCE).len(), 3);

    program("none.crt").run().answers(
        66,
        &format!(
            "Not sent, a certificate or key cannot be used: root-ca-crt: {}/none.crt cannot be read: no such file or \
             directory.",
            directory.display()
        ),
    );
}

#[test]
fn authorities_of_the_system_are_trusted_when_none_is_given() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["127.0.0.1"])))
        .connection(exchange(Expect::connect(), Expect::publish().payload("c")))
        .start();
    let address = format!("ssl://{}", broker.address());
    // The variable by which OpenSSL and what follows it are told where the system keeps them.
    let program = |authorities: &str| {
        Program::new([
            "send",
            "--broker",
            &address,
            "--client-id",
            "sender",
            "--topic",
            "t",
            "--content",
            "c",
        ])
        .args(["--qos", "0", "--retries", "0"])
        .env("SSL_CERT_FILE", authorities)
        .env("SSL_CERT_DIR", "")
    };
    program(pki.authority().path_str())
        .run()
        .answers(0, &format!("Sent with QoS 0 (never acknowledged) to topic \"t\" at {address} in # ms."));
    program("/dev/null").run().answers(
        66,
        "Not sent, a certificate or key cannot be used: root-ca-crt: not given, and this system has no trust anchors \
         of its own.",
    );
    broker.finish();
}

#[test]
fn paths_of_documents_are_absolute() {
    let directory = TempDir::new().unwrap();
    let config =
        r#"{"broker": "ssl://h", "client-id": "c", "topic": "t", "content": "c", "root-ca-crt": "ca.crt"}"#;
    let config = write(&directory, "config.json", config);
    Program::new(["check", "--config", &config]).current_dir(directory.path()).run().answers(
        64,
        "Not sent: root-ca-crt in the configuration got a string of 6 bytes, wants an absolute path, starting with /, \
         or PEM text, starting with -----BEGIN.",
    );
}
