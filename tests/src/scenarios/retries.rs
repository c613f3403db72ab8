//! Brokers that fail for a reason that may pass, until it has passed or the retries are used up.

use serde_json::{Value, json};

use super::{Setting, acknowledged, connected, goodbye, publish, script};
use crate::carrier::{Carrier, Version};
use crate::expect::Expect;
use crate::scenario::words::{after, broken, lost, sent, unacknowledged, uncertain};
use crate::scenario::{Scenario, with};
use crate::step::Step;

/// Refuses for the reason that MQTT 3.1.1 numbers `code`.
fn refusing(carrier: &Carrier, code: u8) -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::send(carrier.refusal(code).1), Step::close()]
}

fn cut() -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::close()]
}

fn fine(qos: u8, dup: bool) -> Vec<Step> {
    script([connected(false), vec![Step::expect(publish(qos).dup(dup))], acknowledged(qos), goodbye()])
}

/// What is said of a refusal for the reason that MQTT 3.1.1 numbers `number`, and the exit code.
fn refused(carrier: &Carrier, number: u8) -> (i32, String) {
    let (code, _) = carrier.refusal(number);
    let meaning = match (carrier.version(), number) {
        (Version::V311, 1) => ": it does not speak this version of MQTT. Look at protocol-version.",
        (Version::V311, 2) => ": it does not allow the client identifier. Look at client-id.",
        (Version::V311, 3) => ": its MQTT service is unavailable. Try again later.",
        (Version::V311, 4) => ": the user name or the password is wrong. Look at username and password.",
        (Version::V311, _) => {
            ": the client is not authorised to connect. Look at username, password and client-id."
        }
        (Version::V5, 1) => " (Unsupported Protocol Version). Look at protocol-version.",
        (Version::V5, 2) => " (Client Identifier not valid). Look at client-id.",
        (Version::V5, 3) => " (Server unavailable). Try again later.",
        (Version::V5, 4) => " (Bad User Name or Password). Look at username and password.",
        (Version::V5, _) => " (Not authorized). Look at username, password, client-id and topic.",
    };
    let kind = if code < 128 { "return" } else { "reason" };
    let given = if number < 4 { "" } else { " No user name and no password were given." };
    let text =
        format!("Not sent, the broker BROKER refused the connection with {kind} code {code}{meaning}{given}");
    (code.into(), text)
}

/// The scripts, the request, the exit code and the message.
type Retry = (Vec<Vec<Step>>, Value, i32, String);

/// Makes scenarios for each carrier.
fn each(on: &Setting, retries: impl Fn(&Carrier) -> Vec<Retry>) -> Vec<Scenario> {
    on.each(|carrier| {
        let scenario = |(scripts, request, exit_code, message): Retry| {
            // Each script is a connection.
            let message = after(scripts.len(), &message);
            Scenario::new(carrier, scripts, request).answers(exit_code, message)
        };
        retries(carrier).into_iter().map(scenario).collect()
    })
}

/// What is said of [`cut`].
fn was_cut(carrier: &Carrier) -> String {
    format!("{}, while waiting for CONNACK{}", carrier.closed(), carrier.hint())
}

pub(super) fn another_connection_is_tried_when_the_reason_may_pass(on: &Setting) -> Vec<Scenario> {
    each(on, |carrier| {
        let busy = || refusing(carrier, 3);
        let bad = [[busy(), cut()], [cut(), busy()], [busy(), busy()]];
        let scenario = |qos, [first, second]: [Vec<Step>; 2]| {
            (vec![first, second, fine(qos, false)], json!({ "qos": qos, "retries": 2 }), 0, sent(qos))
        };
        (0..=2).flat_map(|qos| bad.clone().map(|bad| scenario(qos, bad))).collect()
    })
}

pub(super) fn a_refusal_that_will_not_pass_is_the_answer(on: &Setting) -> Vec<Scenario> {
    each(on, |carrier| {
        let request = || json!({ "retries": 3 });
        let mut scenarios = Vec::new();
        for code in [1, 2, 4, 5] {
            let (exit_code, message) = refused(carrier, code);
            scenarios.push((vec![refusing(carrier, code)], request(), exit_code, message.clone()));
            let scripts = vec![refusing(carrier, 3), refusing(carrier, code)];
            scenarios.push((scripts, request(), exit_code, message));
        }
        let garbage = vec![Step::expect(Expect::connect()), Step::send([0xff; 5]), Step::expect_end()];
        scenarios.push((vec![cut(), garbage], request(), 76, broken("its first packet is not CONNACK")));
        scenarios
    })
}

pub(super) fn when_the_retries_are_used_up_the_last_failure_is_the_answer(on: &Setting) -> Vec<Scenario> {
    each(on, |carrier| {
        let mut scenarios = Vec::new();
        let busy = || refusing(carrier, 3);
        let (exit_code, message) = refused(carrier, 3);
        for (last, exit_code, message) in [(busy(), exit_code, message), (cut(), 74, lost(&was_cut(carrier)))]
        {
            for before in [vec![], vec![busy()], vec![cut()], vec![cut(), busy()]] {
                let request = json!({ "retries": before.len() });
                let scripts = before.into_iter().chain([last.clone()]).collect();
                scenarios.push((scripts, request, exit_code, message.clone()));
            }
        }
        scenarios
    })
}

/// Whatever ends the next connection, the message may have arrived on the first.
pub(super) fn what_was_sent_before_a_refusal_may_have_arrived(on: &Setting) -> Vec<Scenario> {
    const NAMES: [&str; 5] = [
        "unacceptable protocol version",
        "identifier rejected",
        "server unavailable",
        "bad user name or password",
        "not authorized",
    ];
    let sent_once = |qos| script([connected(false), vec![Step::expect(publish(qos)), Step::close()]]);
    let what = "the connection was lost";
    each(on, |carrier| {
        let mut scenarios = Vec::new();
        for (number, name) in (1..).zip(NAMES) {
            let code = match (carrier.version(), carrier.refusal(number).0) {
                (Version::V311, code) => format!("return code {code}: {name}"),
                (Version::V5, code) => format!("reason code {code}"),
            };
            for qos in [1, 2] {
                let session = if qos == 1 { json!({}) } else { carrier.kept_session() };
                let request = with(&json!({ "qos": qos, "retries": 1 }), session);
                let reason = format!(
                    "the connection was lost, and the next one failed: the broker refused the connection with {code}"
                );
                let scripts = vec![sent_once(qos), refusing(carrier, number)];
                scenarios.push((scripts, request, 79, uncertain(qos, what, &reason)));
            }
        }
        let scripts = vec![sent_once(1), refusing(carrier, 3), cut(), fine(1, true)];
        scenarios.push((scripts, json!({ "qos": 1, "retries": 3 }), 0, sent(1)));
        let reason = format!("{}, while waiting for CONNACK", carrier.closed());
        let scripts = vec![sent_once(1), cut()];
        scenarios.push((scripts, json!({ "qos": 1, "retries": 1 }), 79, uncertain(1, what, &reason)));
        scenarios
    })
}

pub(super) fn a_timeout_in_the_next_connection_leaves_what_was_sent_uncertain(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let sent_once = || {
            let steps = script([connected(false), vec![Step::expect(publish(1)), Step::close()]]);
            carrier.broker().connection(steps)
        };
        let silent = vec![Step::expect(Expect::connect()), Step::expect_end()];
        let begun = |steps: Vec<Step>| sent_once().raw_connection(script([steps, vec![Step::receive(5)]]));
        let mut stages = vec![(sent_once().connection(silent), "waiting for CONNACK")];
        if carrier.is_tls() {
            stages.push((begun(vec![]), "waiting for the TLS handshake"));
        }
        if carrier.is_websocket() {
            stages.push((begun(carrier.below_websocket()), "waiting for the WebSocket handshake"));
        }
        let scenario = |(broker, stage)| {
            Scenario::at(carrier, broker, json!({ "qos": 1, "retries": 3 }))
                .answers(79, after(2, &unacknowledged(1, stage)))
                .with_the_timeout()
        };
        stages.into_iter().map(scenario).collect()
    })
}
