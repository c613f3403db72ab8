//! `make soak`: whether exit code 0 is true, of many thousand sends over a bad network to a broker that comes and goes.
//!
//! `SOAK_SENDS` (1000000), `SOAK_SECONDS` (600; what comes first ends it) and `SOAK_SEED` (from the clock, and printed)
//! say how much; `SOAK_TRANSCRIPT` names a file for every step of the network and every answer but 0.
#![expect(clippy::unwrap_used, reason = "a soak that cannot go on fails")]

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[path = "../connector/runtime.rs"]
mod runtime;
#[path = "../connector/soak.rs"]
mod soak;

use soak::Soak;

fn main() -> ExitCode {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (seed, sends) = (number("SOAK_SEED", clock), number("SOAK_SENDS", 1_000_000));
    let seconds = number("SOAK_SECONDS", 600);
    println!("soak: SOAK_SEED={seed} SOAK_SENDS={sends} SOAK_SECONDS={seconds}");
    let report = Soak {
        seed,
        sends: usize::try_from(sends).unwrap(),
        time: Duration::from_secs(seconds),
        tenants: 50,
        // One for each 15 s that it takes, or so.
        disturbances: usize::try_from(sends / 5_000).unwrap().max(4),
        transcript: env::var_os("SOAK_TRANSCRIPT").map(PathBuf::from),
        progress: true,
    }
    .run();
    println!("{report}");
    let wrong = report.wrong();
    for what in &wrong {
        println!("WRONG: {what}");
    }
    if wrong.is_empty() {
        println!("Exit code 0 was true, and so was every other.");
        return ExitCode::SUCCESS;
    }
    println!(
        "Again, with a transcript: SOAK_TRANSCRIPT=/tmp/soak SOAK_SEED={seed} SOAK_SENDS={sends} make soak"
    );
    ExitCode::FAILURE
}

/// The number in an environment variable.
fn number(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is not a number")),
        Err(_) => default,
    }
}
