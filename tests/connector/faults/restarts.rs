//! A broker that goes away between the message and its acknowledgement and comes back, with its sessions or without.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step};
use serde_json::{Value, json};

use super::transport::{Transport, sent, side_by_side, uncertain};
use super::{connected, goodbye, publish, script};
use crate::support::assert_meta;

const FORGOTTEN: &str = "the connection was lost, and the broker did not keep the session";

/// Ends of a connection, as a broker that goes away makes them.
fn ends(transport: &Transport) -> Vec<Step> {
    let cut = transport.is_tls().then(Step::close_without_notify);
    [Step::close(), Step::reset()].into_iter().chain(cut).collect()
}

/// Plays `first` and an end, for each end there is, then `second`; asserts the answer.
fn restarted(first: &[Step], second: &[Step], request: &Value, exit_code: i32, message: &str) {
    let transports = Transport::both();
    side_by_side(transports.iter().flat_map(|transport| {
        ends(transport).into_iter().map(move |end| {
            move || {
                let first = script([first.to_vec(), vec![end]]);
                let meta = transport.play([first, second.to_vec()], request.clone()).meta;
                assert_meta(&meta, exit_code, message);
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
        let request = json!({ "qos": 1, "retries": 1, "clean-session": !session });
        restarted(&published(1), &again, &request, 0, &sent(1));
    }
    // A broker that has lost the session it was asked to keep may have lost the message with it.
    let again = script([connected(false), repeated(1), vec![Step::respond(PacketType::PubAck)], goodbye()]);
    let request = json!({ "qos": 1, "retries": 1, "clean-session": false });
    restarted(&published(1), &again, &request, 0, &sent(1));
}

#[test]
fn quality_of_service_2_goes_on_where_it_stood_in_a_session_that_survived() {
    let request = json!({ "retries": 1, "clean-session": false });
    let completed = || vec![Step::respond(PacketType::PubComp)];
    let again = script([connected(true), repeated(2), received(), completed(), goodbye_to_a_session()]);
    restarted(&published(2), &again, &request, 0, &sent(2));
    let released = vec![Step::expect(Expect::pubrel().packet_id(1))];
    let again = script([connected(true), released, completed(), goodbye_to_a_session()]);
    restarted(&script([published(2), received()]), &again, &request, 0, &sent(2));
}

#[test]
fn quality_of_service_2_is_uncertain_when_the_session_did_not_survive() {
    let request = json!({ "retries": 1, "clean-session": false });
    let again = script([connected(false), goodbye()]);
    let message = uncertain(2, "the connection was lost", FORGOTTEN);
    restarted(&published(2), &again, &request, 79, &message);
    restarted(&script([published(2), received()]), &again, &request, 79, &message);
}

#[test]
fn quality_of_service_2_is_not_repeated_in_a_clean_session() {
    for transport in Transport::both() {
        for first in [published(2), script([published(2), received()])] {
            for end in ends(&transport) {
                let meta = transport.play([script([first.clone(), vec![end]])], json!({ "retries": 3 })).meta;
                let reason = "…, while waiting for the acknowledgement";
                assert_meta(&meta, 79, &uncertain(2, "the connection was lost", reason));
            }
        }
    }
}

/// Twice in one exchange, before PUBREC and after it: as mosquitto's own tests ask of its client.
#[test]
fn a_broker_may_go_away_more_than_once() {
    let go = || vec![Step::close()];
    for transport in Transport::both() {
        let scripts = [
            script([published(2), go()]),
            script([connected(true), repeated(2), received(), go()]),
            script([
                connected(true),
                vec![Step::expect(Expect::pubrel().packet_id(1)), Step::respond(PacketType::PubComp)],
                goodbye_to_a_session(),
            ]),
        ];
        let meta = transport.play(scripts, json!({ "retries": 2, "clean-session": false })).meta;
        assert_meta(&meta, 0, &sent(2));
        let scripts = [
            script([published(1), go()]),
            script([connected(false), repeated(1), go()]),
            script([connected(false), repeated(1), vec![Step::respond(PacketType::PubAck)], goodbye()]),
        ];
        assert_meta(&transport.play(scripts, json!({ "qos": 1, "retries": 2 })).meta, 0, &sent(1));
    }
}

/// QoS 0 has no second chance: what left the process was sent, what did not goes on the next connection.
#[test]
fn quality_of_service_0_is_never_repeated() {
    for transport in Transport::both() {
        let gone = script([connected(false), vec![Step::expect(publish(0).dup(false)), Step::reset()]]);
        assert_meta(&transport.play([gone], json!({ "qos": 0, "retries": 3 })).meta, 0, &sent(0));
        let before = vec![Step::expect(Expect::connect()), Step::close()];
        let fine = script([connected(false), vec![Step::expect(publish(0).dup(false))], goodbye()]);
        assert_meta(&transport.play([before, fine], json!({ "qos": 0, "retries": 1 })).meta, 0, &sent(0));
    }
}
