//! The trace of a caller, which messages of MQTT 5 carry where the tenant is granted it: what a real subscriber sees.

use std::process::Command;

use mqtt_connector_tests::Mosquitto;
use serde_json::{Value, json};

use crate::support::{ACME, Home, OTHER, Service, tenant};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A token of the tenant `old`, which speaks MQTT 3.1.1.
const OLD: &str = "token-of-old";

/// `acme` and `old` are granted it, and `other` is not; `acme` and `other` speak MQTT 5.
fn granted(port: u16) -> Home {
    let home = Home::new(port);
    let speaks = |tenant: String, grant: &str, version: &str| {
        let tenant = tenant.replace("topics =", &format!("{grant}\ntopics ="));
        tenant.replace("retries = 0", &format!("retries = 0\nprotocol-version = \"{version}\""))
    };
    let tenants = [
        speaks(tenant("acme", &[ACME], port), "trace-context = true", "5"),
        speaks(tenant("old", &[OLD], port), "trace-context = true", "3.1.1"),
        speaks(tenant("other", &[OTHER], port), "", "5"),
    ];
    home.tenants(&tenants.concat());
    home
}

/// The user properties of the message that the broker has retained for `topic`, as a subscriber of MQTT 5 is given it.
pub(crate) fn carried(broker: &Mosquitto, topic: &str) -> String {
    let port = broker.port().to_string();
    let mut subscriber = Command::new("mosquitto_sub");
    subscriber.args(["-p", &port, "-V", "mqttv5", "-C", "1", "-W", "60", "-F", "%P", "-t", topic]);
    let output = subscriber.output().unwrap();
    assert!(output.status.success(), "{topic}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Sends with this token and these headers, and answers with the user properties that arrive.
fn sent(
    service: &Service,
    broker: &Mosquitto,
    token: &str,
    headers: &[(&str, &str)],
    request: &Value,
) -> String {
    let call = service.post("/v1/send", request.to_string()).token(token);
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    assert_eq!(call.ask().exit_code(), 0);
    carried(broker, request["topic"].as_str().unwrap())
}

#[test]
fn a_message_carries_the_callers_trace_where_the_tenant_is_granted_it() {
    let broker = Mosquitto::start();
    let home = granted(broker.port());
    let service = home.serve(&[]);
    let request = |topic: &str| json!({"topic": topic, "content": "x", "retain": true});
    let carries =
        |token, headers: &[(&str, &str)], topic| sent(&service, &broker, token, headers, &request(topic));
    let parent = ("traceparent", PARENT);
    assert_eq!(carries(ACME, &[parent], "acme/parent"), format!("traceparent:{PARENT}"));
    let both = format!("traceparent:{PARENT} tracestate:a=b,c=d");
    assert_eq!(carries(ACME, &[parent, ("tracestate", "a=b,c=d")], "acme/state"), both);
    assert_eq!(carries(ACME, &[], "acme/none"), "");
    assert_eq!(carries(ACME, &[("traceparent", &PARENT[1..])], "acme/wrong"), "");
    assert_eq!(carries(OTHER, &[parent], "other/door"), "");
    assert_eq!(carries(OLD, &[parent], "old/door"), "");

    let mut own = request("acme/own");
    own["user-properties"] = json!({"traceparent": "mine", "room": "7"});
    assert_eq!(sent(&service, &broker, ACME, &[parent], &own), "traceparent:mine room:7");
    own["user-properties"] = json!({"room": "7"});
    assert_eq!(sent(&service, &broker, ACME, &[parent], &own), format!("room:7 traceparent:{PARENT}"));
}

#[test]
fn each_message_of_a_batch_carries_the_trace() {
    let broker = Mosquitto::start();
    let home = granted(broker.port());
    let service = home.serve(&[]);
    let lines =
        ["acme/1", "acme/2"].map(|topic| json!({"topic": topic, "content": "x", "retain": true}).to_string());
    let call = service.post("/v1/send-batch", lines.join("\n")).header("Content-Type", "application/jsonl");
    let answer = call.header("traceparent", PARENT).ask();
    assert_eq!(answer.body.matches("\"delivery\":\"reached\"").count(), 2, "{answer:?}");
    for topic in ["acme/1", "acme/2"] {
        assert_eq!(carried(&broker, topic), format!("traceparent:{PARENT}"));
    }
}

#[test]
fn an_execution_keeps_the_trace_until_it_is_sent_and_when_it_is_sent_again() {
    let broker = Mosquitto::start();
    let home = granted(broker.port());
    let service = home.serve(&[]);
    broker.stop();
    let body = json!({"request": {"topic": "acme/later", "content": "x", "retain": true}, "attempts": 1});
    let call = service.post("/v1/executions", body.to_string());
    let accepted = call.header("traceparent", PARENT).header("tracestate", "a=b").ask();
    let dead = service.ended(accepted.json()["id"].as_str().unwrap());
    let kept = json!({"traceparent": PARENT, "tracestate": "a=b"});
    assert_eq!((&dead["meta"]["exit-code"], &dead["trace-context"]), (&json!(69), &kept), "{dead}");

    broker.restart();
    let id = dead["id"].as_str().unwrap();
    let again = service.post(&format!("/v1/executions/{id}/retry"), "").ask();
    let sent = service.ended(again.json()["id"].as_str().unwrap());
    assert_eq!((&sent["meta"]["exit-code"], &sent["trace-context"]), (&json!(0), &kept), "{sent}");
    assert_eq!(carried(&broker, "acme/later"), format!("traceparent:{PARENT} tracestate:a=b"));

    // The trace is no part of what an idempotency key is compared by.
    let order = |parent: &str| {
        let call = service.post("/v1/send", r#"{"content":"x"}"#).header("Idempotency-Key", "order");
        call.header("traceparent", parent).ask().exit_code()
    };
    assert_eq!((order(PARENT), order(&PARENT.replace("0af7", "0af8"))), (0, 0));

    // Of a tenant that is not granted it, it is not kept.
    let call = service.post("/v1/executions", body.to_string().replace("acme", "other")).token(OTHER);
    let accepted = call.header("traceparent", PARENT).ask().json();
    let id = accepted["id"].as_str().unwrap();
    let kept = service.get(&format!("/v1/executions/{id}?wait=30")).token(OTHER).ask().json();
    assert_eq!((&kept["meta"]["exit-code"], kept.get("trace-context")), (&json!(0), None), "{kept}");
}
