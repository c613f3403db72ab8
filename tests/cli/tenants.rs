//! Sends as a tenant of a file, and files of tenants that cannot be used for one.

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
            limits.timeout = "10 s"
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
            "broker: tenant nobody may not send to 127.0.0.1 port #; no grant names it; and topic: tenant nobody may not \
             publish to \"acme/x\"; no grant names it",
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
    for command in ["check", "send"] {
        as_tenant(command, &file, "acme")
            .args(["--topic", "x", "--content", "12345678901234567", "--broker", "ssl://127.0.0.2"])
            .args(["--verify-server=false", "--use-certificate", "--certificate", "/etc/crt.pem"])
            .args(["--private-key", "/etc/key.pem", "--proxy", "http://127.0.0.3"])
            .args(["--will", r#"{"topic": "gone", "content": "12345678901234567"}"#])
            .run()
            .answers(
                77,
                "Not sent, it is not allowed: broker: tenant acme may not send to 127.0.0.2 port 8883; no grant names \
                 it; and proxy: tenant acme may not name a proxy, which looks names up out of sight; that needs the \
                 grant proxy-names; and proxy: tenant acme may not send through 127.0.0.3 port 80; no grant names it; \
                 and verify-server: tenant acme may not send to a broker that is not verified; and certificate: \
                 tenant acme may not read /etc/crt.pem; it is in no directory that is granted; and private-key: \
                 tenant acme may not read /etc/key.pem; it is in no directory that is granted; and will: tenant acme \
                 may not publish to \"gone\"; no grant names it; and the will's content: 17 bytes, and tenant acme may \
                 send 16 (its limit payload); and topic: tenant acme may not publish to \"x\"; no grant names it; and \
                 content: 17 bytes, and tenant acme may send 16 (its limit payload).",
            );
    }
    // No way leads out of a directory that is granted.
    let outside = format!("{}/../out/ca.pem", directory.path().display());
    for command in ["check", "send"] {
        as_tenant(command, &file, "acme")
            .args(["--topic", "acme/x", "--content", "x", "--broker", "ssl://127.0.0.1:1883"])
            .args(["--root-ca-crt", &outside])
            .run()
            .answers(
                77,
                &format!(
                    "Not sent, it is not allowed: root-ca-crt: tenant acme may not read {outside}; it is in no \
                     directory that is granted."
                ),
            );
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
        .answers(
            0,
            "The message would be sent with QoS 1 to topic \"acme/x\" at tcp://127.0.0.1:1883. root-ca-crt and \
             verify-server are ignored, because the broker has no TLS.",
        );
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
                     brokers, topics, directories, private-networks, unverified-servers, proxy-names, \
                     stored-secrets, trace-context, limits, config, tokens are; line 3, column 14: tenants.acme.limits.cpu: wants a time, as in \"30 s\", got a whole number."
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
