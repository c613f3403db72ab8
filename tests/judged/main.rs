//! The native program, judged by the scenarios that judge the library: it is started for each message.

use std::sync::LazyLock;

use mqtt_connector_tests::carrier::Carrier;
use mqtt_connector_tests::conformance::Suite;
use mqtt_connector_tests::program::Program;
use mqtt_connector_tests::scenarios::judge_program;

/// How many scenarios of a family, unless it is all.
const OF_A_FAMILY: usize = 24;

static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    Program::with_files([env!("CARGO_BIN_EXE_mqtt-connector"), "send"], std::env::temp_dir())
});

/// Makes a test of each family.
macro_rules! tests {
    ($($module:ident::$name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                judge_program(&PROGRAM, stringify!($name), OF_A_FAMILY);
            }
        )+
    };
}

mqtt_connector_tests::truth_families!(tests);

/// As people run it on what they have written themselves, over everything that may carry a message.
#[test]
fn it_passes_the_conformance_suite() {
    let suite = Suite { carriers: Carrier::all().into(), of_a_family: 4, only: String::new() };
    let mut said = Vec::new();
    let score = suite.run(&PROGRAM, &mut said).unwrap();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(score.passed, score.of, "{said}");
    assert!(said.ends_with(&format!("\n{} of {}\n", score.of, score.of)), "{said}");
}
