//! What a good broker never does, scripted: each answer is the truth about the message.

mod acknowledgements;
pub(crate) mod carrier;
mod exchanges;
mod garbage;
mod pieces;
mod reads;
mod records;
mod silence;
mod slow;
mod words;

use mqtt_connector_tests::Step;
use mqtt_connector_tests::scenario::Answer;
pub(crate) use mqtt_connector_tests::scenarios::{acknowledged, connected, goodbye, publish, script};
use serde_json::Value;

use carrier::{Carrier, Play as _};

/// Sends to a broker with one script for each connection, with MQTT 3.1.1 over TCP.
pub(crate) fn play<const N: usize>(scripts: [Vec<Step>; N], request: Value) -> Answer {
    Carrier::tcp().play(scripts, request).meta
}

/// Makes a test of each family of the harness's scenarios.
macro_rules! tests {
    ($($module:ident::$name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                carrier::judge(stringify!($name));
            }
        )+
    };
}

mqtt_connector_tests::truth_families!(tests);
