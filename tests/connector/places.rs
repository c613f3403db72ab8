//! Places for instances: the pool is no limit, and an instance finds nothing of the one before it.

use std::sync::Arc;

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::json;

use crate::runtime::two_workers;
use crate::support::{PATIENCE, builder, config, operator};

#[test]
fn more_calls_than_places_are_under_way_at_one_time() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    for places in [0, 1, 2] {
        let connector = Arc::new(builder().pool(places).build().unwrap());
        let runtime = two_workers();
        let tenant = operator();
        let sends: Vec<_> = (0..20)
            .map(|n| {
                let (connector, tenant) = (Arc::clone(&connector), Arc::clone(&tenant));
                let configuration = config(broker.port()).to_string();
                let request = json!({ "client-id": format!("c{n}"), "topic": "t", "content": n }).to_string();
                runtime.spawn(async move { connector.send(&tenant, &configuration, &request).await.meta })
            })
            .collect();
        for send in sends {
            let meta = runtime.block_on(send).unwrap();
            assert_eq!(meta.exit_code, 0, "{places} places: {}", meta.message);
        }
        runtime.block_on(connector.close());
    }
    assert_eq!(observer.messages(60, PATIENCE).len(), 60);
}

#[test]
fn calls_in_one_place_have_nothing_of_each_other() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let connector = builder().pool(1).build().unwrap();
    let runtime = two_workers();
    let tenant = operator();
    for n in 0..50 {
        let content = "x".repeat(n * 1000);
        let request = json!({ "topic": format!("t/{n}"), "content": content }).to_string();
        let meta =
            runtime.block_on(connector.send(&tenant, &config(broker.port()).to_string(), &request)).meta;
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
    }
    for (n, message) in observer.messages(50, PATIENCE).into_iter().enumerate() {
        assert_eq!((message.topic, message.payload.len()), (format!("t/{n}"), n * 1000));
        assert!(message.payload.iter().all(|byte| *byte == b'x'));
    }
}
