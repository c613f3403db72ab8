//! `mqtt-connector executions`: what a store holds, and what an operator changes in it; and how `mqtt-connector` goes on as the program that
//! has these commands.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;

use mqtt_connector::Response;
use mqtt_connector_service::store::New;
use mqtt_connector_service::{Execution, Options, Query, Request, SqliteStore, Status, Store, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

/// How a run ended.
#[derive(Debug)]
struct Output {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A store with a dead letter, one that was sent, and one that waits, in this order.
struct Stored {
    _directory: TempDir,
    path: PathBuf,
    executions: [Execution; 3],
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn stored() -> Stored {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("executions.db");
    let executions = ["acme", "acme", "other"].map(|tenant| {
        let request = Request::parse(r#"{"topic": "a/b", "content": "x"}"#).unwrap();
        Execution::new(tenant.into(), request, Options::default(), Timestamp::now())
    });
    runtime().block_on(async {
        let store = SqliteStore::open(&path).unwrap();
        for (execution, exit_code) in executions.iter().zip([Some(64), Some(0), None]) {
            store.accept(New { execution: execution.clone(), idempotency_key: None }).await.unwrap();
            let Some(exit_code) = exit_code else { continue };
            let mut claimed = store.claim("acme", 1).await.unwrap().remove(0);
            claimed.answer(&Response::new(exit_code, "Answered."), Timestamp::now(), Timestamp::now());
            store.settle(&claimed, None).await.unwrap();
        }
    });
    Stored { _directory: directory, path, executions }
}

fn run(path: &Path, arguments: &[&str]) -> Output {
    let store = ["--store", path.to_str().unwrap()];
    answer(&connector(), &[&["executions"], arguments, &store].concat())
}

/// The program that people call. Cargo builds it for its own tests that have the name of these.
fn connector() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_mqtt-connector-serve")).with_file_name("mqtt-connector")
}

fn answer(program: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).env_remove("RUST_LOG").output().unwrap();
    Output {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The lines of an output that went well.
fn lines(output: &Output) -> Vec<Value> {
    assert_eq!((output.status, &*output.stderr), (Some(0), ""), "{output:?}");
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_list_has_what_was_asked_for() {
    let Stored { path, executions: [dead, sent, waiting], _directory } = stored();
    for (arguments, wanted) in [
        (&["list"][..], vec![&waiting, &sent, &dead]),
        (&["list", "--limit", "2"], vec![&waiting, &sent]),
        (&["list", "--tenant", "acme"], vec![&sent, &dead]),
        (&["list", "--status", "finished"], vec![&sent, &dead]),
        (&["list", "--dead-letters"], vec![&dead]),
        (&["list", "--since", "9999-01-01T00:00:00Z"], vec![]),
        (&["list", "--topic", "a/b", "--status", "accepted"], vec![&waiting]),
        (&["export"], vec![&waiting, &sent, &dead]),
    ] {
        let listed = lines(&run(&path, arguments));
        let ids: Vec<_> = listed.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
        let wanted: Vec<_> = wanted.iter().map(|execution| execution.id.to_string()).collect();
        assert_eq!(ids, wanted, "{arguments:?}");
        // What was sent has none any more.
        let has_requests = listed.iter().map(|line| !line["request"].is_null()).collect::<Vec<_>>();
        let is_export = arguments == ["export"];
        assert_eq!(
            has_requests,
            ids.iter().map(|id| is_export && *id != sent.id.to_string()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn one_is_shown_and_changed() {
    let Stored { path, executions: [dead, sent, waiting], _directory } = stored();
    let id = |execution: &Execution| execution.id.to_string();
    let shown = lines(&run(&path, &["show", &id(&dead)]));
    assert_eq!(shown[0]["meta"]["exit-code"], 64);
    assert_eq!(shown[0]["request"]["content"], "x");

    let cancelled = lines(&run(&path, &["cancel", &id(&waiting)]));
    assert_eq!(
        (cancelled[0]["id"].as_str(), cancelled[0]["status"].as_str()),
        (Some(&*id(&waiting)), Some("cancelled"))
    );

    // The one is carried out again, the other was sent well.
    let retried = run(&path, &["retry", &id(&sent), &id(&dead)]);
    assert_eq!(retried.status, Some(64));
    assert_eq!(
        retried.stderr,
        format!(
            "mqtt-connector: execution {} is finished with exit code 0: only what has expired, or finished with another exit code \
             than 0, can be carried out again.\n",
            sent.id
        )
    );
    let again: Value = serde_json::from_str(&retried.stdout).unwrap();
    assert_eq!((again["retry-of"].as_str(), again["status"].as_str()), (Some(&*id(&dead)), Some("accepted")));
    let store = SqliteStore::open(&path).unwrap();
    let query = Query { status: Some(Status::Accepted), limit: NonZeroU32::new(9), ..Query::default() };
    let page = runtime().block_on(store.list(query)).unwrap();
    assert_eq!(page.executions.len(), 1);
    assert_eq!(page.executions[0].id.to_string(), again["id"].as_str().unwrap());
}

#[test]
fn what_cannot_be_done_is_said() {
    let Stored { path, executions: [dead, ..], _directory } = stored();
    let unknown = "01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10";
    let missing = path.with_extension("missing");
    for (store, arguments, status, stderr) in [
        (
            &path,
            &["show", unknown][..],
            64,
            format!("mqtt-connector: there is no execution {unknown}, or it is no longer kept.\n"),
        ),
        (
            &path,
            &["cancel", &dead.id.to_string()],
            64,
            format!(
                "mqtt-connector: execution {} is finished: only what is accepted and has not begun can be cancelled.\n",
                dead.id
            ),
        ),
        (
            &missing,
            &["list"],
            66,
            format!("mqtt-connector: {}: No such file or directory (os error 2).\n", missing.display()),
        ),
    ] {
        let output = run(store, arguments);
        assert_eq!((output.status, &*output.stderr, &*output.stdout), (Some(status), &*stderr, ""));
    }
    let output = run(&path, &["show", "7"]);
    assert_eq!(output.status, Some(64));
    assert!(
        output
            .stderr
            .contains("it is not an identifier of an execution, as in 01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_commands_of_the_service_need_its_program() {
    let directory = TempDir::new().unwrap();
    let alone = directory.path().join("mqtt-connector");
    std::fs::copy(connector(), &alone).unwrap();
    let beside = directory.path().join("mqtt-connector-serve");
    for command in ["serve", "executions"] {
        let output = answer(&alone, &[command, "--help"]);
        let said = format!(
            "mqtt-connector: The service and its store are in the program mqtt-connector-serve, and there is no {}: put it there \
             (make build leaves all programs in target/release).\n",
            beside.display()
        );
        assert_eq!((output.status, &*output.stdout, &*output.stderr), (Some(70), "", &*said));
    }
    // Whoever only sends has the completions for that.
    let completions = answer(&alone, &["completions", "bash"]);
    assert_eq!(completions.status, Some(0));
    assert!(completions.stdout.contains("--client-id") && !completions.stdout.contains("--drain"));

    std::fs::write(&beside, "no program").unwrap();
    let output = answer(&alone, &["serve"]);
    let said =
        format!("mqtt-connector: {} cannot be started: Permission denied (os error 13).\n", beside.display());
    assert_eq!((output.status, &*output.stderr), (Some(70), &*said));
}

#[test]
fn its_words_are_those_of_one_program() {
    for (arguments, said) in [
        (&["serve", "--help"][..], "Usage: mqtt-connector serve [OPTIONS] --tenants <FILE>"),
        (&["executions", "list", "--help"], "Usage: mqtt-connector executions list [OPTIONS]"),
        (&["completions", "bash"], "--drain"),
        (&["completions", "bash"], "--client-id"),
    ] {
        let output = answer(&connector(), arguments);
        assert_eq!((output.status, &*output.stderr), (Some(0), ""), "{arguments:?}");
        assert!(output.stdout.contains(said), "{arguments:?}: {}", output.stdout);
    }
    let output = answer(&connector(), &["serve", "--tenants"]);
    assert_eq!(output.status, Some(64));
    assert!(
        output.stderr.contains("a value is required for '--tenants <FILE>' but none was supplied"),
        "{}",
        output.stderr
    );
    let output = answer(Path::new(env!("CARGO_BIN_EXE_mqtt-connector-serve")), &["send", "--topic", "t"]);
    let said = "mqtt-connector: The command line: mqtt-connector-serve has the commands serve, executions and cluster; the others are those of mqtt-connector.\n";
    assert_eq!((output.status, &*output.stderr), (Some(64), said));
}
