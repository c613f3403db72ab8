//! Silence at each stage: the answer comes with the time-out, and names what was waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::Connector;
use mqtt_connector::publisher::{Resolver, Resolving};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step};
use serde_json::json;

use super::carrier::{Carrier, LATE, side_by_side, too_late, uncertain};
use super::{connected, publish, script};
use crate::runtime::two_workers;
use crate::support::{assert_meta, operator};

const TIMEOUT: u32 = 500;

#[track_caller]
fn assert_on_time(took: Duration) {
    let timeout = Duration::from_millis(TIMEOUT.into());
    assert!(took >= timeout && took <= timeout + LATE, "it answered after {took:?}");
}

#[test]
fn silence_before_the_message_is_a_timeout_and_after_it_leaves_it_uncertain() {
    let carriers = Carrier::all();
    let end = || vec![Step::expect_end()];
    let asked = |qos| script([connected(false), vec![Step::expect(publish(qos))]]);
    let released = vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())];
    let unacknowledged = |qos| {
        uncertain(qos, "the time was over", "no answer within 500 ms, while waiting for the acknowledgement")
    };
    let mut stages = Vec::new();
    for carrier in &carriers {
        let builder = |steps| carrier.broker().connection(steps);
        for qos in 0..=2 {
            let silent = script([vec![Step::expect(Expect::connect())], end()]);
            stages.push((carrier, qos, builder(silent), 75, too_late(TIMEOUT, "waiting for CONNACK")));
        }
        for qos in [1, 2] {
            let silent = script([asked(qos), end()]);
            stages.push((carrier, qos, builder(silent), 79, unacknowledged(qos)));
        }
        let silent = script([asked(2), released.clone(), end()]);
        stages.push((carrier, 2, builder(silent), 79, unacknowledged(2)));
    }
    for carrier in &carriers {
        // What else comes of the ClientHello, or of the request, is read in silence.
        let begun =
            |steps: Vec<Step>| carrier.broker().raw_connection(script([steps, vec![Step::receive(5)]]));
        for qos in 0..=2 {
            if carrier.is_tls() {
                let waiting = too_late(TIMEOUT, "waiting for the TLS handshake");
                stages.push((carrier, qos, begun(vec![]), 75, waiting));
            }
            if carrier.is_websocket() {
                let waiting = too_late(TIMEOUT, "waiting for the WebSocket handshake");
                stages.push((carrier, qos, begun(carrier.below_websocket()), 75, waiting));
            }
        }
    }
    side_by_side(stages.into_iter().map(|(carrier, qos, builder, exit_code, message)| {
        move || {
            let played = carrier.play_to(builder, json!({ "qos": qos, "timeout": TIMEOUT }));
            played.assert(exit_code, &message);
            assert_on_time(played.took);
        }
    }));
}

/// A name server that never answers.
struct Mute;

impl Resolver for Mute {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_name_that_is_never_looked_up_is_a_timeout() {
    /// In milliseconds. A busy machine may need longer than [`TIMEOUT`] until all sends have come as far as the look-up.
    const LOOK_UP: u32 = 3000;

    let connector = Arc::new(Connector::builder().resolver(Arc::new(Mute)).build().unwrap());
    // A tenant has 8 look-ups under way at most: the ninth waits for one of them, and not for longer. Certificates are read in the
    // same 8 places, so that a ninth send with TLS may have come less far.
    for (broker, sends) in [("tcp://broker.test:1883", 9), ("ssl://broker.test:8883", 8)] {
        let tenant = operator();
        // A look-up cannot be ended, and this one never ends by itself: the runtime ends without it.
        let runtime = two_workers();
        let answers = runtime.block_on(async {
            let sends: Vec<_> = (0..sends)
                .map(|number| {
                    let (tenant, connector) = (Arc::clone(&tenant), Arc::clone(&connector));
                    let client_id = format!("c{number}");
                    let config = json!({ "broker": broker, "client-id": client_id, "timeout": LOOK_UP });
                    tokio::spawn(async move {
                        let started = Instant::now();
                        let request = json!({ "topic": "t", "content": "x" }).to_string();
                        let meta = connector.send(&tenant, &config.to_string(), &request).await.meta;
                        (meta, started.elapsed())
                    })
                })
                .collect();
            let mut answers = Vec::new();
            for send in sends {
                answers.push(send.await.unwrap());
            }
            answers
        });
        for (meta, took) in answers {
            assert_meta(&meta, 75, &too_late(LOOK_UP, "looking up the broker").replace("BROKER", broker));
            // The ninth would take twice as long if it waited for a look-up of its own.
            let timeout = Duration::from_millis(LOOK_UP.into());
            assert!(took >= timeout && took < timeout * 2, "it answered after {took:?}");
        }
    }
}
