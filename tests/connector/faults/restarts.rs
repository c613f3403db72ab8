//! A broker that goes away between the message and its acknowledgement and comes back, with its sessions or without.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step};
use serde_json::{Value, json};

use super::carrier::{Carrier, TAKEN_OVER, after, sent, side_by_side, uncertain};
use super::{connected, goodbye, publish, script};
use crate::support::with;

const FORGOTTEN: &str = "the broker did not keep the session";

/// Ends of a connection, as a broker that goes away makes them.
fn ends(carrier: &Carrier) -> Vec<Step> {
    let cut = (carrier.is_tls() || carrier.is_websocket()).then(Step::close_without_notify);
    [Step::close(), Step::reset()].into_iter().chain(cut).collect()
}

/// Plays `first` and an end, for each end there is, then `second`; asserts the answer.
fn restarted(
    first: &[Step],
    second: &[Step],
    request: impl Fn(&Carrier) -> Value,
    exit_code: i32,
    message: &str,
) {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        let request = request(carrier);
        ends(carrier).into_iter().map(move |end| {
            let request = request.clone();
            move || {
                let first = script([first.to_vec(), vec![end]]);
                let played = carrier.play([first, second.to_vec()], request);
                played.assert(exit_code, &after(2, message));
            }
        })
    }));
}

/// PUBLISH for the first time, under the first identifier.
fn published(qos: u8) -> Vec<Step> {
    script([connected(false), vec![Step::expect(publish(qos).dup(false).packet_id(1))]])
}

fn repeated(qos: u8) -> Vec<Step> {
    vec![Step::expect(publish(qos).dup(true).packet_id(1))]
}

fn received() -> Vec<Step> {
    vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel().packet_id(1))]
}

/// DISCONNECT; the client then waits until a broker with its session has nothing more to say.
fn goodbye_to_a_session() -> Vec<Step> {
    vec![Step::expect(Expect::disconnect()), Step::close()]
}

#[test]
fn quality_of_service_1_is_sent_again_as_a_duplicate() {
    for session in [false, true] {
        let end = if session { goodbye_to_a_session() } else { goodbye() };
        let again = script([connected(session), repeated(1), vec![Step::respond(PacketType::PubAck)], end]);
        let request = |carrier: &Carrier| {
            let kept = if session { carrier.kept_session() } else { json!({}) };
            with(&json!({ "qos": 1, "retries": 1 }), kept)
        };
        restarted(&published(1), &again, request, 0, &sent(1));
    }
    // A broker that has lost the session it was asked to keep may have lost the message with it.
    let again = script([connected(false), repeated(1), vec![Step::respond(PacketType::PubAck)], goodbye()]);
    let request = |carrier: &Carrier| with(&json!({ "qos": 1, "retries": 1 }), carrier.kept_session());
    restarted(&published(1), &again, request, 0, &sent(1));
}

#[test]
fn quality_of_service_2_goes_on_where_it_stood_in_a_session_that_survived() {
    let request = |carrier: &Carrier| with(&json!({ "retries": 1 }), carrier.kept_session());
    let completed = || vec![Step::respond(PacketType::PubComp)];
    let again = script([connected(true), repeated(2), received(), completed(), goodbye_to_a_session()]);
    restarted(&published(2), &again, request, 0, &sent(2));
    let released = vec![Step::expect(Expect::pubrel().packet_id(1))];
    let again = script([connected(true), released, completed(), goodbye_to_a_session()]);
    restarted(&script([published(2), received()]), &again, request, 0, &sent(2));
}

#[test]
fn quality_of_service_2_is_uncertain_when_the_session_did_not_survive() {
    let request = |carrier: &Carrier| with(&json!({ "retries": 1 }), carrier.kept_session());
    let again = script([connected(false), goodbye()]);
    let message = uncertain(2, "the connection was lost", FORGOTTEN);
    restarted(&published(2), &again, request, 79, &message);
    restarted(&script([published(2), received()]), &again, request, 79, &message);
}

#[test]
fn quality_of_service_2_is_not_repeated_in_a_clean_session() {
    for carrier in Carrier::all() {
        for first in [published(2), script([published(2), received()])] {
            for end in ends(&carrier) {
                let played = carrier.play([script([first.clone(), vec![end]])], json!({ "retries": 3 }));
                let reason = format!("…, while waiting for the acknowledgement{TAKEN_OVER}");
                played.assert(79, &uncertain(2, "the connection was lost", &reason));
            }
        }
    }
}

/// Twice in one exchange, before PUBREC and after it: as mosquitto's own tests ask of its client.
#[test]
fn a_broker_may_go_away_more_than_once() {
    let go = || vec![Step::close()];
    for carrier in Carrier::all() {
        let scripts = [
            script([published(2), go()]),
            script([connected(true), repeated(2), received(), go()]),
            script([
                connected(true),
                vec![Step::expect(Expect::pubrel().packet_id(1)), Step::respond(PacketType::PubComp)],
                goodbye_to_a_session(),
            ]),
        ];
        let played = carrier.play(scripts, with(&json!({ "retries": 2 }), carrier.kept_session()));
        played.assert(0, &after(3, &sent(2)));
        let scripts = [
            script([published(1), go()]),
            script([connected(false), repeated(1), go()]),
            script([connected(false), repeated(1), vec![Step::respond(PacketType::PubAck)], goodbye()]),
        ];
        carrier.play(scripts, json!({ "qos": 1, "retries": 2 })).assert(0, &after(3, &sent(1)));
    }
}

/// QoS 0 has no second chance: what left the process was sent, what did not goes on the next connection.
#[test]
fn quality_of_service_0_is_never_repeated() {
    for carrier in Carrier::all() {
        let gone = script([connected(false), vec![Step::expect(publish(0).dup(false)), Step::reset()]]);
        carrier.play([gone], json!({ "qos": 0, "retries": 3 })).assert(0, &sent(0));
        let before = vec![Step::expect(Expect::connect()), Step::close()];
        let fine = script([connected(false), vec![Step::expect(publish(0).dup(false))], goodbye()]);
        carrier.play([before, fine], json!({ "qos": 0, "retries": 1 })).assert(0, &after(2, &sent(0)));
    }
}
