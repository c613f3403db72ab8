//! A service that is killed at random moments, while others submit and the broker restarts; and one whose disk is full. Started again by itself with
//! `carry-out`, this program is the service.
//!
//! `SOAK_EXECUTIONS` (800) and `SOAK_SEED` (random, and printed) say how much; `make soak-service` takes 100,000.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod arrivals;
#[path = "../shown/bars.rs"]
mod bars;
mod disk;
mod ledger;
mod node;
#[path = "../shown/over_time.rs"]
mod over_time;
mod service;
mod soak;

use std::env;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, command, store, port] = &arguments[..]
        && command == service::COMMAND
    {
        return service::carry_out(Path::new(store), port.parse().unwrap());
    }
    disk::a_full_disk_loses_nothing();
    println!("a full disk loses nothing ... ok");
    disk::a_log_that_may_not_grow_is_emptied();
    println!("a log that may not grow is emptied ... ok");
    let (seed, executions) =
        (number("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..)), number("SOAK_EXECUTIONS"));
    let executions = executions.map_or(800, |executions| usize::try_from(executions).unwrap());
    let (report, over_time) = soak::Soak { seed, executions }.run();
    println!(
        "every execution that was accepted ends in one state, which is true ... ok\n\n{report}\n{over_time}"
    );
}

/// The number in an environment variable.
fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is not a number")))
}
