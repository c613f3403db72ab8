//! The library as it is judged by the harness's scenarios, and scripts of one's own over everything that may carry a message.

use std::time::Duration;

use mqtt_connector_tests::Step;
pub(crate) use mqtt_connector_tests::carrier::{Carrier, Version};
pub(crate) use mqtt_connector_tests::scenario::Played;
pub(crate) use mqtt_connector_tests::scenario::words::{TAKEN_OVER, after, broken, lost, sent, uncertain};
use mqtt_connector_tests::scenario::{self, Answer, Candidate};
use mqtt_connector_tests::scenarios::{Setting, family};
use mqtt_connector_tests::script::ScriptedBrokerBuilder;
use serde_json::Value;

use crate::support;

/// How long after its timeout a send may answer: 50 ms. A debug build, beside other tests on a machine with few cores,
/// may have to wait half a second for its turn on one.
const LATE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// How many tests that mostly wait are run at a time.
const AT_A_TIME: usize = 12;

/// The library, with the operator as its tenant.
pub(crate) struct Library;

impl Candidate for Library {
    fn send(&self, config: &Value, request: &Value) -> Result<Answer, String> {
        let meta = support::send(config, request);
        Ok(Answer { exit_code: meta.exit_code, message: meta.message })
    }

    fn short_timeout(&self) -> u32 {
        1000
    }

    fn late(&self) -> Option<Duration> {
        Some(LATE)
    }

    fn at_a_time(&self) -> usize {
        AT_A_TIME
    }
}

/// Judges the library by a family of the harness's scenarios.
#[track_caller]
pub(super) fn judge(name: &str) {
    scenario::judge(&Library, &(family(name).scenarios)(&Setting::whole()));
}

/// A script of one's own over a carrier.
pub(crate) trait Play {
    /// Sends "x" to topic "t", or what `request` says, to a broker with one script for each connection.
    fn play(&self, scripts: impl IntoIterator<Item = Vec<Step>>, request: Value) -> Played;

    /// The same, to a broker that is more than its scripts.
    fn play_to(&self, broker: ScriptedBrokerBuilder, request: Value) -> Played;
}

impl Play for Carrier {
    #[track_caller]
    fn play(&self, scripts: impl IntoIterator<Item = Vec<Step>>, request: Value) -> Played {
        self.play_to(scripts.into_iter().fold(self.broker(), ScriptedBrokerBuilder::connection), request)
    }

    #[track_caller]
    fn play_to(&self, broker: ScriptedBrokerBuilder, request: Value) -> Played {
        let played = scenario::play(&Library, self, broker, &request).unwrap();
        assert!(played.record.problems.is_empty(), "it did not go by the script:\n{}", played.record);
        played
    }
}

/// Runs tests that mostly wait, some at a time.
pub(crate) fn side_by_side<T: FnOnce() + Send>(tests: impl IntoIterator<Item = T>) {
    scenario::side_by_side(AT_A_TIME, tests);
}

/// What is said of a message that was not sent, because the time was over before.
pub(crate) fn too_late(milliseconds: u32, stage: &str) -> String {
    scenario::words::too_late(&milliseconds.to_string(), stage)
}
