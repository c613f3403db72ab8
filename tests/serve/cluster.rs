//! `--store nats://…`: several services that share what a cluster of NATS holds; `cluster check`, and `executions` beside them.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use mqtt_connector_tests::{Mosquitto, NatsCluster, Observer};
use serde_json::json;

use crate::support::{Home, PATIENCE, repository};

/// What `mqtt-connector` says to these arguments.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-connector-serve"));
    command.args(arguments).env_remove("RUST_LOG").output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn what_one_service_accepts_is_known_at_another_and_outlives_both() {
    let nats = NatsCluster::start(1);
    let store = format!("{}?replicas=1&lease=3600", nats.address());
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let serve = || home.serve(&["--store", &store]);
    let (mut one, mut other) = (serve(), serve());
    let body = json!({"request": {"topic": "acme/lamp", "content": "on"}});
    let id = one.accepts(&body);
    let execution = other.ended(&id);
    assert_eq!((&execution["status"], &execution["meta"]["exit-code"]), (&json!("finished"), &json!(0)));
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"on");
    let later =
        json!({"request": {"topic": "acme/lamp", "content": "x"}, "not-before": "2999-01-01T00:00:00Z"});
    let waiting = other.accepts(&later);

    // Whoever ends gives what it had to the other.
    one.signal("TERM");
    assert!(one.ends().success());
    let next = other.accepts(&body);
    assert_eq!(other.ended(&next)["meta"]["exit-code"], json!(0));
    other.signal("TERM");
    assert!(other.ends().success());

    let listed = run(&["executions", "list", "--status", "accepted", "--store", &store]);
    assert!(listed.status.success(), "{listed:?}");
    let lines: Vec<serde_json::Value> =
        text(&listed.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["id"]).collect::<Vec<_>>(), [&json!(waiting)]);
    let cancelled = run(&["executions", "cancel", &waiting, "--store", &store]);
    assert!(cancelled.status.success(), "{cancelled:?}");
    assert_eq!(observer.settled().len(), 2);
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let is_part = |character: char| character.is_ascii_lowercase() || character == '_';
    text.split(|character| !is_part(character)).filter(|word| word.starts_with("mqtt_connector_")).collect()
}

#[test]
fn dashboard_and_alerts_name_what_a_node_counts_from_its_start_on() {
    let nats = NatsCluster::start(1);
    let home = Home::new(1);
    let service = home.serve(&["--store", &format!("{}?replicas=1&lease=3600", nats.address())]);
    let shown = service.get("/metrics").ask().body;
    let samples = shown.lines().filter(|line| !line.starts_with('#'));
    let names: BTreeSet<&str> = samples.filter_map(|line| line.split([' ', '{']).next()).collect();
    let page = fs::read_to_string(repository("docs/cluster.md")).unwrap();
    for file in ["docs/cluster-dashboard.json", "docs/cluster-alerts.yml"] {
        let text = fs::read_to_string(repository(file)).unwrap();
        let named = metrics(&text);
        assert!(!named.is_empty(), "{file}");
        for name in named {
            assert!(names.contains(name), "{file} names {name}, which is none of {names:?}");
        }
    }
    let of_the_cluster = names.iter().copied().filter(|name| name.starts_with("mqtt_connector_cluster_"));
    assert_eq!(metrics(&page), of_the_cluster.collect(), "docs/cluster.md has others");
    let is_counter = |line: &&str| line.starts_with("mqtt_connector_cluster_") && line.contains("_total ");
    for line in shown.lines().filter(is_counter) {
        assert!(line.ends_with("_total 0"), "{line}");
    }
}

#[test]
fn a_cluster_is_checked_and_what_is_wrong_with_it_is_said() {
    let three = NatsCluster::start(3);
    let monitors: Vec<String> = (0..3).map(|server| format!("127.0.0.1:{}", three.monitor(server))).collect();
    let address = format!("{}?monitor={}", three.address(), monitors.join(","));
    let home = Home::new(1);
    // Whoever serves makes the stream, and finds nothing to say about it; nor does a node that finds it without a leader.
    let spawn = || home.spawn(&["--listen", "127.0.0.1:0", "--store", &address]);
    for mut service in [spawn(), spawn(), spawn()] {
        assert_eq!(service.says_until("listening on ").len(), 1);
        service.signal("TERM");
        assert!(service.ends().success());
    }
    let checked = run(&["cluster", "check", &address]);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{checked:?}");
    assert!(said.contains("ok: stream MQTT_EXECUTIONS: 3 replicas\n"), "{said}");
    assert_eq!(said.matches("what it acknowledges is on its disk\n").count(), 3, "{said}");
    assert_eq!(said.matches("ms apart\n").count(), 3, "{said}");
    assert!(!said.contains("wrong: "), "{said}");

    let unsafe_one = NatsCluster::start_as_it_comes(1);
    let address = format!("{}?replicas=1&monitor=127.0.0.1:{}", unsafe_one.address(), unsafe_one.monitor(0));
    let checked = run(&["cluster", "check", &address]);
    assert_eq!(checked.status.code(), Some(66), "{checked:?}");
    let said = text(&checked.stderr);
    assert!(
        said.contains("sync_interval: always belongs into its configuration, within jetstream"),
        "{said}"
    );
    assert!(said.contains("What is accepted is not safe in this cluster: one thing is wrong."), "{said}");
    let no_stream =
        "doubtful: stream MQTT_EXECUTIONS: it is not there yet: a service makes it when it starts\n";
    assert!([text(&checked.stdout), said].concat().contains(no_stream), "{checked:?}");

    let service = home.spawn(&["--listen", "127.0.0.1:0", "--store", &address]);
    service.says("doubtful: stream MQTT_EXECUTIONS: 1 replicas: what is accepted is lost with one disk");
    service.says("wrong: server n0 at ");
    service.says("listening on ");

    let planted = "nats://planted:secret@127.0.0.1";
    for arguments in [
        &["cluster", "check", planted][..],
        &["executions", "list", "--store", planted],
        &["serve", "--tenants", "tenants.toml", "--store", planted],
    ] {
        let refused = run(arguments);
        assert_eq!(refused.status.code(), Some(64), "{refused:?}");
        let said = [text(&refused.stdout), text(&refused.stderr)].concat();
        assert!(said.contains("it has a user or a token in it"), "{said}");
        assert!(!said.contains("planted") && !said.contains("secret"), "{said}");
    }

    for (set, wanted) in [
        (&["NATS_USER"][..], "NATS_USER and NATS_PASSWORD belong together, and one of them is not set."),
        (
            &["NATS_USER", "NATS_PASSWORD", "NATS_TOKEN"],
            "NATS_TOKEN is set, and so is a user or its password: one of the two has to go.",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-connector-serve"));
        command
            .args(["cluster", "check", "nats://127.0.0.1:1"])
            .envs(set.iter().map(|name| (name, "planted")));
        let refused = command.output().unwrap();
        assert_eq!(refused.status.code(), Some(64), "{refused:?}");
        let said = [text(&refused.stdout), text(&refused.stderr)].concat();
        assert!(
            said.contains(&format!("In the environment: {wanted}")) && !said.contains("planted"),
            "{said}"
        );
    }
}
