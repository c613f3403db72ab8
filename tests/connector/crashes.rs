//! A real broker that freezes or crashes between the message and its acknowledgement: the answer is the truth, and an
//! independent witness says what that is.
//!
//! A tenant that may send one message a second makes the moment: the first message of a batch is acknowledged, and until
//! the second goes, on the same connection, there is time to freeze the broker.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};

use mqtt_connector::{Limits, Meta, Tenant};
use mqtt_connector_tests::broker::MosquittoBuilder;
use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::{Value, json};

use crate::faults::carrier::TAKEN_OVER;
use crate::support::{PATIENCE, assert_meta, block_on, config, connector, send, wait_until, with};

/// mosquitto over TCP or TLS, and a batch of two messages for it.
struct Scene {
    pki: Option<Pki>,
    broker: Mosquitto,
}

impl Scene {
    fn both(configure: fn(MosquittoBuilder) -> MosquittoBuilder) -> [Self; 2] {
        let pki = Pki::new();
        let server = pki.server(&["127.0.0.1"]);
        [
            Self { pki: None, broker: configure(Mosquitto::builder()).start() },
            Self { pki: Some(pki), broker: configure(Mosquitto::builder().tls(&server)).start() },
        ]
    }

    fn url(&self) -> String {
        let scheme = if self.pki.is_some() { "ssl" } else { "tcp" };
        format!("{scheme}://127.0.0.1:{}", self.broker.port())
    }

    fn observer(&self) -> Observer {
        let builder = Observer::builder(self.broker.port()).filter("t/#");
        match &self.pki {
            Some(pki) => builder.tls(pki.authority()).start(),
            None => builder.start(),
        }
    }

    /// Sends "t/1" and, a second later, "t/2", both retained.
    fn send<'scope>(
        &self,
        scope: &'scope thread::Scope<'scope, '_>,
        request: Value,
    ) -> ScopedJoinHandle<'scope, Vec<Meta>> {
        let mut limits = Limits::default();
        limits.messages_per_second = 1;
        let tenant = Tenant::builder("paced")
            .broker(self.url().parse().unwrap())
            .topics("#".parse().unwrap())
            .limits(limits)
            .build();
        let authority = self.pki.as_ref().map(|pki| pki.authority().text());
        let config = with(
            &config(self.broker.port()),
            json!({ "broker": self.url(), "root-ca-crt": authority, "retain": true, "timeout": 9000 }),
        );
        let config = with(&config, request).to_string();
        let requests = ["1", "2"].map(|n| json!({ "topic": format!("t/{n}"), "content": n }).to_string());
        scope.spawn(move || {
            let responses = block_on(connector().send_batch(&Arc::new(tenant), &config, &requests));
            responses.into_iter().map(|response| response.meta).collect()
        })
    }

    /// Waits until the first message is acknowledged.
    fn wait_for_the_first(&self, qos: u8) {
        let last = if qos == 1 { "PUBACK" } else { "PUBCOMP" };
        self.broker.wait_for_log(&format!("Sending {last} to sender (m1"), PATIENCE);
        // It logs before it writes. It serves one client after the other: once it has served another, it has written.
        drop(self.observer());
    }

    /// Freezes the broker, and waits until the second message has come to its socket.
    fn freeze_before_the_second(&self) {
        self.broker.pause();
        wait_until("the second message comes", || has_unread_bytes(self.broker.port()));
    }

    /// Topics of the messages that the broker has kept.
    fn kept(&self) -> Vec<String> {
        let mut topics: Vec<_> =
            self.observer().retained().into_iter().map(|message| message.topic).collect();
        topics.sort();
        topics
    }

    fn uncertain(&self, qos: u8, what: &str, reason: &str) -> String {
        let again = if qos == 1 { "is safe" } else { "may duplicate it" };
        format!(
            "Sent to the broker {}, but not acknowledged: {what} ({reason}). It may have arrived. Sending it again \
             {again}.",
            self.url()
        )
    }

    fn sent(&self, qos: u8, topic: &str) -> String {
        let never = if qos == 0 { " (never acknowledged)" } else { "" };
        format!("Sent with QoS {qos}{never} to topic \"{topic}\" at {} in … ms.", self.url())
    }
}

/// Whether something has come to a connection of the server on loopback `port` that it has not read, as the kernel says.
fn has_unread_bytes(port: u16) -> bool {
    const ESTABLISHED: &str = "01";
    let local = format!("0100007F:{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1) == Some(&local.as_str())
            && fields.get(3) == Some(&ESTABLISHED)
            && fields.get(4).is_some_and(|queues| !queues.ends_with(":00000000"))
    })
}

/// Runs a test over both transports at one time.
fn both(configure: fn(MosquittoBuilder) -> MosquittoBuilder, test: impl Fn(&Scene) + Sync) {
    let scenes = Scene::both(configure);
    thread::scope(|scope| {
        for scene in scenes {
            let test = &test;
            scope.spawn(move || test(&scene));
        }
    });
}

#[test]
fn a_message_to_a_frozen_broker_may_arrive_when_it_thaws() {
    for qos in [1, 2] {
        both(
            |builder| builder,
            |scene| {
                let metas = thread::scope(|scope| {
                    let sending = scene.send(scope, json!({ "qos": qos, "timeout": 1500, "retries": 2 }));
                    scene.wait_for_the_first(qos);
                    scene.freeze_before_the_second();
                    sending.join().unwrap()
                });
                assert_meta(&metas[0], 0, &scene.sent(qos, "t/1"));
                let reason = "no answer within 1500 ms, while waiting for the acknowledgement";
                assert_meta(&metas[1], 79, &scene.uncertain(qos, "the time was over", reason));
                scene.broker.resume();
                scene.broker.wait_for_log("'t/2'", PATIENCE);
                // With QoS 2 the broker has it, and delivers it only after a PUBREL.
                let kept: &[&str] = if qos == 1 { &["t/1", "t/2"] } else { &["t/1"] };
                assert_eq!(scene.kept(), kept, "QoS {qos}");
            },
        );
    }
}

/// The kernel of the broker's machine has taken the message, and nobody ever reads it.
#[test]
fn quality_of_service_1_outlives_a_crash() {
    both(
        |builder| builder,
        |scene| {
            let metas = thread::scope(|scope| {
                let sending = scene.send(scope, json!({ "qos": 1, "retries": 6 }));
                scene.wait_for_the_first(1);
                scene.freeze_before_the_second();
                scene.broker.kill();
                scene.broker.restart();
                sending.join().unwrap()
            });
            assert_meta(&metas[0], 0, &scene.sent(1, "t/1"));
            assert_meta(&metas[1], 0, &scene.sent(1, "t/2"));
            assert_eq!(scene.kept(), ["t/2"], "without persistence the broker has forgotten the first");
            scene.broker.wait_for_log("Received PUBLISH from sender (d1, q1, r1, m2, 't/2'", PATIENCE);
        },
    );
}

#[test]
fn quality_of_service_2_in_a_clean_session_is_uncertain_after_a_crash() {
    both(
        |builder| builder,
        |scene| {
            let metas = thread::scope(|scope| {
                let sending = scene.send(scope, json!({ "qos": 2, "retries": 6 }));
                scene.wait_for_the_first(2);
                scene.freeze_before_the_second();
                scene.broker.kill();
                sending.join().unwrap()
            });
            assert_meta(&metas[0], 0, &scene.sent(2, "t/1"));
            let reason = format!("the broker …, while waiting for the acknowledgement{TAKEN_OVER}");
            assert_meta(&metas[1], 79, &scene.uncertain(2, "the connection was lost", &reason));
            scene.broker.restart();
            assert_eq!(scene.kept(), [""; 0]);
        },
    );
}

#[test]
fn quality_of_service_2_goes_on_after_a_crash_in_a_session_on_disk() {
    both(MosquittoBuilder::persistence, |scene| {
        let metas = thread::scope(|scope| {
            let sending = scene.send(scope, json!({ "qos": 2, "retries": 6, "clean-session": false }));
            scene.wait_for_the_first(2);
            scene.broker.save();
            scene.freeze_before_the_second();
            scene.broker.kill();
            scene.broker.restart();
            sending.join().unwrap()
        });
        assert_meta(&metas[0], 0, &scene.sent(2, "t/1"));
        assert_meta(&metas[1], 0, &scene.sent(2, "t/2"));
        assert_eq!(scene.kept(), ["t/1", "t/2"]);
        scene.broker.wait_for_log("Sending CONNACK to sender (1, 0)", PATIENCE);
        scene.broker.wait_for_log("Received PUBLISH from sender (d1, q2, r1, m2, 't/2'", PATIENCE);
    });
}

#[test]
fn quality_of_service_2_is_uncertain_after_a_crash_that_lost_the_session() {
    both(
        |builder| builder,
        |scene| {
            let metas = thread::scope(|scope| {
                let sending = scene.send(scope, json!({ "qos": 2, "retries": 6, "clean-session": false }));
                scene.wait_for_the_first(2);
                scene.freeze_before_the_second();
                scene.broker.kill();
                scene.broker.restart();
                sending.join().unwrap()
            });
            assert_meta(&metas[0], 0, &scene.sent(2, "t/1"));
            let reason = "the broker did not keep the session";
            let message = scene.uncertain(2, "the connection was lost", reason);
            assert_meta(&metas[1], 79, &format!("{message} … connections were tried."));
            assert_eq!(scene.kept(), [""; 0]);
        },
    );
}

#[test]
fn a_message_whose_turn_comes_after_a_crash_is_not_sent_or_goes_to_the_next_broker() {
    for qos in 0..=2 {
        both(
            |builder| builder,
            |scene| {
                let again = qos == 1;
                let retries = if again { 6 } else { 0 };
                let metas = thread::scope(|scope| {
                    let sending = scene.send(scope, json!({ "qos": qos, "retries": retries }));
                    scene.broker.wait_for_log("'t/1'", PATIENCE);
                    if qos > 0 {
                        scene.wait_for_the_first(qos);
                    }
                    scene.broker.kill();
                    if again {
                        scene.broker.restart();
                    }
                    sending.join().unwrap()
                });
                assert_meta(&metas[0], 0, &scene.sent(qos, "t/1"));
                if again {
                    assert_meta(&metas[1], 0, &scene.sent(qos, "t/2"));
                    assert_eq!(scene.kept(), ["t/2"]);
                } else {
                    assert_eq!(metas[1].exit_code, 74, "{:?}", metas[1]);
                    scene.broker.restart();
                    assert_eq!(scene.kept(), [""; 0]);
                }
            },
        );
    }
}

/// Sends without end while the broker freezes and thaws, crashes and comes back, at moments of chance: what is said to
/// have been sent was received, and what is said not to have been sent was not. The broker's log is the witness.
#[test]
fn whatever_the_moment_of_a_fault_the_answer_is_true() {
    const FAULTS: usize = 8;
    const SENDERS: usize = 4;
    let broker = Mosquitto::start();
    let over = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    let answers: Vec<(String, Meta)> = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (broker, over, answered) = (&broker, &over, &answered);
                scope.spawn(move || {
                    let mut answers = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let topic = format!("{sender}/{}", answers.len());
                        let request = json!({
                            "client-id": format!("sender-{sender}"), "topic": topic, "content": "x",
                            "qos": 1 + sender % 2, "retries": sender / 2 * 3, "timeout": 300,
                        });
                        answers.push((topic, send(&config(broker.port()), &request)));
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    answers
                })
            })
            .collect();
        let received = || broker.log().matches("Received PUBLISH from sender").count();
        for fault in 0..FAULTS {
            let before = received();
            wait_until("the broker receives more", || received() >= before + 3 + fault);
            if fault % 2 == 0 {
                broker.kill();
                broker.restart();
            } else {
                broker.pause();
                let before = answered.load(Ordering::Relaxed);
                wait_until("each send is answered", || answered.load(Ordering::Relaxed) >= before + SENDERS);
                broker.resume();
            }
        }
        over.store(true, Ordering::Relaxed);
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    // In order, and with the last line of its log read.
    broker.stop();
    let log = broker.log();
    for (topic, meta) in &answers {
        let received = log.contains(&format!("'{topic}'"));
        let allowed: &[i32] = if received { &[0, 79] } else { &[69, 74, 75, 79] };
        assert!(allowed.contains(&meta.exit_code), "{topic} received: {received}, and {meta:?}");
    }
    let failed = answers.iter().filter(|(_, meta)| meta.exit_code != 0).count();
    assert!(failed > 0 && failed < answers.len(), "{failed} of {} failed", answers.len());
}
