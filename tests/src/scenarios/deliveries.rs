//! Brokers that do all they should, and brokers that are not there.

use serde_json::json;

use super::{Setting, connected, goodbye, script};
use crate::carrier::Carrier;
use crate::packet::PacketType;
use crate::scenario::{Scenario, words};
use crate::step::Step;

pub(super) fn a_message_that_was_acknowledged_was_sent(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let scenario = |qos: u8| {
            let exchange = match qos {
                0 => vec![],
                1 => vec![Step::respond(PacketType::PubAck)],
                _ => vec![
                    Step::respond(PacketType::PubRec),
                    Step::expect(on.pubrel()),
                    Step::respond(PacketType::PubComp),
                ],
            };
            let published = vec![Step::expect(on.publish(qos).dup(false).retain(false))];
            let steps = script([connected(false), published, exchange, goodbye()]);
            Scenario::new(carrier, [steps], json!({ "qos": qos })).answers(0, words::sent(qos))
        };
        (0..=2).map(scenario).collect()
    })
}

pub(super) fn a_host_that_does_not_exist_is_not_found(on: &Setting) -> Vec<Scenario> {
    // The name is reserved never to exist (RFC 6761, section 6.4). One look-up is like the other, and may take seconds.
    let scenario = |carrier: &Carrier| {
        let broker = format!("{}://no-such-host.invalid:1883", carrier.scheme());
        let message = format!("Not sent, the host of the broker {broker} was not found: ….");
        Scenario::new(carrier, [], json!({ "broker": broker, "timeout": 60_000 })).answers(68, message)
    };
    on.carriers.first().map(scenario).into_iter().collect()
}

pub(super) fn a_port_where_nobody_listens_is_unreachable(on: &Setting) -> Vec<Scenario> {
    // Port 1 is TCPMUX's (RFC 1078), which nobody runs any more.
    on.each(|carrier| {
        let broker = format!("{}://127.0.0.1:1", carrier.scheme());
        let message = "Not sent, the broker … could not be reached: ….";
        vec![Scenario::new(carrier, [], json!({ "broker": broker })).answers(69, message)]
    })
}
