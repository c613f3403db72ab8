//! A look-up that never ends; silence at later stages is among the harness's scenarios.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::Connector;
use mqtt_connector::publisher::{Resolver, Resolving};
use serde_json::json;

use super::carrier::too_late;
use crate::runtime::two_workers;
use crate::support::{assert_meta, operator};

/// A name server that never answers.
struct Mute;

impl Resolver for Mute {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_name_that_is_never_looked_up_is_a_timeout() {
    /// In milliseconds. A busy machine may need more than half a second until all sends have come as far as the look-up.
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
