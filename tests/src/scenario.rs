//! One description of a send to a broker that does what a script says, and of what the answer has to be: [`Scenario`]. Whoever
//! can send a message can be judged by it: a [`Candidate`], which a library is, a program
//! ([`Program`](crate::program::Program)), or a program of somebody else's.

pub mod words;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::carrier::Carrier;
use crate::pattern::fits;
use crate::record::Record;
use crate::script::ScriptedBrokerBuilder;
use crate::step::Step;

/// Who is judged: whatever sends one message when it is given a configuration and a request.
pub trait Candidate: Sync {
    /// Sends one message, and blocks until there is an answer.
    ///
    /// # Errors
    ///
    /// If what came is no answer; the text says what it was instead.
    fn send(&self, config: &Value, request: &Value) -> Result<Answer, String>;

    /// The timeout of a send whose broker says nothing, in milliseconds: long enough to come as far as that broker, however
    /// busy the machine is.
    fn short_timeout(&self) -> u32 {
        500
    }

    /// How much later than it has to be an answer may come; none where the time is not looked at.
    fn late(&self) -> Option<Duration> {
        None
    }

    /// How many sends to begin at a time.
    fn at_a_time(&self) -> usize {
        4
    }

    /// How a message that this candidate words in its own way has to be, of the message that others give.
    fn worded(&self, message: String) -> String {
        message
    }
}

/// The answer of a candidate: `meta` of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 0 is success; the README lists the others.
    pub exit_code: i32,
    /// What happened.
    pub message: String,
}

/// `exit code 74: Not sent, …`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}: {}", self.exit_code, self.message)
    }
}

/// A send to a scripted broker, and what came of it.
#[derive(Debug)]
pub struct Played {
    /// The answer, in which `BROKER` stands for the broker's URL.
    pub meta: Answer,
    /// How long the answer took.
    pub took: Duration,
    /// What the broker saw, and what did not go by its script.
    pub record: Record,
    carrier: String,
}

impl Played {
    /// Asserts the exit code and the whole message, a [pattern](crate::pattern).
    ///
    /// # Panics
    ///
    /// If they are others; the message holds the transcript.
    #[track_caller]
    pub fn assert(&self, exit_code: i32, message: &str) {
        if self.meta.exit_code != exit_code || !fits(&self.meta.message, message) {
            panic!(
                "over {}\nwanted exit code {exit_code}: {message}\n   got {}\n{}",
                self.carrier, self.meta, self.record
            );
        }
    }
}

/// Sends "x" to topic "t", or what `request` says, to a broker that is not started yet.
///
/// # Errors
///
/// If the candidate has no answer.
pub fn play(
    candidate: &dyn Candidate,
    carrier: &Carrier,
    broker: ScriptedBrokerBuilder,
    request: &Value,
) -> Result<Played, String> {
    let broker = broker.start();
    let request = with(&json!({ "topic": "t", "content": "x" }), request.clone());
    let config = carrier.config(broker.port());
    let started = Instant::now();
    let answer = candidate.send(&config, &request);
    let took = started.elapsed();
    let url = carrier.url(broker.port());
    let record = broker.finish_unchecked();
    let mut meta = answer.map_err(|why| format!("{why}\n{record}"))?;
    meta.message = meta.message.replace(&url, "BROKER");
    Ok(Played { meta, took, record, carrier: carrier.to_string() })
}

/// What has to come of a send.
#[derive(Clone)]
enum Expected {
    Answer {
        exit_code: i32,
        message: String,
    },
    /// Where chance decides: the exit codes that are right for what came.
    OneOf {
        message: &'static str,
        said: &'static str,
        right: Arc<Right>,
    },
}

/// Which exit codes are right for what came.
type Right = dyn Fn(&Played) -> Vec<i32> + Send + Sync;

/// What the time of an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    Any,
    /// The answer does not wait for the timeout.
    AtOnce,
    /// The timeout is the candidate's [`short_timeout`](Candidate::short_timeout), and when the answer comes is not looked at.
    Short,
    /// The same, and the answer comes with it.
    WithTheTimeout,
}

/// An answer that comes within the timeout of five seconds has not waited for it.
const AT_ONCE: Duration = Duration::from_secs(3);

/// The exit codes of a message that was not sent because something broke before.
const ENDED: [i32; 3] = [74, 76, 78];

/// Stands for the milliseconds of a short timeout in an expected message.
const TIMEOUT: &str = "TIMEOUT";

/// A send to a scripted broker, and what has to come of it.
#[derive(Clone)]
pub struct Scenario {
    carrier: Carrier,
    broker: ScriptedBrokerBuilder,
    request: Value,
    expected: Expected,
    time: Time,
}

impl Scenario {
    /// A broker on `carrier` with one script for each connection, which is sent "x" to topic "t", or what `request` says. The
    /// answer has to be [`sent`](words::sent) with QoS 2, as long as nothing else is said.
    #[must_use]
    pub fn new(carrier: &Carrier, scripts: impl IntoIterator<Item = Vec<Step>>, request: Value) -> Self {
        let broker = scripts.into_iter().fold(carrier.broker(), ScriptedBrokerBuilder::connection);
        Self::at(carrier, broker, request)
    }

    /// The same, at a broker that is more than its scripts.
    #[must_use]
    pub fn at(carrier: &Carrier, broker: ScriptedBrokerBuilder, request: Value) -> Self {
        let expected = Expected::Answer { exit_code: 0, message: words::sent(2) };
        Self { carrier: carrier.clone(), broker, request, expected, time: Time::Any }
    }

    /// The exit code and the message that it has to be answered with. The message is a [pattern](crate::pattern) in which
    /// `BROKER` is the broker's URL.
    #[must_use]
    pub fn answers(self, exit_code: i32, message: impl Into<String>) -> Self {
        Self { expected: Expected::Answer { exit_code, message: message.into() }, ..self }
    }

    /// That chance decides, the message as above, and which exit codes are right for what came; `said` tells people those.
    #[must_use]
    pub fn answers_one_of(
        self,
        message: &'static str,
        said: &'static str,
        right: impl Fn(&Played) -> Vec<i32> + Send + Sync + 'static,
    ) -> Self {
        Self { expected: Expected::OneOf { message, said, right: Arc::new(right) }, ..self }
    }

    /// That the answer does not wait for the timeout.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self { time: Time::AtOnce, ..self }
    }

    /// That the timeout is a short one: `TIMEOUT` in the message stands for its milliseconds.
    #[must_use]
    pub fn times_out(self) -> Self {
        Self { time: Time::Short, ..self }
    }

    /// The same, and that the answer comes neither before nor much later.
    #[must_use]
    pub fn with_the_timeout(self) -> Self {
        Self { time: Time::WithTheTimeout, ..self }
    }

    /// What is sent over what, without what has to come of it.
    #[must_use]
    pub fn title(&self) -> String {
        /// More of a request than that is content, and the same letter all over.
        const SHOWN: usize = 80;
        let request = self.request.to_string();
        let cut = if request.len() > SHOWN { "…" } else { "" };
        format!("{}, request {request:.SHOWN$}{cut}", self.carrier)
    }

    /// What [`judge_truth`](Self::judge_truth) expects, for people.
    #[must_use]
    pub fn truth(&self) -> String {
        match &self.expected {
            Expected::Answer { exit_code, .. } if ENDED.contains(exit_code) => {
                "exit code 74, 76 or 78".to_owned()
            }
            Expected::Answer { exit_code, .. } => format!("exit code {exit_code}"),
            Expected::OneOf { said, .. } => (*said).to_owned(),
        }
    }

    /// Sends, and compares what came with what has to: the exit code, the message, the time, and what the broker saw.
    ///
    /// # Errors
    ///
    /// If something else came; the text says what, and holds the transcript.
    pub fn judge(&self, candidate: &dyn Candidate) -> Result<(), String> {
        let played = self.play(candidate)?;
        let meta = &played.meta;
        let as_expected = match &self.expected {
            Expected::Answer { exit_code, message } => {
                let message = message.replace(TIMEOUT, &candidate.short_timeout().to_string());
                meta.exit_code == *exit_code && fits(&meta.message, &candidate.worded(message))
            }
            Expected::OneOf { message, right, .. } => {
                right(&played).contains(&meta.exit_code) && fits(&meta.message, message)
            }
        };
        self.verdict(candidate, &played, as_expected)
    }

    /// The same for a candidate with words of its own: it has to say what has become of the message, and the code where a
    /// broker has given one. Why a connection ended (74, 76, 78) is not asked of it.
    ///
    /// # Errors
    ///
    /// If something else came; the text says what, and holds the transcript.
    pub fn judge_truth(&self, candidate: &dyn Candidate) -> Result<(), String> {
        let played = self.play(candidate)?;
        let is = |exit_code: i32| {
            played.meta.exit_code == exit_code
                || ENDED.contains(&exit_code) && ENDED.contains(&played.meta.exit_code)
        };
        let as_expected = match &self.expected {
            Expected::Answer { exit_code, .. } => is(*exit_code),
            Expected::OneOf { right, .. } => right(&played).into_iter().any(is),
        };
        self.verdict(candidate, &played, as_expected)
    }

    fn play(&self, candidate: &dyn Candidate) -> Result<Played, String> {
        let timeout = match self.time {
            Time::Short | Time::WithTheTimeout => json!({ "timeout": candidate.short_timeout() }),
            Time::Any | Time::AtOnce => json!({}),
        };
        play(candidate, &self.carrier, self.broker.clone(), &with(&self.request, timeout))
            .map_err(|why| format!("{self}\n  {why}"))
    }

    fn verdict(&self, candidate: &dyn Candidate, played: &Played, as_expected: bool) -> Result<(), String> {
        let fault = if !as_expected {
            "it is answered otherwise"
        } else if !played.record.problems.is_empty() {
            "it did not go by the script"
        } else if !self.is_in_time(candidate, played.took) {
            "it is answered too soon or too late"
        } else {
            return Ok(());
        };
        Err(format!("{self}\n  {fault}, after {:?}: {}\n{}", played.took, played.meta, played.record))
    }

    fn is_in_time(&self, candidate: &dyn Candidate, took: Duration) -> bool {
        let Some(late) = candidate.late() else { return true };
        let timeout = Duration::from_millis(candidate.short_timeout().into());
        match self.time {
            Time::Any | Time::Short => true,
            Time::AtOnce => took < AT_ONCE,
            Time::WithTheTimeout => (timeout..=timeout + late).contains(&took),
        }
    }
}

/// `MQTT 5 over wss, request {"qos":1}: exit code 74: Not sent, …`.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.title())?;
        match &self.expected {
            Expected::Answer { exit_code, message } => write!(f, "exit code {exit_code}: {message}"),
            Expected::OneOf { said, .. } => write!(f, "{said}"),
        }
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Judges a candidate by all of `scenarios`.
///
/// # Panics
///
/// If it does not do in each what it has to; the message has all of them.
#[track_caller]
pub fn judge(candidate: &dyn Candidate, scenarios: &[Scenario]) {
    assert!(!scenarios.is_empty(), "nothing to judge by");
    let failures = Mutex::new(Vec::new());
    side_by_side(
        candidate.at_a_time(),
        scenarios.iter().map(|scenario| {
            || {
                if let Err(failure) = scenario.judge(candidate) {
                    failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                }
            }
        }),
    );
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(
        failures.is_empty(),
        "{} of {} scenarios:\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n")
    );
}

/// As many of `scenarios` as that, chosen at random, and each time the same: what is left of them for a candidate with whom each
/// takes long.
#[must_use]
pub fn sample(mut scenarios: Vec<Scenario>, at_most: usize) -> Vec<Scenario> {
    fastrand::Rng::with_seed(20_261_129).shuffle(&mut scenarios);
    scenarios.truncate(at_most);
    scenarios
}

/// Runs what mostly waits, so many at a time: more of them would keep each other waiting.
pub fn side_by_side<T: FnOnce() + Send>(at_a_time: usize, tests: impl IntoIterator<Item = T>) {
    let tests: Mutex<VecDeque<T>> = Mutex::new(tests.into_iter().collect());
    let next = || tests.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some(test) = next() {
                    test();
                }
            });
        }
    });
}

/// `first` with the members of `second` over it.
#[must_use]
pub fn with(first: &Value, second: Value) -> Value {
    let mut all = first.clone();
    if let (Value::Object(all), Value::Object(second)) = (&mut all, second) {
        all.extend(second);
    }
    all
}
