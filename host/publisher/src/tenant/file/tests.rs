//! Files of tenants: what they grant, and every wrong entry with its place and its whole message.

mod shown;

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::tenant::{Limits, Scheme};

#[track_caller]
fn faults(file: &str) -> Vec<String> {
    file.parse::<Tenants>().unwrap_err().faults().iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_says_everything_of_a_tenant() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path().to_str().unwrap();
    let file = format!(
        r##"
        [tenants.acme]
        brokers = ["ssl://*.iot.eu-west-1.amazonaws.com:8883", "tcp://10.0.0.0/8:1883"]
        directories = ["{directory}"]
        topics = ["acme/#"]
        private-networks = true
        unverified-servers = true
        proxy-names = true
        stored-secrets = true
        trace-context = true

        [tenants.acme.limits]
        payload = "256 KiB"
        timeout = "30 s"
        cpu = "50 ms"
        memory = "32 MiB"
        concurrent-sends = 8
        connections = 0x4
        messages-per-second = 1_000
        waiting-executions = 5_000

        [tenants.acme.config]
        broker = "ssl://abc.iot.eu-west-1.amazonaws.com:8883"
        client-id = "acme-flow"
        keep-alive = 0x1e
        content = {{ z = 1.5, a = [true, "x"], big = 1e300 }}
        will.topic = "acme/gone"
        will.content = ""

        [[tenants.acme.tokens]]
        name = "2026"
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

        [[tenants.acme.tokens]]
        name = "2027"
        sha256 = "{}"
        "##,
        crate::TokenDigest::of("next")
    );
    let tenants: Tenants = file.parse().unwrap();
    let acme = tenants.get("acme").unwrap();
    assert_eq!(acme.name(), "acme");
    let grants = serde_json::to_value(acme.grants()).unwrap();
    let wanted = serde_json::json!({
        "brokers": ["ssl://*.iot.eu-west-1.amazonaws.com:8883", "tcp://10.0.0.0/8:1883"],
        "topics": ["acme/#"],
        "directories": [directory],
        "private-networks": true,
        "unverified-servers": true,
        "proxy-names": true,
        "stored-secrets": true,
        "trace-context": true,
    });
    assert_eq!(grants, wanted);
    assert!(acme.grants().allows_broker(Scheme::Tcp, "10.1.2.3", 1883));
    assert!(acme.grants().allows_topic("acme/door"));
    let limits = Limits {
        payload: 262_144,
        timeout: Duration::from_secs(30),
        cpu: Duration::from_millis(50),
        memory: 33_554_432,
        concurrent_sends: 8,
        connections: 4,
        messages_per_second: 1000,
        waiting_executions: 5000,
    };
    assert_eq!(*acme.limits(), limits);
    assert_eq!(
        acme.config(),
        r#"{"broker":"ssl://abc.iot.eu-west-1.amazonaws.com:8883","client-id":"acme-flow","keep-alive":30,"content":{"z":1.5,"a":[true,"x"],"big":1e+300},"will":{"topic":"acme/gone","content":""}}"#
    );
    assert_eq!(acme.tokens().iter().map(crate::Token::name).collect::<Vec<_>>(), ["2026", "2027"]);
    // The first is the example of FIPS 180-4.
    let holders =
        ["abc", "next", "other"].map(|token| tenants.holder(token).map(|tenant| tenant.name().to_owned()));
    assert_eq!(holders, [Some("acme".to_owned()), Some("acme".to_owned()), None]);
}

#[test]
fn the_file_in_the_documentation_is_one() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tenants.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, file) = page.split_once("```toml\n").unwrap();
    let (file, _) = file.split_once("```").unwrap();
    let directory = TempDir::new().unwrap();
    let file = file.replace("/etc/acme/certificates", directory.path().to_str().unwrap());
    let tenants: Tenants = file.parse().unwrap();
    assert!(tenants.get("acme").unwrap().grants().allows_topic("acme/door"));
}

#[test]
fn what_is_left_out_is_not_granted_or_has_its_default() {
    let tenants: Tenants = "[tenants.b]\n[tenants.\"a-B_1.x\"]\n".parse().unwrap();
    assert_eq!(tenants.iter().map(|tenant| tenant.name().to_owned()).collect::<Vec<_>>(), ["a-B_1.x", "b"]);
    for tenant in tenants.iter() {
        assert_eq!(*tenant.limits(), Limits::default());
        assert_eq!(tenant.config(), "{}");
        assert_eq!(
            serde_json::to_string(tenant.grants()).unwrap(),
            r#"{"brokers":[],"topics":[],"directories":[],"private-networks":false,"unverified-servers":false,"proxy-names":false,"stored-secrets":false,"trace-context":false}"#
        );
    }
    assert!(tenants.get("c").is_none());
    assert_eq!("".parse::<Tenants>().unwrap().iter().len(), 0);
}

/// Each line is the second of a file whose first is `[tenants.acme]`.
#[test]
fn a_wrong_entry_is_named_with_its_place() {
    for (line, fault) in [
        (
            r#"brokers = ["tcp://a", "x://b"]"#,
            "line 2, column 23: tenants.acme.brokers: broker grant \"x://b\": the scheme \"x\" is not known; \
             tcp, mqtt, ssl, tls, mqtts, ws, wss and * are, and socks5 and http for proxies",
        ),
        (
            r#"brokers = ["ssl://ann:planted@b"]"#,
            "line 2, column 12: tenants.acme.brokers: broker grant \"ssl://…@b\": a grant has no user name and no \
             password; those are parameters of the connector",
        ),
        (
            r#"brokers = "tcp://a""#,
            "line 2, column 11: tenants.acme.brokers: wants a list of strings, got a string",
        ),
        ("brokers = [5]", "line 2, column 12: tenants.acme.brokers: wants a string, got a whole number"),
        ("brokers = [[]]", "line 2, column 12: tenants.acme.brokers: wants a string, got a list"),
        (
            r#"topics = ["é", "acme#"]"#,
            "line 2, column 16: tenants.acme.topics: topic grant \"acme#\": # and + stand for whole levels, as in \
             acme/+/state",
        ),
        (
            r#"topics = ["$SYS/#"]"#,
            "line 2, column 11: tenants.acme.topics: topic grant \"$SYS/#\": topics below $SYS and $share are the \
             broker's own",
        ),
        (
            r#"directories = ["certificates"]"#,
            "line 2, column 16: tenants.acme.directories: directory grant certificates: it is not an absolute path",
        ),
        (
            r#"directories = ["/not/there"]"#,
            "line 2, column 16: tenants.acme.directories: directory grant /not/there: No such file or directory (os \
             error 2)",
        ),
        (
            r#"directories = ["/etc/passwd"]"#,
            "line 2, column 16: tenants.acme.directories: directory grant /etc/passwd: Not a directory (os error 20)",
        ),
        (
            r#"private-networks = "yes""#,
            "line 2, column 20: tenants.acme.private-networks: wants true or false, got a string",
        ),
        (
            "unverified-servers = 1",
            "line 2, column 22: tenants.acme.unverified-servers: wants true or false, got a whole number",
        ),
        (
            r#"proxy-names = "all""#,
            "line 2, column 15: tenants.acme.proxy-names: wants true or false, got a string",
        ),
        (
            "topic = []",
            "line 2, column 1: tenants.acme.topic: is not known (did you mean topics?); brokers, topics, directories, \
             private-networks, unverified-servers, proxy-names, stored-secrets, trace-context, limits, config, tokens are",
        ),
        (
            r#"password = "planted""#,
            "line 2, column 1: tenants.acme.password: is not known; brokers, topics, directories, private-networks, \
             unverified-servers, proxy-names, stored-secrets, trace-context, limits, config, tokens are",
        ),
        (
            "tokens = 5",
            "line 2, column 10: tenants.acme.tokens: wants a list of tables, as in [[tenants.acme.tokens]], got a whole number",
        ),
        (
            r#"tokens = [{sha256 = "planted", name = "a"}]"#,
            "line 2, column 11: tenants.acme.tokens: a token's sha256 has 64 hexadecimal digits, as `mqtt-connector tenants \
             token NAME` prints them",
        ),
        (
            r#"tokens = [{sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]"#,
            "line 2, column 11: tenants.acme.tokens: a token's name has 1 to 64 of the letters a to z and A to Z, digits, -, _ \
             and .",
        ),
        (
            r#"tokens = [{name = "a", sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", id = 1}]"#,
            "line 2, column 101: tenants.acme.tokens.id: is not known; name, sha256 are",
        ),
        (
            r#"tokens = [
                {name = "a", sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                {name = "b", sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
            ]"#,
            "line 4, column 17: tenants.acme.tokens: the same sha256 stands there before: each token is one tenant's, and \
             stands there once",
        ),
        (
            r#"tokens = [{name = "a", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]"#,
            "line 2, column 11: tenants.acme.tokens: a token's sha256 is that of an empty text; \
             `mqtt-connector tenants token NAME` makes one of a token",
        ),
        ("limits = 5", "line 2, column 10: tenants.acme.limits: wants a table, got a whole number"),
        (
            r#"limits.payload = "256 KB""#,
            "line 2, column 18: tenants.acme.limits.payload: the unit \"KB\" is not known; B, KiB, MiB and GiB are",
        ),
        (
            "limits.payload = 256",
            "line 2, column 18: tenants.acme.limits.payload: wants a size, as in \"256 KiB\", got a whole \
             number",
        ),
        (
            r#"limits.timeout = "1.5 s""#,
            "line 2, column 18: tenants.acme.limits.timeout: \"1.5 s\" is not a whole number and a unit, as in \
             \"30 s\"",
        ),
        (
            r#"limits.timeout = "0 s""#,
            "line 2, column 18: tenants.acme.limits.timeout: \"0 s\" is not between 1 ms and 24 h",
        ),
        (
            r#"limits.memory = "1 TiB""#,
            "line 2, column 17: tenants.acme.limits.memory: the unit \"TiB\" is not known; B, KiB, MiB and GiB are",
        ),
        (
            r#"limits.memory = "2 GiB""#,
            "line 2, column 17: tenants.acme.limits.memory: \"2 GiB\" is not between 2 MiB and 1 GiB",
        ),
        (
            "limits.connections = 0",
            "line 2, column 22: tenants.acme.limits.connections: 0 is not between 1 and 10000",
        ),
        (
            "limits.connections = -1",
            "line 2, column 22: tenants.acme.limits.connections: invalid value: integer `-1`, expected a whole number",
        ),
        (
            r#"limits.connections = "4""#,
            "line 2, column 22: tenants.acme.limits.connections: wants a whole number, got a string",
        ),
        (
            "limits.messages-per-second = 99999999999",
            "line 2, column 30: tenants.acme.limits.messages-per-second: 99999999999 is not between 1 and 4294967295",
        ),
        (
            r#"limits.time-out = "1 s""#,
            "line 2, column 8: tenants.acme.limits.time-out: is not known (did you mean timeout?); payload, timeout, \
             cpu, memory, concurrent-sends, connections, messages-per-second, waiting-executions are",
        ),
        ("config = []", "line 2, column 10: tenants.acme.config: wants a table, got a list"),
        (
            "config.content.when = [2026-11-21]",
            "line 2, column 24: tenants.acme.config.content.when: a date or a time has no meaning in JSON, which the \
             configuration is; a string may be meant",
        ),
        (
            "config.keep-alive = inf",
            "line 2, column 21: tenants.acme.config.keep-alive: a number without an end has no meaning in JSON, which \
             the configuration is; a string may be meant",
        ),
        (
            "config.content = 99999999999999999999",
            "line 2, column 18: tenants.acme.config.content: a whole number beyond 64 bits has no meaning in JSON, \
             which the configuration is; a string may be meant",
        ),
    ] {
        assert_eq!(faults(&format!("[tenants.acme]\n{line}\n")), [fault], "{line}");
    }
}

#[test]
fn a_wrong_table_is_named_with_its_place() {
    const NAME: &str = "a tenant's name has 1 to 64 of the letters a to z and A to Z, digits, -, _ and .";
    let long = "x".repeat(65);
    for (file, fault) in [
        (
            "[acme]\n",
            "line 1, column 2: acme: is not known here; a tenant is a table, as in [tenants.acme]".to_owned(),
        ),
        ("tenants = 5\n", "line 1, column 11: tenants: wants a table, got a whole number".to_owned()),
        ("[[tenants]]\n", "line 1, column 1: tenants: wants a table, got a list".to_owned()),
        (
            "[tenants]\nacme = 5\n",
            "line 2, column 8: tenants.acme: wants a table, got a whole number".to_owned(),
        ),
        ("[tenants.\"\"]\n", format!("line 1, column 10: tenants.\"\": {NAME}")),
        ("[tenants.\"a b\"]\n", format!("line 1, column 10: tenants.\"a b\": {NAME}")),
        ("[tenants.\"a\\u001b[31m\"]\n", format!("line 1, column 10: tenants.\"a\\u{{1b}}[31m\": {NAME}")),
        ("[tenants.\"é\"]\n", format!("line 1, column 10: tenants.\"é\": {NAME}")),
        (&format!("[tenants.{long}]\n"), format!("line 1, column 10: tenants.{long}: {NAME}")),
    ] {
        assert_eq!(faults(file), [fault], "{file}");
    }
}

#[test]
fn everything_wrong_is_said_at_once_in_the_order_of_the_file() {
    let file =
        "[tenants.b]\nbrokers = [\"x\", \"y\"]\n[tenants.b.limits]\ncpu = 1\n[tenants.a]\nfoo = 1\n[else]\n";
    let error = file.parse::<Tenants>().unwrap_err();
    let places: Vec<_> = error.faults().iter().map(|fault| (fault.line(), fault.column())).collect();
    assert_eq!(places, [(2, 12), (2, 17), (4, 7), (6, 1), (7, 2)]);
    let whole: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
    assert_eq!(error.to_string(), whole.join("; "));
    let many = format!("[tenants.a]\ntopics = [{}]\n", "5, ".repeat(100));
    assert!(many.parse::<Tenants>().unwrap_err().to_string().ends_with("; and 80 more"));
}
