//! A broker that goes away between the message and its acknowledgement and comes back, with its sessions or without.

use serde_json::{Value, json};

use super::{Setting, connected, goodbye, publish, script};
use crate::carrier::Carrier;
use crate::expect::Expect;
use crate::packet::PacketType;
use crate::scenario::words::{TAKEN_OVER, after, sent, uncertain};
use crate::scenario::{Scenario, with};
use crate::step::Step;

const FORGOTTEN: &str = "the broker did not keep the session";

/// Ends of a connection, as a broker that goes away makes them.
fn ends(carrier: &Carrier) -> Vec<Step> {
    let cut = (carrier.is_tls() || carrier.is_websocket()).then(Step::close_without_notify);
    [Step::close(), Step::reset()].into_iter().chain(cut).collect()
}

/// `first` and an end, for each end there is, then `second`; and the answer to that.
struct Restart {
    first: Vec<Step>,
    second: Vec<Step>,
    request: Value,
    exit_code: i32,
    message: String,
}

impl Restart {
    fn on(&self, carrier: &Carrier) -> Vec<Scenario> {
        let scenario = |end: Step| {
            let first = script([self.first.clone(), vec![end]]);
            Scenario::new(carrier, [first, self.second.clone()], self.request.clone())
                .answers(self.exit_code, after(2, &self.message))
        };
        ends(carrier).into_iter().map(scenario).collect()
    }
}

/// PUBLISH for the first time, under the first identifier.
fn published(on: &Setting, qos: u8) -> Vec<Step> {
    script([connected(false), vec![Step::expect(on.publish(qos).dup(false))]])
}

fn repeated(on: &Setting, qos: u8) -> Vec<Step> {
    vec![Step::expect(on.publish(qos).dup(true))]
}

fn received(on: &Setting) -> Vec<Step> {
    vec![Step::respond(PacketType::PubRec), Step::expect(on.pubrel())]
}

fn acknowledged() -> Vec<Step> {
    vec![Step::respond(PacketType::PubAck)]
}

fn completed() -> Vec<Step> {
    vec![Step::respond(PacketType::PubComp)]
}

/// DISCONNECT; the client then waits until a broker with its session has nothing more to say.
fn goodbye_to_a_session() -> Vec<Step> {
    vec![Step::expect(Expect::disconnect()), Step::close()]
}

pub(super) fn quality_of_service_1_is_sent_again_as_a_duplicate(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let restart = |session: bool, kept: Value| {
            let end = if session { goodbye_to_a_session() } else { goodbye() };
            let second = script([connected(session), repeated(on, 1), acknowledged(), end]);
            let request = with(&json!({ "qos": 1, "retries": 1 }), kept);
            Restart { first: published(on, 1), second, request, exit_code: 0, message: sent(1) }.on(carrier)
        };
        [
            restart(false, json!({})),
            restart(true, carrier.kept_session()),
            // A broker that has lost the session it was asked to keep may have lost the message with it.
            restart(false, carrier.kept_session()),
        ]
        .concat()
    })
}

pub(super) fn quality_of_service_2_goes_on_where_it_stood_in_a_session_that_survived(
    on: &Setting,
) -> Vec<Scenario> {
    on.each(|carrier| {
        let restart = |first: Vec<Step>, rest: Vec<Step>| {
            let second = script([connected(true), rest, completed(), goodbye_to_a_session()]);
            let request = with(&json!({ "retries": 1 }), carrier.kept_session());
            Restart { first, second, request, exit_code: 0, message: sent(2) }.on(carrier)
        };
        let released = vec![Step::expect(on.pubrel())];
        [
            restart(published(on, 2), script([repeated(on, 2), received(on)])),
            restart(script([published(on, 2), received(on)]), released),
        ]
        .concat()
    })
}

pub(super) fn quality_of_service_2_is_uncertain_when_the_session_did_not_survive(
    on: &Setting,
) -> Vec<Scenario> {
    on.each(|carrier| {
        let restart = |first: Vec<Step>| {
            let second = script([connected(false), goodbye()]);
            let request = with(&json!({ "retries": 1 }), carrier.kept_session());
            let message = uncertain(2, "the connection was lost", FORGOTTEN);
            Restart { first, second, request, exit_code: 79, message }.on(carrier)
        };
        [restart(published(on, 2)), restart(script([published(on, 2), received(on)]))].concat()
    })
}

pub(super) fn quality_of_service_2_is_not_repeated_in_a_clean_session(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let mut scenarios = Vec::new();
        for first in [published(on, 2), script([published(on, 2), received(on)])] {
            for end in ends(carrier) {
                let reason = format!("…, while waiting for the acknowledgement{TAKEN_OVER}");
                let steps = script([first.clone(), vec![end]]);
                let scenario = Scenario::new(carrier, [steps], json!({ "retries": 3 }));
                scenarios.push(scenario.answers(79, uncertain(2, "the connection was lost", &reason)));
            }
        }
        scenarios
    })
}

/// Twice in one exchange, before PUBREC and after it: as mosquitto's own tests ask of its client.
pub(super) fn a_broker_may_go_away_more_than_once(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let go = || vec![Step::close()];
        let twice = [
            script([published(on, 2), go()]),
            script([connected(true), repeated(on, 2), received(on), go()]),
            script([connected(true), vec![Step::expect(on.pubrel())], completed(), goodbye_to_a_session()]),
        ];
        let once = [
            script([published(on, 1), go()]),
            script([connected(false), repeated(on, 1), go()]),
            script([connected(false), repeated(on, 1), acknowledged(), goodbye()]),
        ];
        let kept = with(&json!({ "retries": 2 }), carrier.kept_session());
        vec![
            Scenario::new(carrier, twice, kept).answers(0, after(3, &sent(2))),
            Scenario::new(carrier, once, json!({ "qos": 1, "retries": 2 })).answers(0, after(3, &sent(1))),
        ]
    })
}

/// QoS 0 has no second chance: what left the process was sent, what did not goes on the next connection.
pub(super) fn quality_of_service_0_is_never_repeated(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let gone = script([connected(false), vec![Step::expect(publish(0).dup(false)), Step::reset()]]);
        let before = vec![Step::expect(Expect::connect()), Step::close()];
        let fine = script([connected(false), vec![Step::expect(publish(0).dup(false))], goodbye()]);
        vec![
            Scenario::new(carrier, [gone], json!({ "qos": 0, "retries": 3 })).answers(0, sent(0)),
            Scenario::new(carrier, [before, fine], json!({ "qos": 0, "retries": 1 }))
                .answers(0, after(2, &sent(0))),
        ]
    })
}
