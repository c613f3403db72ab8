//! Silence at each stage: the answer comes with the timeout, and names what was waited for.

use serde_json::json;

use super::{Setting, connected, script};
use crate::carrier::Carrier;
use crate::expect::Expect;
use crate::packet::PacketType;
use crate::scenario::{Scenario, words};
use crate::step::Step;

pub(super) fn silence_before_the_message_is_a_timeout(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let scenario = |qos: u8| {
            let silent = vec![Step::expect(Expect::connect()), Step::expect_end()];
            let message = words::too_late("TIMEOUT", "waiting for CONNACK");
            Scenario::new(carrier, [silent], json!({ "qos": qos })).answers(75, message).with_the_timeout()
        };
        (0..=2).map(scenario).collect()
    })
}

pub(super) fn silence_after_the_message_leaves_it_uncertain(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let asked = |qos| script([connected(false), vec![Step::expect(on.publish(qos))]]);
        let released = vec![Step::respond(PacketType::PubRec), Step::expect(on.pubrel())];
        let scenario = |(qos, before): (u8, Vec<Step>)| {
            let silent = script([before, vec![Step::expect_end()]]);
            let message = words::unacknowledged(qos, "waiting for the acknowledgement");
            Scenario::new(carrier, [silent], json!({ "qos": qos })).answers(79, message).with_the_timeout()
        };
        [(1, asked(1)), (2, asked(2)), (2, script([asked(2), released]))].map(scenario).into()
    })
}

/// In the handshakes of TLS and of WebSocket.
pub(super) fn silence_before_mqtt_is_a_timeout(on: &Setting) -> Vec<Scenario> {
    let scenario = |carrier: &Carrier, qos: u8, before: Vec<Step>, stage: &str| {
        // What else comes of the ClientHello, or of the request, is read in silence.
        let broker = carrier.broker().raw_connection(script([before, vec![Step::receive(5)]]));
        let message = words::too_late("TIMEOUT", stage);
        Scenario::at(carrier, broker, json!({ "qos": qos })).answers(75, message).with_the_timeout()
    };
    on.each(|carrier| {
        (0..=2)
            .flat_map(|qos| {
                let tls =
                    carrier.is_tls().then(|| scenario(carrier, qos, vec![], "waiting for the TLS handshake"));
                let websocket = carrier.is_websocket().then(|| {
                    let stage = "waiting for the WebSocket handshake";
                    scenario(carrier, qos, carrier.below_websocket(), stage)
                });
                tls.into_iter().chain(websocket)
            })
            .collect()
    })
}
