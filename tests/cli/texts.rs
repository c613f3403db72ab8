//! The commands that print: `check`, `schema`, `wit`, `completions`, `--help` and `--version`.

use std::collections::BTreeSet;
use std::process::Command;

use mqtt_connector_guest::catalogue::PARAMETERS;
use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::{Mosquitto, Observer, ScriptedBroker, ServerTls};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Program, write};

#[test]
fn check_says_what_would_be_sent_and_sends_nothing() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let untouched = ScriptedBroker::untouched();
    for address in [broker.address(), untouched.address()] {
        Program::new(["check", "--broker", &format!("tcp://{address}"), "--client-id", "dry-run"])
            .args(["--topic", "plant/7", "--content", "c", "--qos", "1", "--retain"])
            .run()
            .answers(
                0,
                &format!("The message would be sent with QoS 1 to topic \"plant/7\" at tcp://{address}."),
            );
    }
    observer.nothing();
    assert!(!broker.log().contains("dry-run"), "{}", broker.log());
    untouched.finish();
}

#[test]
fn check_reads_certificates_and_looks_nothing_up() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder().tls(ServerTls::new(&pki.server(&["broker.test"]))).start();
    let check = |authority: &str| {
        Program::new(["check", "--broker", "ssl://broker.test", "--client-id", "c", "--topic", "t"])
            .args(["--content", "c", "--resolve", &format!("broker.test:8883:{}", broker.address())])
            .args(["--root-ca-crt", authority])
            .run()
    };
    check(pki.authority().path_str())
        .answers(0, "The message would be sent with QoS 2 to topic \"t\" at ssl://broker.test:8883.");
    check("/missing").answers(
        66,
        "Not sent, a certificate or key cannot be used: root-ca-crt: /missing cannot be read: no such file or \
         directory.",
    );
    broker.finish();
}

#[test]
fn check_tells_of_the_quality_of_service_that_aws_lacks() {
    Program::new(["check", "--broker", "ssl://x.iot.eu-west-1.amazonaws.com", "--client-id", "c"])
        .args(["--topic", "t", "--content", "c"])
        .run()
        .answers(
            0,
            "The message would be sent with QoS 1 to topic \"t\" at ssl://x.iot.eu-west-1.amazonaws.com:8883. QoS 2 \
             was asked for, and AWS IoT has no QoS 2: QoS 1 instead.",
        );
}

#[test]
fn schema_lists_every_parameter() {
    let schema = Program::new(["schema"]).run().printed();
    let schema: Value = serde_json::from_str(schema.strip_suffix('\n').unwrap()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let listed: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let parameters: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    assert_eq!(listed, parameters);
}

#[test]
fn every_parameter_has_a_flag_and_no_other_flag_exists() {
    for command in ["send", "check"] {
        let help = Program::new([command, "--help"]).run().printed();
        let flags: BTreeSet<&str> = help
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("--"))
            .map(|rest| rest.split([' ', '[', '=']).next().unwrap())
            .collect();
        let action_is_hidden = PARAMETERS.iter().filter(|parameter| parameter.name != "action");
        let mut expected: BTreeSet<&str> = action_is_hidden.map(|parameter| parameter.name).collect();
        expected.extend(["config", "request", "content-file", "password-file", "resolve", "component"]);
        expected.extend(["log-format", "tenants", "tenant"]);
        if command == "send" {
            expected.extend(["lines", "lines-base64", "requests", "results"]);
        }
        assert_eq!(flags, expected, "{help}");
        for noted in ["[env: MQTT_USERNAME]", "[env: MQTT_PASSWORD]", "Examples:", "Exit status"] {
            assert!(help.contains(noted), "{noted:?} is not in {help}");
        }
    }
}

#[test]
fn help_never_shows_the_environments_password() {
    for arguments in
        [&["send", "--help"][..], &["send", "-h"], &["check", "--help"], &["help", "send"], &["--help"]]
    {
        let program = Program::new(arguments.iter().copied());
        let help =
            program.env("MQTT_USERNAME", "ann-5ecret").env("MQTT_PASSWORD", "pass-5ecret").run().printed();
        assert!(help.contains("Usage: mqtt-connector") && !help.contains("5ecret"), "{help}");
    }
}

#[test]
fn wit_is_the_contract() {
    assert_eq!(Program::new(["wit"]).run().printed(), include_str!("../../wit/connector.wit"));
}

#[test]
fn completions_are_scripts_that_know_the_flags() {
    let directory = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = Program::new(["completions", shell]).run().printed();
        for flag in ["client-id", "content-file", "resolve"] {
            assert!(script.contains(flag), "{flag} is not in the completions for {shell}");
        }
        if shell == "bash" {
            let path = write(&directory, "completions.bash", &script);
            let complete = "source \"$0\"; registered=$(complete -p mqtt-connector); function=${registered#*-F }; \
                            COMP_WORDS=(mqtt-connector send --clie); COMP_CWORD=2; \
                            ${function%% *} mqtt-connector --clie send; echo \"${COMPREPLY[*]}\"";
            let output = Command::new("bash").args(["-c", complete, &path]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "--client-id\n");
        }
    }
}

#[test]
fn version_names_component_contract_and_engine() {
    let version = env!("CARGO_PKG_VERSION");
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) = lock.split_once("name = \"wasmtime\"\nversion = \"").unwrap();
    let (wasmtime, _) = rest.split_once('"').unwrap();
    assert_eq!(
        Program::new(["--version"]).run().printed(),
        format!(
            "mqtt-connector {version}\ncomponent {version}\ncontract flint:mqtt@0.2.0\nwasmtime {wasmtime}\n"
        )
    );
    assert_eq!(Program::new(["-V"]).run().printed(), format!("mqtt-connector {version}\n"));
}
