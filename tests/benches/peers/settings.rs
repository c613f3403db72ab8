//! How much is measured: the environment says, so that a first look takes a minute.

use std::env;
use std::path::PathBuf;

/// Bounds of a run.
pub(crate) struct Settings {
    /// Rounds of one-shot processes; the other sections are scaled with it.
    pub(crate) rounds: usize,
    /// Lines of 64 bytes in a batch; at QoS 0 five times as many, of 16 KiB a tenth.
    pub(crate) lines: usize,
    /// The most tenants.
    pub(crate) tenants: usize,
    /// Executions that wait while the memory of the service is measured.
    pub(crate) executions: u64,
    /// The sections to measure; when empty, all but `cost`, which `make bench` has run before.
    only: Vec<String>,
}

impl Settings {
    /// From `BENCH_ROUNDS` (60), `BENCH_LINES` (50000), `BENCH_TENANTS` (1000), `BENCH_EXECUTIONS` (1000000) and
    /// `BENCH_ONLY` (names of sections, with commas between them; all).
    ///
    /// # Panics
    ///
    /// If one is not a number, or names no section.
    pub(crate) fn from_environment() -> Self {
        let only = env::var("BENCH_ONLY").unwrap_or_default();
        let only: Vec<_> = only.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        for name in &only {
            assert!(SECTIONS.contains(&name.as_str()), "BENCH_ONLY is {name:?}; there are {SECTIONS:?}");
        }
        Self {
            rounds: number("BENCH_ROUNDS", 60).max(2),
            lines: number("BENCH_LINES", 50_000).max(100),
            tenants: number("BENCH_TENANTS", 1000).max(10),
            executions: number("BENCH_EXECUTIONS", 1_000_000) as u64,
            only,
        }
    }

    /// Whether only the cost of a send is to be measured.
    pub(crate) fn is_cost(&self) -> bool {
        self.only == [COST]
    }

    /// Whether the section `name` is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        (self.only.is_empty() && name != COST) || self.only.iter().any(|only| only == name)
    }

    /// Rounds of what takes about a second each.
    pub(crate) fn few_rounds(&self) -> usize {
        (self.rounds / 10).max(2)
    }

    /// How to repeat this run.
    pub(crate) fn shown(&self) -> String {
        let only =
            if self.only.is_empty() { String::new() } else { format!(" BENCH_ONLY={}", self.only.join(",")) };
        let Self { rounds, lines, tenants, executions, .. } = self;
        format!(
            "BENCH_ROUNDS={rounds} BENCH_LINES={lines} BENCH_TENANTS={tenants} BENCH_EXECUTIONS={executions}{only} make bench"
        )
    }
}

/// From `BENCH_CASE` (all): what the names of the cases of the section `cost` have in them that are measured.
pub(crate) fn only_case() -> String {
    env::var("BENCH_CASE").unwrap_or_default()
}

/// The sections, as `BENCH_ONLY` names them.
const SECTIONS: [&str; 9] =
    [COST, "one-shot", "service", "connections", "batches", "tenants", "wasmtime", "http", "executions"];

/// The section that `make bench` runs first, in a process of its own.
pub(crate) const COST: &str = "cost";

/// Where the report goes.
pub(crate) fn directory() -> PathBuf {
    // Cargo's directory for what tests and benchmarks leave behind is target/tmp.
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench")
}

fn number(name: &str, default: usize) -> usize {
    match env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is not a number")),
        Err(_) => default,
    }
}
