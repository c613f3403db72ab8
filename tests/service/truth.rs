//! The truth when a worker is gone in the middle: whoever had the store is lost with its runtime.

use mqtt_connector::Limits;
use mqtt_connector_service::{Execution, Options, Status};
use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::sqlite::Sqlite;
use crate::support::{PATIENCE, Service, acknowledging_broker, exit_code, silent_broker, tenant};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// An execution whose PUBLISH has come to a broker that does not answer; and then the process is gone.
fn lost_while_it_was_sent(qos: u8) -> (Sqlite, Execution) {
    let broker = silent_broker(qos);
    let runtime = runtime();
    let (service, accepted) = runtime.block_on(async {
        let service = Service::start();
        let acme = service.tenant("acme", broker.port());
        let sent = json!({"topic": "a", "content": "x", "qos": qos});
        let accepted = service.submit(&acme, &sent, Options { attempts: 1, ..Options::default() }).await;
        (service, accepted)
    });
    broker.wait_for_packets(2, PATIENCE);
    if qos > 0 {
        let now = runtime.block_on(service.executions.get("acme", accepted.id)).unwrap().unwrap();
        assert_eq!(now.status, Status::Running);
    }
    // The workers are dropped where they stand, as in a process that is killed.
    drop(runtime);
    let place = service.lost();
    drop(broker.finish_unchecked());
    (place, accepted)
}

fn start_again(place: Sqlite, port: u16) -> Service {
    Service::start_in(place, |connector| {
        tenant(connector, "acme", port, &json!({}), Limits::default());
    })
}

#[test]
fn qos_2_ends_with_79_and_is_not_sent_again() {
    let (place, accepted) = lost_while_it_was_sent(2);
    runtime().block_on(async {
        let broker = Mosquitto::start();
        let observer = Observer::start(broker.port(), "#");
        let service = start_again(place, broker.port());
        let ended = service.ended(&accepted).await;
        assert_eq!((exit_code(&ended), ended.attempts.len()), (79, 1));
        assert_eq!(
            ended.meta.as_ref().unwrap().message,
            "May have arrived: the service was ended while the message was being sent, and sent again it could arrive twice."
        );
        observer.nothing();
        // A person may send it all the same.
        let again = service.executions.retry("acme", accepted.id).await.unwrap();
        assert_eq!(exit_code(&service.ended(&again).await), 0);
        service.end().await;
    });
}

#[test]
fn qos_1_is_sent_again() {
    let (place, accepted) = lost_while_it_was_sent(1);
    runtime().block_on(async {
        let broker = acknowledging_broker();
        let service = start_again(place, broker.port());
        let ended = service.ended(&accepted).await;
        assert_eq!((exit_code(&ended), ended.attempts.len()), (0, 2));
        assert!(ended.attempts[0].meta.is_none() && ended.attempts[0].ended.is_some());
        service.end().await;
        drop(broker.finish_unchecked());
    });
}
