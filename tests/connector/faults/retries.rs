//! Brokers that fail for a reason that may pass, until it has passed or the retries are used up.

use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::{Value, json};

use super::transport::{LATE, Transport, broken, lost, sent, side_by_side, uncertain};
use super::{connected, goodbye, publish, script};
use crate::support::assert_meta;

fn refusing(code: u8) -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, code)), Step::close()]
}

fn cut() -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::close()]
}

fn fine(qos: u8, dup: bool) -> Vec<Step> {
    let exchange = match qos {
        0 => vec![],
        1 => vec![Step::respond(PacketType::PubAck)],
        _ => vec![
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::respond(PacketType::PubComp),
        ],
    };
    script([connected(false), vec![Step::expect(publish(qos).dup(dup))], exchange, goodbye()])
}

fn refused(code: u8) -> String {
    let meaning = match code {
        1 => "it does not speak this version of MQTT. Look at protocol-version",
        2 => "it does not allow the client identifier. Look at client-id",
        3 => "its MQTT service is unavailable. Try again later",
        4 => "the user name or the password is wrong. Look at username and password",
        _ => "the client is not authorised to connect. Look at username, password and client-id",
    };
    format!("Not sent, the broker BROKER refused the connection with return code {code}: {meaning}.")
}

/// Plays each of `scenarios` over both transports: the scripts, the request, and what comes of it.
fn each(scenarios: &[(Vec<Vec<Step>>, Value, i32, String)]) {
    let transports = Transport::both();
    side_by_side(transports.iter().flat_map(|transport| {
        scenarios.iter().map(move |(scripts, request, exit_code, message)| {
            move || {
                let meta = transport.play(scripts.clone(), request.clone()).meta;
                let message = if transport.is_tls() { message.replace(HINT, "") } else { message.clone() };
                assert_meta(&meta, *exit_code, &message);
            }
        })
    }));
}

/// What may help those for whom the broker has never spoken MQTT.
const HINT: &str = " (a broker behind TLS is named with ssl://)";
const CUT: &str =
    "the broker closed the connection, while waiting for CONNACK (a broker behind TLS is named with ssl://)";

#[test]
fn another_connection_is_tried_when_the_reason_may_pass() {
    let bad = [[refusing(3), cut()], [cut(), refusing(3)], [refusing(3), refusing(3)]];
    let scenarios = (0..=2).flat_map(|qos| {
        bad.clone().map(|[first, second]| {
            (vec![first, second, fine(qos, false)], json!({ "qos": qos, "retries": 2 }), 0, sent(qos))
        })
    });
    each(&scenarios.collect::<Vec<_>>());
}

#[test]
fn a_refusal_that_will_not_pass_is_the_answer() {
    let request = || json!({ "retries": 3 });
    let mut scenarios = Vec::new();
    for code in [1, 2, 4, 5] {
        scenarios.push((vec![refusing(code)], request(), code.into(), refused(code)));
        scenarios.push((vec![refusing(3), refusing(code)], request(), code.into(), refused(code)));
    }
    let garbage = vec![Step::expect(Expect::connect()), Step::send([0xff; 5]), Step::expect_end()];
    scenarios.push((vec![cut(), garbage], request(), 76, broken("its first packet is not CONNACK")));
    each(&scenarios);
}

#[test]
fn when_the_retries_are_used_up_the_last_failure_is_the_answer() {
    let mut scenarios = Vec::new();
    for (last, exit_code, message) in [(refusing(3), 3, refused(3)), (cut(), 74, lost(CUT))] {
        for before in [vec![], vec![refusing(3)], vec![cut()], vec![cut(), refusing(3)]] {
            let request = json!({ "retries": before.len() });
            let scripts = before.into_iter().chain([last.clone()]).collect();
            scenarios.push((scripts, request, exit_code, message.clone()));
        }
    }
    each(&scenarios);
}

/// Whatever ends the next connection, the message may have arrived on the first.
#[test]
fn what_was_sent_before_a_refusal_may_have_arrived() {
    let sent_once = |qos| script([connected(false), vec![Step::expect(publish(qos)), Step::close()]]);
    let what = "the connection was lost";
    let mut scenarios = Vec::new();
    for (code, meaning) in (1..).zip([
        "unacceptable protocol version",
        "identifier rejected",
        "server unavailable",
        "bad user name or password",
        "not authorized",
    ]) {
        for qos in [1, 2] {
            let request = json!({ "qos": qos, "retries": 1, "clean-session": qos == 1 });
            let reason = format!(
                "the connection was lost, and the next one failed: the broker refused the connection with return code \
                 {code}: {meaning}"
            );
            scenarios.push((
                vec![sent_once(qos), refusing(code)],
                request,
                79,
                uncertain(qos, what, &reason),
            ));
        }
    }
    let request = json!({ "qos": 1, "retries": 3 });
    scenarios.push((vec![sent_once(1), refusing(3), cut(), fine(1, true)], request, 0, sent(1)));
    let request = json!({ "qos": 1, "retries": 1 });
    scenarios.push((vec![sent_once(1), cut()], request, 79, uncertain(1, what, CUT.trim_end_matches(HINT))));
    each(&scenarios);
}

#[test]
fn a_time_out_in_the_next_connection_leaves_what_was_sent_uncertain() {
    let [tcp, tls] = Transport::both();
    let sent_once = |transport: &Transport| {
        let steps = script([connected(false), vec![Step::expect(publish(1)), Step::close()]]);
        transport.broker().connection(steps)
    };
    let silent = vec![Step::expect(Expect::connect()), Step::expect_end()];
    let scenarios = [
        (&tcp, sent_once(&tcp).connection(silent.clone()), "waiting for CONNACK"),
        (&tls, sent_once(&tls).connection(silent), "waiting for CONNACK"),
        (&tls, sent_once(&tls).raw_connection([Step::receive(5)]), "waiting for the TLS handshake"),
    ];
    side_by_side(scenarios.map(|(transport, builder, stage)| {
        move || {
            let request = json!({ "qos": 1, "retries": 3, "timeout": 500 });
            let played = transport.play_to(builder, request);
            let reason = format!("no answer within 500 ms, while {stage}");
            assert_meta(&played.meta, 79, &uncertain(1, "the time was over", &reason));
            let timeout = Duration::from_millis(500);
            assert!(played.took >= timeout && played.took <= timeout + LATE, "{:?}", played.took);
        }
    }));
}
