//! The scenarios that judge the library and the native program, for `wasmtime run mqtt-connector.wasm`: brokers that refuse, are
//! silent, acknowledge something else, or go away at any byte.

use std::env;

use mqtt_connector_tests::program::Program;
use mqtt_connector_tests::scenarios::judge_program;

use crate::support::{NETWORK, VERSIONS, Version, compiled, wasmtime_program};

/// How many scenarios of a family each version is judged by, unless it is by all: the artifact is the same for both.
const OF_A_FAMILY: usize = 6;

/// The composed artifact as a program that is started for each message. Its files are where tests keep theirs.
fn program(version: Version) -> Program {
    let directory = env::temp_dir();
    let mut command = vec![wasmtime_program(version).into_os_string()];
    command.extend(["run", "--allow-precompiled"].map(Into::into));
    command.extend(NETWORK.map(Into::into));
    command.extend(["--dir".into(), directory.clone().into_os_string()]);
    command.extend([compiled(version, "mqtt-connector.wasm").into_os_string(), "send".into()]);
    Program::with_files(command, directory).says(
        "the broker reset the connection, or the network failed: the host does not say which",
        "the broker reset the connection",
    )
}

/// Makes a test of each family.
macro_rules! tests {
    ($($module:ident::$name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                for version in VERSIONS {
                    judge_program(&program(version), stringify!($name), OF_A_FAMILY);
                }
            }
        )+
    };
}

mqtt_connector_tests::truth_families!(tests);
