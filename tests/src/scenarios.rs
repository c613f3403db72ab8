//! What a good broker never does, scripted, and what the answer has to be: families of [`Scenario`]s.
//!
//! Those of [`TRUTH`] hold for every client that says the truth about its message.

mod acknowledgements;
mod codes;
mod cuts;
mod deliveries;
mod restarts;
mod retries;
mod silence;

pub use codes::REASON_CODES;

use crate::carrier::Carrier;
use crate::expect::Expect;
use crate::packet::PacketType;
use crate::program::Program;
use crate::record::Conversation;
use crate::scenario::{Scenario, judge, sample};
use crate::step::Step;

/// Scenarios of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What they have in common, as the name of a test.
    pub name: &'static str,
    /// Makes them.
    pub scenarios: fn(&Setting) -> Vec<Scenario>,
}

/// Over what the scenarios are played, and what is known of the client.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Over what.
    pub carriers: Vec<Carrier>,
    /// The identifier of the first packet that has one, if the client always begins with it.
    pub first_packet_id: Option<u16>,
}

impl Setting {
    /// Every carrier, and a client that begins with packet identifier 1.
    #[must_use]
    pub fn whole() -> Self {
        Self { carriers: Carrier::all().into(), first_packet_id: Some(1) }
    }

    /// A client of which nothing is known.
    #[must_use]
    pub fn of(carriers: Vec<Carrier>) -> Self {
        Self { carriers, first_packet_id: None }
    }

    /// Makes scenarios for each carrier.
    fn each(&self, scenarios: impl Fn(&Carrier) -> Vec<Scenario>) -> Vec<Scenario> {
        self.carriers.iter().flat_map(scenarios).collect()
    }

    /// The packet, with the identifier that it has if that is known.
    fn first(&self, packet: Expect) -> Expect {
        match self.first_packet_id {
            Some(id) => packet.packet_id(id),
            None => packet,
        }
    }

    /// PUBLISH with this quality of service, as the first packet that has an identifier.
    fn publish(&self, qos: u8) -> Expect {
        if qos == 0 { publish(0) } else { self.first(publish(qos)) }
    }

    fn pubrel(&self) -> Expect {
        self.first(Expect::pubrel())
    }
}

/// The families of [`TRUTH`], for a macro that is given them as `module::name, …`: to make a test of each.
#[macro_export]
macro_rules! truth_families {
    ($callback:ident) => {
        $callback! {
            deliveries::a_message_that_was_acknowledged_was_sent,
            deliveries::a_host_that_does_not_exist_is_not_found,
            deliveries::a_port_where_nobody_listens_is_unreachable,
            codes::a_refused_connection_has_the_code_of_mqtt_3_1_1,
            codes::a_refused_connection_has_the_reason_code_of_mqtt_5,
            codes::a_refused_message_has_the_brokers_reason_code,
            codes::a_message_that_nobody_has_subscribed_to_was_sent,
            codes::a_disconnect_in_place_of_an_acknowledgement_gives_its_reason_code,
            cuts::each_byte_of_connack_but_the_last_leaves_the_message_unsent,
            cuts::a_cut_after_connack_is_answered_by_what_was_written,
            cuts::each_byte_of_an_acknowledgement_but_the_last_leaves_it_uncertain,
            cuts::a_cut_after_the_last_acknowledgement_changes_nothing,
            cuts::a_message_that_needs_no_acknowledgement_was_sent_however_the_connection_ends,
            cuts::a_connection_that_ends_before_the_first_packet_was_lost,
            cuts::tls_that_is_not_answered_has_failed,
            cuts::a_connection_that_is_reset_at_once_was_lost_or_never_there,
            silence::silence_before_the_message_is_a_timeout,
            silence::silence_after_the_message_leaves_it_uncertain,
            silence::silence_before_mqtt_is_a_timeout,
            acknowledgements::an_acknowledgement_of_another_kind_or_message_does_not_settle_this_one,
            acknowledgements::what_is_wrong_after_pubrec_does_not_settle_the_message,
            acknowledgements::stray_acknowledgements_do_not_lose_this_message,
            acknowledgements::a_broker_that_answers_qos_2_with_puback_leaves_it_uncertain,
            restarts::quality_of_service_1_is_sent_again_as_a_duplicate,
            restarts::quality_of_service_2_goes_on_where_it_stood_in_a_session_that_survived,
            restarts::quality_of_service_2_is_uncertain_when_the_session_did_not_survive,
            restarts::quality_of_service_2_is_not_repeated_in_a_clean_session,
            restarts::a_broker_may_go_away_more_than_once,
            restarts::quality_of_service_0_is_never_repeated,
            retries::another_connection_is_tried_when_the_reason_may_pass,
            retries::a_refusal_that_will_not_pass_is_the_answer,
            retries::when_the_retries_are_used_up_the_last_failure_is_the_answer,
            retries::what_was_sent_before_a_refusal_may_have_arrived,
            retries::a_timeout_in_the_next_connection_leaves_what_was_sent_uncertain,
        }
    };
}

macro_rules! list {
    ($($module:ident::$name:ident),+ $(,)?) => {
        &[$(Family { name: stringify!($name), scenarios: $module::$name }),+]
    };
}

/// What every client has to say that says the truth.
pub const TRUTH: &[Family] = truth_families!(list);

/// The family of that name.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn family(name: &str) -> Family {
    match TRUTH.iter().find(|family| family.name == name) {
        Some(family) => *family,
        None => panic!("no family of scenarios is called {name}"),
    }
}

/// Judges a program by the family of that name: by `at_most` of its scenarios, or by all where the environment has `JUDGE_ALL`.
/// The library is judged by all; a program is started for each.
///
/// # Panics
///
/// If there is no such family, or if the program does not do what it has to.
#[track_caller]
pub fn judge_program(program: &Program, name: &str, at_most: usize) {
    let at_most = if std::env::var_os("JUDGE_ALL").is_some() { usize::MAX } else { at_most };
    judge(program, &sample((family(name).scenarios)(&Setting::whole()), at_most));
}

/// The broker's steps up to CONNACK, which accepts.
#[must_use]
pub fn connected(session_present: bool) -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::accept(session_present)]
}

/// What acknowledges the last PUBLISH, with all that its quality of service asks for.
#[must_use]
pub fn acknowledged(qos: u8) -> Vec<Step> {
    match qos {
        0 => vec![],
        1 => vec![Step::respond(PacketType::PubAck)],
        _ => vec![
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::respond(PacketType::PubComp),
        ],
    }
}

/// The end of a connection that nothing is wrong with.
#[must_use]
pub fn goodbye() -> Vec<Step> {
    vec![Step::expect(Expect::disconnect()), Step::expect_end()]
}

/// One script of parts.
#[must_use]
pub fn script(parts: impl IntoIterator<Item = Vec<Step>>) -> Vec<Step> {
    parts.into_iter().flatten().collect()
}

/// The message of every scenario that says nothing else.
pub fn publish(qos: u8) -> Expect {
    Expect::publish().topic("t").payload("x").qos(qos)
}

/// The identifier of the last packet that has one, on this connection.
fn last_packet_id(conversation: &Conversation) -> u16 {
    conversation.packets.iter().rev().find_map(|received| received.packet.packet_id()).unwrap_or(1)
}

/// Sends what `answer` makes of the identifier of the last packet that has one.
fn answer(answer: impl Fn(u16) -> Vec<u8> + Send + Sync + 'static) -> Step {
    Step::answer(move |conversation| answer(last_packet_id(conversation)))
}
