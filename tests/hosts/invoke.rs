//! `wasmtime run --invoke`: the interface `connector` of the composed artifact.

use mqtt_connector_tests::{Mosquitto, Observer};

use crate::support::{NETWORK, PATIENCE, Run, VERSIONS};

#[test]
fn functions_of_the_connector_can_be_called() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let config = format!(r#"{{\"broker\":\"tcp://{}\",\"client-id\":\"me\"}}"#, broker.address());
    let request = r#"{\"topic\":\"t\",\"content\":\"hello\"}"#;
    for version in VERSIONS {
        let call = format!("send(\"{config}\", \"{request}\")");
        let said = Run::new(version, &[&NETWORK[..], &["--invoke", &call]].concat(), &[]).run().printed();
        assert!(said.contains("exit-code: 0") && said.contains("Sent with QoS 2 to topic"), "{said}");
    }
    let came: Vec<_> = observer.messages(2, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(came, [b"hello", b"hello"]);
}

/// What became of the message stands in the response alone.
#[test]
fn exit_status_of_a_call_says_nothing() {
    for version in VERSIONS {
        let said = Run::new(version, &["--invoke", "send(\"{}\", \"{}\")"], &[]).run().printed();
        assert!(said.contains("exit-code: 64"), "{said}");
    }
}
