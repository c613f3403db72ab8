//! What an operator asks: health, metrics, tokens.

use mqtt_connector_tests::Mosquitto;
use serde_json::json;

use crate::support::Home;

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
    service.call("DELETE", "/v1/send").ask().problem(405);
    let metrics = service.get("/metrics").token("").ask();
    assert_eq!(
        (metrics.status, metrics.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    for line in [
        "mqtt_connector_executions_under_way 0",
        "mqtt_connector_responses{tenant=\"acme\",action=\"send\",exit_code=\"0\"} 1",
        "http_server_request_duration_count{http_request_method=\"POST\",http_route=\"/v1/send\",http_response_status_code=\"200\"} 1",
        "http_server_request_duration_count{http_request_method=\"_OTHER\",http_route=\"/v1/send\",http_response_status_code=\"405\"} 1",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} in {}", metrics.body);
    }
    assert!(!metrics.body.contains("planted") && !metrics.body.contains("acme/door"), "{}", metrics.body);
}

#[test]
fn a_store_that_cannot_be_written_is_said_once_and_the_service_is_not_ready_until_it_can_be() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve_on_a_disk_that_may_be_full();
    let later = json!({"request": {"content": "planted"}, "not-before": "2999-01-01T00:00:00Z"});
    service.accepts(&later);
    service.may_write("0");
    const UNUSABLE: &str = "the store of executions cannot be used: SQLite says SystemIoFailure";
    for _ in 0..3 {
        assert_eq!(service.post("/v1/executions", later.to_string()).ask().problem(503), UNUSABLE);
    }
    let unready = service.get("/readyz").token("").ask();
    assert_eq!((&*unready.problem(503), unready.header("retry-after")), (UNUSABLE, Some("1")));
    // Who waits needs no store.
    assert_eq!(service.post("/v1/send", r#"{"content":"planted"}"#).ask().exit_code(), 0);

    service.may_write("unlimited");
    // Nobody has to submit for that.
    let said = service.says_until("the store of executions can be written again");
    let [began, _] = &said[..] else { panic!("{said:#?}") };
    assert!(
        began.contains("nothing more is accepted or begun until the store can be written again")
            && began.contains(UNUSABLE),
        "{began}"
    );
    assert_eq!(service.get("/readyz").token("").ask().status, 200);
    service.accepts(&later);
}
