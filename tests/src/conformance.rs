//! The conformance suite: whether an implementation of `publisher`, in whatever language, says the truth about its messages.
//!
//! A [`Program`] around it is judged by the scenarios of [`scenarios::TRUTH`](crate::scenarios::TRUTH), through its answers and
//! through what the scripted broker has seen of it. The program `conformance` runs the suite from a shell.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use crate::carrier::{Carrier, Version};
use crate::program::Program;
use crate::scenario::{Candidate as _, sample, side_by_side};
use crate::scenarios::{Setting, TRUTH};

/// By what a program is judged.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Over what. By default both versions of MQTT over TCP.
    pub carriers: Vec<Carrier>,
    /// How many scenarios of each family. By default 8.
    pub of_a_family: usize,
    /// Only families whose sentence holds this text. By default all.
    pub only: String,
}

impl Default for Suite {
    fn default() -> Self {
        Self {
            carriers: vec![Carrier::tcp(), Carrier::tcp().version_5()],
            of_a_family: 8,
            only: String::new(),
        }
    }
}

/// How many scenarios a program did right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Those it did right.
    pub passed: usize,
    /// All of them.
    pub of: usize,
}

impl Suite {
    /// The carriers with one of these names, each with both versions of MQTT: `tcp`, `ssl`, `ws`, `wss`.
    ///
    /// # Errors
    ///
    /// If a name is none of these; the text says so.
    pub fn over(names: &str) -> Result<Vec<Carrier>, String> {
        let mut carriers = Vec::new();
        for name in names.split(',') {
            let before = carriers.len();
            carriers.extend(Carrier::all().into_iter().filter(|carrier| carrier.scheme() == name));
            if carriers.len() == before {
                return Err(format!("{name:?} is none of tcp, ssl, ws, wss"));
            }
        }
        Ok(carriers)
    }

    /// The carriers of one version of MQTT.
    pub fn only_version(&mut self, version: Version) {
        self.carriers.retain(|carrier| carrier.version() == version);
    }

    /// Judges a program, and writes a line for each scenario: whether it passed, what was sent over what, and what was expected;
    /// then what came instead, if something else came. The last line is `N of M`.
    ///
    /// # Errors
    ///
    /// If a line cannot be written.
    pub fn run(&self, program: &Program, out: &mut dyn Write) -> io::Result<Score> {
        let setting = Setting::of(self.carriers.clone());
        let mut score = Score { passed: 0, of: 0 };
        for family in TRUTH {
            let sentence = family.name.replace('_', " ");
            if !sentence.contains(&self.only) {
                continue;
            }
            let scenarios = sample((family.scenarios)(&setting), self.of_a_family);
            let results: Vec<Mutex<Result<(), String>>> =
                scenarios.iter().map(|_| Mutex::new(Ok(()))).collect();
            side_by_side(
                program.at_a_time(),
                scenarios.iter().zip(&results).map(|(scenario, result)| {
                    || *result.lock().unwrap_or_else(PoisonError::into_inner) = scenario.judge_truth(program)
                }),
            );
            for (scenario, result) in scenarios.iter().zip(results) {
                let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
                let word = if result.is_ok() { "pass" } else { "FAIL" };
                writeln!(out, "{word}  {sentence}: {}: {}", scenario.title(), scenario.truth())?;
                if let Err(failure) = &result {
                    // The first line is the scenario again.
                    for line in failure.lines().skip(1) {
                        writeln!(out, "      {line}")?;
                    }
                }
                score.of += 1;
                score.passed += usize::from(result.is_ok());
            }
            out.flush()?;
        }
        writeln!(out, "{} of {}", score.passed, score.of)?;
        Ok(score)
    }
}
