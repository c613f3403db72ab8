//! Sends as a tenant of a file, and what `tenants check` says of one.

use mqtt_connector_tests::{Mosquitto, Observer, ScriptedBroker};
use tempfile::TempDir;

use crate::support::{PATIENCE, Program, write};

/// A tenant that may send to a broker on loopback, and one that may do nothing.
fn file(port: u16, directory: &TempDir) -> String {
    let here = directory.path().to_str().unwrap();
    write(
        directory,
        "tenants.toml",
        format!(
            r##"
            [tenants.acme]
            brokers = ["*://127.0.0.1:{port}"]
            directories = ["{here}"]
            topics = ["acme/#"]
            limits.payload = "16 B"
            limits.time-out = "10 s"
            limits.memory = "2 MiB"
            [tenants.acme.config]
            broker = "tcp://127.0.0.1:{port}"
            client-id = "acme-flow"
            password = "planted"
            username = "ann"
            retries = 0
            qos = 1

            [tenants.nobody.config]
            broker = "tcp://127.0.0.1:{port}"
            client-id = "nobody-flow"
            "##
        ),
    )
}

fn as_tenant<'a>(command: &'a str, file: &'a str, tenant: &'a str) -> Program {
    Program::new([command, "--tenants", file, "--tenant", tenant])
}

#[test]
fn a_tenant_sends_with_its_configuration_within_its_grants() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/door");
    let directory = TempDir::new().unwrap();
    let file = file(broker.port(), &directory);
    as_tenant("send", &file, "acme")
        .args(["--topic", "acme/door", "--content", "open"])
        .run()
        .answers(0, "Sent with QoS 1 to topic \"acme/door\" at tcp://127.0.0.1:# in # ms.");
    let request = write(&directory, "request.json", r#"{"topic": "acme/door", "content": "shut", "qos": 0}"#);
    as_tenant("send", &file, "acme").args(["--request", &request]).run().answers(
        0,
        "Sent with QoS 0 (never acknowledged) to topic \"acme/door\" at tcp://127.0.0.1:# in # ms.",
    );
    let came: Vec<_> = observer.messages(2, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(came, [b"open", b"shut"]);
}

#[test]
fn what_a_tenant_was_not_granted_sends_nothing() {
    let broker = ScriptedBroker::untouched();
    let directory = TempDir::new().unwrap();
    let file = file(broker.port(), &directory);
    let tls = format!("ssl://127.0.0.1:{}", broker.port());
    for (tenant, flags, reason) in [
        (
            "acme",
            &["--topic", "other/door", "--content", "x"][..],
            "topic: tenant acme may not publish to \"other/door\"; no grant names it",
        ),
        (
            "acme",
            &["--topic", "acme/x", "--content", "x", "--broker", "tcp://127.0.0.2"],
            "broker: tenant acme may not send to 127.0.0.2 port 1883; no grant names it",
        ),
        (
            "acme",
            &["--topic", "acme/x", "--content", "x", "--will", r#"{"topic": "gone", "content": ""}"#],
            "will: tenant acme may not publish to \"gone\"; no grant names it",
        ),
        (
            "acme",
            &["--topic", "acme/x", "--content", "x", "--broker", &tls, "--root-ca-crt", "/etc/ca.pem"],
            "root-ca-crt: tenant acme may not read /etc/ca.pem; it is in no directory that is granted",
        ),
        (
            "acme",
            &["--topic", "acme/x", "--content", "x", "--broker", &tls, "--verify-server=false"],
            "verify-server: tenant acme may not send to a broker that is not verified",
        ),
        (
            "nobody",
            &["--topic", "acme/x", "--content", "x"],
            "broker: tenant nobody may not send to 127.0.0.1 port #; no grant names it",
        ),
    ] {
        as_tenant("send", &file, tenant)
            .args(flags.iter().copied())
            .run()
            .answers(77, &format!("Not sent, it is not allowed: {reason}."));
    }
    as_tenant("send", &file, "acme")
        .args(["--topic", "acme/x", "--content", "12345678901234567"])
        .run()
        .answers(
            77,
            "Not sent, it is too large: content: 17 bytes, and tenant acme may send 16 (its limit payload).",
        );
    broker.finish();
}

#[test]
fn a_dry_run_says_what_a_tenant_was_not_granted() {
    let directory = TempDir::new().unwrap();
    let file = file(1883, &directory);
    let check = |tenant: &'static str| as_tenant("check", &file, tenant);
    check("acme")
        .args(["--topic", "acme/x", "--content", "x"])
        .run()
        .answers(0, "The message would be sent with QoS 1 to topic \"acme/x\" at tcp://127.0.0.1:1883.");
    check("acme")
        .args(["--topic", "x", "--content", "12345678901234567", "--broker", "ssl://127.0.0.2"])
        .args(["--verify-server=false", "--root-ca-crt", "/etc/ca.pem"])
        .args(["--will", r#"{"topic": "gone", "content": "12345678901234567"}"#])
        .run()
        .answers(
            77,
            "The message would not be sent, tenant acme is not allowed: broker ssl://127.0.0.2:8883 is not among its \
             brokers; topic \"x\" is not among its topics; will.topic \"gone\" is not among its topics; content has \
             17 bytes, more than its limit payload; will.content has 17 bytes, more than its limit payload; \
             root-ca-crt /etc/ca.pem is not in its directories; verify-server false is not granted \
             (unverified-servers).",
        );
    // No way leads out of a directory that is granted.
    let outside = format!("{}/../out/ca.pem", directory.path().display());
    for command in ["check", "send"] {
        let output = as_tenant(command, &file, "acme")
            .args(["--topic", "acme/x", "--content", "x", "--broker", "ssl://127.0.0.1:1883"])
            .args(["--root-ca-crt", &outside])
            .run();
        assert_eq!(output.status, Some(77), "{output:#?}");
        if command == "check" {
            let refusal = format!("root-ca-crt {outside} is not in its directories");
            assert!(output.message().contains(&refusal), "{output:#?}");
        }
    }
    // What is not used needs no grant.
    check("acme")
        .args([
            "--topic",
            "acme/x",
            "--content",
            "x",
            "--verify-server=false",
            "--root-ca-crt",
            "/etc/ca.pem",
        ])
        .run()
        .answers(0, "The message would be sent with QoS 1 to topic \"acme/x\" at tcp://127.0.0.1:1883.");
    check("nobody").args(["--topic", "acme/x"]).run().answers(64, "Not sent: content is missing: …");
}

#[test]
fn flags_that_do_not_name_a_tenant() {
    let directory = TempDir::new().unwrap();
    let file = file(1883, &directory);
    let wrong = write(&directory, "wrong.toml", "[tenants.acme]\nbroker = []\nlimits.cpu = 5\n");
    let syntax = write(&directory, "syntax.toml", "[tenants.acme.config]\npassword = planted\n");
    let empty = write(&directory, "empty.toml", "");
    let missing = format!("{file}.missing");
    for command in ["send", "check"] {
        for (flags, exit_code, message) in [
            (
                &["--tenants", &*file][..],
                64,
                "The command line: --tenants FILE also needs --tenant NAME: who sends.".to_owned(),
            ),
            (
                &["--tenant", "acme"],
                64,
                "The command line: --tenant NAME also needs --tenants FILE: what a tenant may do.".to_owned(),
            ),
            (
                &["--tenants", &file, "--tenant", "acme", "--config", "acme.json"],
                64,
                "The command line: --config and --tenant cannot be used together: the configuration is the tenant's, \
                 from its table config."
                    .to_owned(),
            ),
            (
                &["--tenants", &file, "--tenant", "akme"],
                64,
                format!("--tenant \"akme\" is not a tenant of {file}; there: acme, nobody."),
            ),
            (
                &["--tenants", &empty, "--tenant", "acme"],
                64,
                format!("--tenant \"acme\" is not a tenant of {empty}; there: none."),
            ),
            (
                &["--tenants", &missing, "--tenant", "acme"],
                66,
                format!("--tenants {missing}: No such file or directory (os error 2)."),
            ),
            (
                &["--tenants", &wrong, "--tenant", "acme"],
                64,
                format!(
                    "--tenants {wrong}: line 2, column 1: tenants.acme.broker: is not known (did you mean brokers?); \
                     brokers, directories, topics, private-networks, unverified-servers, limits, config are; line 3, \
                     column 14: tenants.acme.limits.cpu: invalid type: integer `5`, expected a time, as in \"30 s\"."
                ),
            ),
            (
                &["--tenants", &syntax, "--tenant", "acme"],
                64,
                format!(
                    "--tenants {syntax}: line 2, column 12: the file is not TOML: string values must be quoted, \
                     expected literal string."
                ),
            ),
        ] {
            Program::new([command]).args(flags.iter().copied()).run().answers(exit_code, &message);
        }
    }
}

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
            time-out = "30 s"
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
  limits: payload 256 KiB, time-out 30 s, cpu 1 s, memory 64 MiB, concurrent-sends 64, connections 32, \
             messages-per-second 100
  its configuration gives broker, client-id, password

nobody
  may send nowhere
  may publish nothing
  may read no files
  may not reach private networks, but for addresses that are granted as brokers
  may not send to brokers whose certificate is not verified
  limits: payload 1 MiB, time-out 1 min, cpu 1 s, memory 64 MiB, concurrent-sends 64, connections 32, \
             messages-per-second 1000
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
               (169.254.169.254, fd00:ec2::254)"][..],
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
        "[tenants.acme]\nbrokers = [\"http://a\"]\nlimits.payload = \"1 KB\"\n\n[tenants.\"a b\"]\n",
    );
    Program::new(["tenants", "check", &file]).run().fails(
        64,
        &format!(
            "mqtt-connector: {file}: 3 entries are wrong\n\
             {file}:2:12: tenants.acme.brokers: broker grant \"http://a\": the scheme \"http\" is not known; tcp, mqtt, \
             ssl, tls, mqtts, ws, wss and * are\n\
             {file}:3:18: tenants.acme.limits.payload: the unit \"KB\" is not known; B, KiB, MiB and GiB are\n\
             {file}:5:10: tenants.\"a b\": a tenant's name has 1 to 64 of the letters a to z and A to Z, digits, -, _ \
             and .\n"
        ),
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
