//! `/v1/executions`: accepted, carried out later, kept.

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::json;

use crate::support::{Home, OTHER, PATIENCE};

#[test]
fn an_execution_is_accepted_and_carried_out_and_kept() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let body =
        json!({"request": {"topic": "acme/lamp", "content": "on"}, "attempts": 2, "ordering-key": "lamp"});
    let accepted = service.post("/v1/executions", body.to_string()).header("Idempotency-Key", "one").ask();
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(accepted.json(), json!({"id": id, "status": "accepted"}));
    assert_eq!(accepted.header("location"), Some(&*format!("/v1/executions/{id}")));
    let execution = service.ended(&id);
    assert_eq!(execution["id"], *id);
    assert_eq!((&execution["tenant"], &execution["topic"]), (&json!("acme"), &json!("acme/lamp")));
    assert_eq!((&execution["status"], &execution["meta"]["exit-code"]), (&json!("finished"), &json!(0)));
    assert_eq!(execution["options"], json!({"attempts": 2, "ordering-key": "lamp"}));
    assert_eq!(execution["attempts"].as_array().unwrap().len(), 1);
    // What has ended well has no content any more.
    assert_eq!(execution.get("request"), None);
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"on");

    let again = service.post("/v1/executions", body.to_string()).header("Idempotency-Key", "one").ask();
    assert_eq!((again.status, again.json()), (202, json!({"id": id, "status": "finished"})));
    let other = json!({"request": {"content": "off"}}).to_string();
    service.post("/v1/executions", other).header("Idempotency-Key", "one").ask().problem(409);
    assert_eq!(observer.settled().len(), 1);
}

#[test]
fn executions_are_listed_page_by_page_and_only_ones_own() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    // Not before a time that does not come while the test runs.
    let body = |topic: &str| json!({"request": {"topic": topic, "content": "x"}, "not-before": "2999-01-01T00:00:00Z"});
    let ids: Vec<_> = ["acme/a", "acme/b", "acme/a"].map(|topic| service.accepts(&body(topic))).into();
    let listed = |query: &str| {
        let page = service.get(&format!("/v1/executions{query}")).ask();
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        let ids =
            page["executions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), page["cursor"].as_str().map(str::to_owned))
    };
    let [first, second, third] = [0, 1, 2].map(|index| ids[index].clone());
    assert_eq!(listed(""), (vec![third.clone(), second.clone(), first.clone()], None));
    assert_eq!(listed("?topic=acme%2Fa").0, [third.clone(), first.clone()]);
    assert_eq!(listed("?status=finished"), (vec![], None));
    assert_eq!(listed("?since=2999-01-01T00:00:00Z").0, Vec::<String>::new());
    let (page, cursor) = listed("?limit=2&status=accepted");
    assert_eq!(page, [third, second.clone()]);
    let (page, cursor) = listed(&format!("?limit=2&status=accepted&cursor={}", cursor.unwrap()));
    assert_eq!((page, cursor), (vec![first.clone()], None));

    // Another tenant has none of them: it cannot even know that they are there.
    let others = service.get("/v1/executions").token(OTHER).ask();
    assert_eq!(others.json(), json!({"executions": []}));
    let unknown = "01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10";
    for (method, path) in [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")] {
        let ask = |id: &str| service.call(method, &format!("/v1/executions/{id}{path}")).token(OTHER).ask();
        assert_eq!(ask(&second).problem(404).replace(&second, unknown), ask(unknown).problem(404));
    }
    assert_eq!(listed("?status=accepted").0.len(), 3);
}

#[test]
fn what_has_not_begun_is_cancelled() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let id = service.accepts(&json!({"request": {"content": "x"}, "not-before": "2999-01-01T00:00:00Z"}));
    let path = format!("/v1/executions/{id}");
    assert!(service.get(&path).ask().json()["request"].is_object());
    for _ in 0..2 {
        let cancelled = service.call("POST", &format!("{path}/cancel")).ask();
        assert_eq!(
            (cancelled.status, &cancelled.json()["status"]),
            (200, &json!("cancelled")),
            "{cancelled:?}"
        );
        assert_eq!(cancelled.json().get("request"), None);
    }
    service.call("POST", &format!("{path}/retry")).ask().problem(409);
}

#[test]
fn a_dead_letter_is_carried_out_again() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    // No wish of the request lies in what is granted.
    let dead = service.accepts(&json!({"request": {"topic": "other/door", "content": "x"}}));
    let ended = service.ended(&dead);
    assert_eq!((&ended["status"], &ended["meta"]["exit-code"]), (&json!("finished"), &json!(77)));
    let letters = service.get("/v1/executions?dead-letters=true").ask().json();
    assert_eq!(letters["executions"][0]["id"], *dead);
    service.call("POST", &format!("/v1/executions/{dead}/cancel")).ask().problem(409);
    // Now it is granted.
    let tenants = crate::support::tenant("acme", &[crate::support::ACME], broker.port());
    home.tenants(&tenants.replace("topics = [\"acme/#\"]", "topics = [\"#\"]"));
    service.signal("HUP");
    service.says("read again; tenants: 1");
    let again = service.call("POST", &format!("/v1/executions/{dead}/retry")).ask();
    assert_eq!(again.status, 202, "{again:?}");
    let id = again.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(id, dead);
    let execution = service.ended(&id);
    assert_eq!((&execution["meta"]["exit-code"], &execution["retry-of"]), (&json!(0), &json!(dead)));
    service.call("POST", &format!("/v1/executions/{dead}/retry")).ask().problem(409);
    observer.nothing();
}

#[test]
fn secrets_do_not_go_to_the_store() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let body = json!({"request": {"content": "x", "password": "planted"}});
    let detail = service.post("/v1/executions", body.to_string()).ask().problem(422);
    assert!(detail.contains("password") && !detail.contains("planted"), "{detail}");
    let keyed = service.post("/v1/send", body["request"].to_string()).header("Idempotency-Key", "k").ask();
    assert!(!keyed.problem(422).contains("planted"));
}
