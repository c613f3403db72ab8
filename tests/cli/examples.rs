//! The examples of `host/connector/examples`, beside the smallest: each runs, and does what it says.

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Mosquitto, Observer};

use crate::example::example;
use crate::support::{PATIENCE, Program};

/// Runs an example against a broker, and gives what it printed and which messages arrived.
fn run(name: &str, count: usize) -> (String, String, Vec<(String, u8, String)>) {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let url = format!("tcp://{}", broker.address());
    let printed = Program::at(&example(name)).args([&*url]).run().printed();
    let came = observer.messages(count, PATIENCE).into_iter();
    let came = came.map(|message| (message.topic, message.qos, String::from_utf8(message.payload).unwrap()));
    (url, printed, came.collect())
}

fn message(topic: &str, qos: u8) -> (String, u8, String) {
    (topic.to_owned(), qos, "open".to_owned())
}

#[test]
fn a_platform_with_its_own_engine_sends() {
    let (url, printed, came) = run("own_engine", 1);
    let expected = format!("0 Sent with QoS 2 to topic \"acme/door\" at {url} in # ms.\n1 acknowledged\n");
    assert!(fits(&printed, &expected), "{printed}");
    assert_eq!(came, [message("acme/door", 2)]);
}

#[test]
fn many_tenants_send_what_each_may_and_an_operator_sees_it() {
    let (_, printed, came) = run("many_tenants", 2);
    let expected = "acme, acme/door: sent\n\
                    globex, globex/door: sent\n\
                    globex, globex/door: not sent; send it again: no\n\
                    acme, globex/door: not sent; send it again: no\n\
                    initech, a: not sent; send it again: no\n";
    assert!(printed.starts_with(expected), "{printed}");
    for line in [
        "mqtt_connector_responses{tenant=\"acme\",action=\"send\",exit_code=\"0\"} 1",
        "mqtt_connector_responses{tenant=\"globex\",action=\"send\",exit_code=\"77\"} 1",
        "mqtt_client_connections{tenant=\"globex\"} 1",
        "mqtt_client_sends_in_flight{tenant=\"acme\"} 0",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line} in {printed}");
    }
    assert_eq!(came, [message("acme/door", 1), message("globex/door", 1)]);
}

#[test]
fn the_call_of_flint_is_the_same_here() {
    let (url, printed, came) = run("flint", 1);
    let (_, here) = printed.split_once("\nhere\n").unwrap();
    let expected = format!(
        "config    {{\"broker\":\"{url}\",\"client-id\":\"flint\"}}\n\
         request   {{\"action\":\"send\",\"topic\":\"acme/door\",\"qos\":1,\"content\":\"open\",\"timeout\":60000}}\n\
         response  {{\"meta\":{{\"exit-code\":0,\"message\":\"Sent with QoS 1 to topic \\\"acme/door\\\" at {url} in # ms.\"}}}}\n\
         exitcode  0\n\
         message   Sent with QoS 1 to topic \"acme/door\" at {url} in # ms.\n"
    );
    assert!(fits(here, &expected), "{printed}");
    assert_eq!(came, [message("acme/door", 1)]);
}
