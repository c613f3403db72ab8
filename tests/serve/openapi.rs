//! `/openapi.json`: right by OpenAPI 3.1, and true.

use std::io::Write as _;
use std::process::Stdio;

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::{Value, json};

use crate::support::{ACME, Answer, Home, Service, tool};

/// Whether `instance` is as the schema of this response says, in the words of a library that is not ours.
#[track_caller]
fn judge(document: &Value, checks: &[(&str, Value)]) {
    const JUDGE: &str = "
import json, sys
from jsonschema import Draft202012Validator
document, checks = json.load(sys.stdin)
for schema, instance in checks:
    whole = {'$ref': '#' + schema, 'components': document['components'], 'paths': document['paths']}
    for error in Draft202012Validator(whole).iter_errors(instance):
        sys.exit(f'{schema}: {error.message}: {instance}')
";
    let mut judge =
        tool("python").args(["-c", JUDGE]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    judge.stdin.take().unwrap().write_all(json!([document, checks]).to_string().as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_document_is_one_of_openapi_3_1() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let answer = service.get("/openapi.json").token("").ask();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document, mqtt_connector_service::http::openapi());
    let file = home.path().join("openapi.json");
    std::fs::write(&file, &answer.body).unwrap();
    let output = tool("openapi-spec-validator").arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_path_is_there_and_only_those_of_operators_are_open() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let document = mqtt_connector_service::http::openapi();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{id}", "01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10");
            let answer = service.call(&method.to_uppercase(), &path).token("").ask();
            let is_open = operation["security"] == json!([{}]);
            assert_eq!(answer.status, if is_open { 200 } else { 401 }, "{method} {path}");
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
            count += 1;
        }
    }
    assert_eq!(count, 12);
}

#[test]
fn answers_are_as_it_says() {
    let broker = Mosquitto::start();
    let _observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service: Service = home.serve(&[]);
    let document = mqtt_connector_service::http::openapi();
    let sent = service.post("/v1/send", r#"{"content":"x"}"#).ask();
    let id = service
        .accepts(&json!({"request": {"content": "x"}, "attempts": 2, "not-before": "2026-01-01T00:00:00Z"}));
    let ended = service.ended(&id);
    let waiting = service
        .post("/v1/executions", r#"{"request":{"content":"x"},"not-before":"2999-01-01T00:00:00Z"}"#)
        .ask();
    let dead = service.ended(&service.accepts(&json!({"request": {"topic": "other/x", "content": "x"}})));
    let body = |answer: &Answer| answer.json();
    let schema = |name: &str| format!("/components/schemas/{name}");
    let [answer, accepted, execution, page, problem] =
        ["Answer", "Accepted", "Execution", "Page", "Problem"].map(schema);
    let path = format!("/v1/executions/{}", waiting.json()["id"].as_str().unwrap());
    judge(
        &document,
        &[
            (&answer, body(&sent)),
            (&answer, body(&service.post("/v1/check", "{}").ask())),
            (&accepted, body(&waiting)),
            (&execution, ended),
            (&execution, dead),
            (&execution, body(&service.get(&path).ask())),
            (&page, body(&service.get("/v1/executions?limit=1").ask())),
            (&page, body(&service.get("/v1/executions?status=expired").ask())),
            (&problem, body(&service.get("/v1/executions?limit=0").ask())),
            (&problem, body(&service.get("/v1/executions").token("wrong").ask())),
        ],
    );
}

#[test]
fn a_fuzzer_that_reads_it_finds_no_fault_of_the_service() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let url = format!("http://{}/openapi.json", service.address());
    // `make fuzz-http` wants more of them, and others each time.
    let wanted = std::env::var("FUZZ_EXAMPLES");
    let mut fuzzer = tool("schemathesis");
    // An execution may be waited for, for a minute.
    fuzzer.args(["run", &url, "--checks", "not_a_server_error", "--request-timeout", "100"]);
    fuzzer.args(["--phases", "coverage,fuzzing", "--max-examples"]);
    fuzzer.arg(wanted.as_deref().unwrap_or("20"));
    if wanted.is_err() {
        fuzzer.arg("--generation-deterministic");
    }
    fuzzer.args(["--header", &format!("Authorization: Bearer {ACME}")]).current_dir(home.path());
    let output = fuzzer.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    println!("{said}");
    assert_eq!(service.get("/readyz").ask().status, 200);
}
