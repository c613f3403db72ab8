//! `tenants check`: what the tenants of a file may do, in plain words, and everything that is wrong with it.

use mqtt_connector::TokenDigest;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Output, Program, write};

#[test]
fn a_file_of_tenants_is_put_in_plain_words() {
    let directory = TempDir::new().unwrap();
    let here = directory.path().to_str().unwrap();
    let file = write(
        &directory,
        "tenants.toml",
        format!(
            r##"
            [tenants.acme]
            brokers = ["ssl://*.iot.eu-west-1.amazonaws.com:8883", "tcp://10.0.0.0/8:1883"]
            directories = ["{here}"]
            topics = ["acme/#"]

            [tenants.acme.limits]
            payload = "256 KiB"
            timeout = "30 s"
            messages-per-second = 100

            [tenants.acme.config]
            broker = "ssl://abc.iot.eu-west-1.amazonaws.com:8883"
            client-id = "acme-flow"
            password = "planted"

            [tenants.nobody]
            "##
        ),
    );
    let output = Program::new(["tenants", "check", &file]).run();
    assert_eq!(output.status, Some(0), "{output:?}");
    assert_eq!(
        output.stdout,
        format!(
            "\
acme
  may send to ssl://*.iot.eu-west-1.amazonaws.com:8883, tcp://10.0.0.0/8:1883
  may publish to acme/#
  may read certificate, key and CA files below {here}
  may not reach private networks, but for addresses that are granted as brokers
  may not send to brokers whose certificate is not verified
  may not send through a proxy
  may not have requests with passwords and keys stored
  messages do not say which trace they belong to
  limits: payload 256 KiB, timeout 30 s, cpu 1 s, memory 64 MiB, concurrent-sends 64, connections 32, \
             messages-per-second 100, waiting-executions 1000000
  nobody calls a service for it
  its configuration gives broker, client-id, password

nobody
  may send nowhere
  may publish nothing
  may read no files
  may not reach private networks, but for addresses that are granted as brokers
  may not send to brokers whose certificate is not verified
  may not send through a proxy
  may not have requests with passwords and keys stored
  messages do not say which trace they belong to
  limits: payload 1 MiB, timeout 1 min, cpu 1 s, memory 64 MiB, concurrent-sends 64, connections 32, \
             messages-per-second 250, waiting-executions 1000000
  nobody calls a service for it
  its configuration is empty
"
        )
    );
    assert_eq!(
        output.stderr,
        format!(
            "mqtt-connector: {file}: tenant nobody: brokers: there is none, so it can send nothing\n\
             mqtt-connector: {file}: tenant nobody: topics: there is none, so it can publish nothing\n"
        )
    );
}

#[test]
fn what_an_operator_should_think_about_again_is_said() {
    for (entries, remarks) in [
        (
            r##"brokers = ["tcp://0.0.0.0/0"]"##,
            &["brokers: tcp://0.0.0.0/0: it includes an address at which clouds hand out credentials \
               (169.254.169.254, 100.100.100.200, fd00:ec2::254 and others)"][..],
        ),
        (
            r##"brokers = ["*://*.com:*"]"##,
            &["brokers: *://*.com:*: it means every name below a whole top-level domain"],
        ),
        (r##"topics = ["#"]"##, &["topics: #: it means the topics of everybody on the broker"]),
        (
            r##"directories = ["/etc"]"##,
            &["directories: /etc: it holds more than the certificates of one tenant"],
        ),
        (
            "private-networks = true",
            &[
                "private-networks: whoever sets what the names of its brokers lead to, can point them at this machine \
               and at the networks it is in",
            ],
        ),
        (
            "unverified-servers = true",
            &[
                "unverified-servers: with verify-server false, anybody on the way can read and change its messages and \
               passwords",
            ],
        ),
        (
            "proxy-names = true",
            &["proxy-names: none of its brokers is a proxy (socks5://… or http://…), so it can name none"],
        ),
        (
            r##"brokers = ["tcp://a.example", "socks5://proxy.example"]
            proxy-names = true"##,
            &[
                "proxy-names: what the names of its brokers lead to is looked up by the proxy, and not checked here",
            ],
        ),
        (
            r##"brokers = ["tcp://a.example", "http://proxy.example:3128"]"##,
            &["brokers: a proxy is granted to no effect, without proxy-names = true"],
        ),
        (
            r##"[[tenants.acme.tokens]]
            name = "2026"
            sha256 = "1111111111111111111111111111111111111111111111111111111111111111"
            [[tenants.acme.tokens]]
            name = "2026"
            sha256 = "2222222222222222222222222222222222222222222222222222222222222222"
            [[tenants.acme.tokens]]
            name = "2027"
            sha256 = "3333333333333333333333333333333333333333333333333333333333333333""##,
            &["tokens: 2026: it is the name of several, so that nobody knows one of them by it"],
        ),
        (
            r##"config.broker = "tcp://a.example"
            config.proxy = "socks5://proxy.example""##,
            &[
                "config: proxy socks5://proxy.example:1080 is not among its brokers",
                "config: naming a proxy is not granted (proxy-names)",
            ],
        ),
        (
            r##"config.broker = "tcp://evil.example""##,
            &["config: broker tcp://evil.example:1883 is not among its brokers"],
        ),
        (r##"config.topic = "b/c""##, &["config: topic \"b/c\" is not among its topics"]),
        (
            r##"config.will = { topic = "gone", content = "" }"##,
            &["config: will.topic \"gone\" is not among its topics"],
        ),
        (
            r##"config.certificate = "/etc/crt.pem"
            config.private-key = "/home/key.pem"
            config.use-certificate = true"##,
            &[
                "config: certificate /etc/crt.pem is not in its directories",
                "config: private-key /home/key.pem is not in its directories",
            ],
        ),
        (
            "config.verify-server = false",
            &["config: verify-server false is not granted (unverified-servers)"],
        ),
        (
            r##"config.brokr = "planted"
            config.qos = 5"##,
            &[
                "config: \"brokr\" in the configuration is unknown (did you mean broker?)",
                "config: qos in the configuration got the number 5, wants the number 0, 1 or 2",
            ],
        ),
        (
            r##"config.broker = "ssl://ann:planted@a""##,
            &["config: broker in the configuration got a string of 19 bytes, wants a URL without user \
               information: there are the parameters username and password"],
        ),
    ] {
        let mut file = "[tenants.acme]\n".to_owned();
        for (name, usual) in [("brokers", r#"["tcp://a.example"]"#), ("topics", r##"["a/#"]"##)] {
            if !entries.starts_with(name) {
                file.push_str(&format!("{name} = {usual}\n"));
            }
        }
        let output = Program::new(["tenants", "check", "-"]).stdin(file + entries).run();
        assert_eq!(output.status, Some(0), "{output:?}");
        let said: Vec<_> = output.stderr.lines().collect();
        let wanted: Vec<_> =
            remarks.iter().map(|said| format!("mqtt-connector: -: tenant acme: {said}")).collect();
        assert_eq!(said, wanted, "{entries}");
    }
}

#[test]
fn everything_wrong_with_a_file_of_tenants_is_said_at_once() {
    let directory = TempDir::new().unwrap();
    let file = write(
        &directory,
        "tenants.toml",
        "[tenants.acme]\nbrokers = [\"x://a\"]\nlimits.payload = \"1 KB\"\n\n[tenants.\"a b\"]\n",
    );
    Program::new(["tenants", "check", &file]).run().fails(
        64,
        &format!(
            "mqtt-connector: {file}: 3 entries are wrong\n\
             {file}:2:12: tenants.acme.brokers: broker grant \"x://a\": the scheme \"x\" is not known; tcp, mqtt, \
             ssl, tls, mqtts, ws, wss and * are, and socks5 and http for proxies\n\
             {file}:3:18: tenants.acme.limits.payload: the unit \"KB\" is not known; B, KiB, MiB and GiB are\n\
             {file}:5:10: tenants.\"a b\": a tenant's name has 1 to 64 of the letters a to z and A to Z, digits, -, _ \
             and .\n"
        ),
    );
    let hidden = "[tenants.acme]\nbrokers = [\"ssl://user:secret%40host\", \"ssl://user:secret\"]\n";
    let output = Program::new(["tenants", "check", "-"]).stdin(hidden).run();
    output.fails(
        64,
        "mqtt-connector: -: 2 entries are wrong\n\
         -:2:12: tenants.acme.brokers: broker grant \"ssl://…\": a grant has no user name and no password; those are \
         parameters of the connector\n\
         -:2:40: tenants.acme.brokers: broker grant \"ssl://…\": wants scheme://host[:port], as in \
         ssl://broker.example:8883; what it has instead is not shown: it may be a secret\n",
    );
    Program::new(["tenants", "check", "/not/there"])
        .run()
        .fails(66, "mqtt-connector: /not/there: No such file or directory (os error 2).\n");
    Program::new(["tenants", "check"])
        .run()
        .fails(64, "error: the following required arguments were not provided:…");
    Program::new(["tenants"]).run().fails(64, "Works with a file of tenants\n…");
    let none = Program::new(["tenants", "check", "-"]).stdin("").run();
    assert_eq!((none.status, none.stdout.as_str()), (Some(0), ""));
    assert_eq!(none.stderr, "mqtt-connector: -: there is no tenant in it, as in [tenants.acme]\n");
}

#[test]
fn nothing_of_a_file_is_obeyed_by_a_terminal() {
    let directory = TempDir::new().unwrap();
    let strange = format!("{}/\u{1b}[2J\u{202e}", directory.path().display());
    let file = |directories: &str| {
        let entry = format!("[tenants.acme]\ndirectories = [{directories}]\n").replace('\u{1b}', "\\u001b");
        write(&directory, "tenants.toml", entry)
    };
    let missing = Program::new(["tenants", "check", &file(&format!("\"{strange}\""))]).run();
    assert_eq!(missing.status, Some(64), "{missing:#?}");
    std::fs::create_dir(&strange).unwrap();
    let there = Program::new(["tenants", "check", &file(&format!("\"{strange}\""))]).run();
    assert_eq!(there.status, Some(0), "{there:#?}");
    for output in [missing, there] {
        let printed = output.stdout + &output.stderr;
        assert!(printed.contains(r"/\u{1b}[2J\u{202e}"), "{printed}");
        assert!(!printed.contains(['\u{1b}', '\u{202e}']), "{printed:?}");
    }
}

#[test]
fn of_very_many_faults_a_hundred_are_told() {
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "tenants.toml", "=\n".repeat(1000));
    let output = Program::new(["tenants", "check", &file]).run();
    assert_eq!(output.status, Some(64), "{output:#?}");
    assert_eq!(output.stderr.lines().count(), 102, "{output:#?}");
    assert!(output.stderr.ends_with(" more\n"), "{output:#?}");
}

#[test]
fn a_token_that_is_made_is_one() {
    let made = || {
        let Output { status, stdout, stderr } = Program::new(["tenants", "token", "acme"]).run();
        assert_eq!((status, stdout.lines().count()), (Some(0), 1));
        let made: Value = serde_json::from_str(&stdout).unwrap();
        let (token, sha256) = (made["token"].as_str().unwrap().to_owned(), made["sha256"].as_str().unwrap());
        assert_eq!(sha256, TokenDigest::of(&token).to_string());
        // What is said besides is the digest's place, and not the token.
        let is_place = stderr.contains("[[tenants.acme.tokens]]") && stderr.contains(sha256);
        assert!(is_place && !stderr.contains(&token), "{stderr}");
        token
    };
    let token = made();
    assert_eq!(token.len(), 64);
    assert_ne!(token, made());
    let Output { status, stdout, .. } = Program::new(["tenants", "token", "a b"]).run();
    assert_eq!((status, &*stdout), (Some(64), ""));
}
