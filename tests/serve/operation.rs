//! What an operator asks: health, metrics, tokens.

use mqtt_connector_tests::Mosquitto;

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
