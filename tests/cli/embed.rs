//! The smallest platform, `host/connector/examples/embed.rs`: it runs, and does what it says.

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Mosquitto, Observer};

use crate::example::example;
use crate::support::{PATIENCE, Program};

#[test]
fn smallest_platform_sends_two_messages() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let url = format!("tcp://{}", broker.address());

    let printed = Program::at(&example("embed")).args([&*url]).run().printed();

    let expected = format!(
        "0 Sent with QoS 1 to topic \"acme/door\" at {url} in # ms.\n\
         0 Sent with QoS 2 to topic \"acme/door/state\" at {url} in # ms.\n"
    );
    assert!(fits(&printed, &expected), "{printed}");
    let came = observer.messages(2, PATIENCE);
    let came: Vec<_> = came.iter().map(|message| (&*message.topic, message.qos, &*message.payload)).collect();
    assert_eq!(came, [("acme/door", 1, &b"{\"open\":true}"[..]), ("acme/door/state", 2, b"open")]);
    let late = Observer::start(broker.port(), "acme/#");
    let kept = late.retained();
    let kept: Vec<_> = kept.iter().map(|message| (&*message.topic, &*message.payload)).collect();
    assert_eq!(kept, [("acme/door/state", &b"open"[..])]);
}

#[test]
fn smallest_platform_says_how_it_is_called() {
    Program::at(&example("embed"))
        .run()
        .fails(1, "Error: \"usage: embed BROKER, as in embed tcp://127.0.0.1:1883\"\n");
}
