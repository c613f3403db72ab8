//! What an operator asks: health, metrics, tokens.

use std::process::Command;

use mqtt_connector_tests::Mosquitto;
use serde_json::Value;

use crate::support::{Home, tenant};

#[test]
fn health_and_metrics_need_no_token() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    assert_eq!(service.post("/v1/send", r#"{"content":"planted"}"#).ask().exit_code(), 0);
    for path in ["/livez", "/readyz"] {
        let healthy = service.get(path).token("").ask();
        assert_eq!((healthy.status, healthy.body.as_str()), (200, "ok\n"));
    }
    let metrics = service.get("/metrics").token("").ask();
    assert_eq!(
        (metrics.status, metrics.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    for line in [
        "mqtt_connector_executions_under_way 0",
        "mqtt_connector_responses{tenant=\"acme\",action=\"send\",exit_code=\"0\"} 1",
        "http_server_request_duration_count{http_request_method=\"POST\",http_route=\"/v1/send\",http_response_status_code=\"200\"} 1",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} in {}", metrics.body);
    }
    assert!(!metrics.body.contains("planted") && !metrics.body.contains("acme/door"), "{}", metrics.body);
}

#[test]
fn a_token_that_is_made_is_one() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let made = || {
        let output = Command::new(env!("CARGO_BIN_EXE_mqtt-connector"))
            .args(["tenants", "token", "acme"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let line = String::from_utf8(output.stdout).unwrap();
        assert_eq!(line.lines().count(), 1);
        let made: Value = serde_json::from_str(&line).unwrap();
        let (token, sha256) =
            (made["token"].as_str().unwrap().to_owned(), made["sha256"].as_str().unwrap().to_owned());
        // What is said besides is the digest's place, and not the token.
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("[[tenants.acme.tokens]]") && said.contains(&sha256) && !said.contains(&token),
            "{said}"
        );
        (token, sha256)
    };
    let ((token, sha256), (another, _)) = (made(), made());
    assert_eq!(token.len(), 64);
    assert_ne!(token, another);
    let text = tenant("acme", &[], broker.port());
    home.tenants(&format!("{text}\n[[tenants.acme.tokens]]\nname = \"made\"\nsha256 = \"{sha256}\"\n"));
    let service = home.serve(&[]);
    assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).token(&token).ask().exit_code(), 0);
    service.post("/v1/send", r#"{"content":"x"}"#).token(&another).ask().problem(401);

    let output = Command::new(env!("CARGO_BIN_EXE_mqtt-connector"))
        .args(["tenants", "token", "a b"])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(64), Vec::new()));
}
