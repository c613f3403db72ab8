//! What was answered and what arrived, message by message.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI16, AtomicU8, AtomicUsize, Ordering};

use mqtt_connector::Meta;
use mqtt_connector_tests::packet::Publish;

use super::planned::Planned;

/// The exit code that says that a message may have arrived.
const UNCERTAIN: i16 = 79;
/// No answer.
const NONE: i16 = -1;
/// Offenders that are worth telling of.
const SOME: usize = 10;

/// All messages of a soak. It takes all its memory when it is made, so that what grows meanwhile is something else.
pub(super) struct Ledger {
    seed: u64,
    tenants: usize,
    entries: Vec<Entry>,
    arrived: AtomicUsize,
    garbled: Mutex<Vec<String>>,
}

struct Entry {
    /// The exit code.
    answer: AtomicI16,
    arrivals: AtomicU8,
}

/// What is promised of messages of one kind.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Whether a message with exit code 0 must have arrived.
    pub(super) certain: bool,
    /// Whether none may arrive twice.
    pub(super) once: bool,
    is: fn(&Planned) -> bool,
}

/// The kinds, each message being of one.
const KINDS: [Kind; 5] = [
    // Written to the socket is all that exit code 0 says.
    Kind { name: "0", certain: false, once: true, is: |planned| planned.qos == 0 },
    Kind {
        name: "1 clean",
        certain: true,
        once: false,
        is: |planned| planned.qos == 1 && !planned.persistent,
    },
    Kind {
        name: "1 persistent",
        certain: true,
        once: false,
        is: |planned| planned.qos == 1 && planned.persistent,
    },
    Kind {
        name: "2 clean",
        certain: true,
        once: true,
        is: |planned| planned.qos == 2 && !planned.persistent,
    },
    Kind {
        name: "2 persistent",
        certain: true,
        once: true,
        is: |planned| planned.qos == 2 && planned.persistent,
    },
];

/// The messages of one kind, counted.
pub(super) struct Row {
    pub(super) kind: &'static Kind,
    pub(super) sent: usize,
    /// By exit code.
    pub(super) answers: BTreeMap<i16, usize>,
    pub(super) arrived: usize,
    /// Exit code 0, and did not arrive.
    pub(super) missing: usize,
    /// An exit code that says that the message did not arrive, and it did.
    pub(super) denied: usize,
    /// Arrived more than once.
    pub(super) repeated: usize,
}

impl Ledger {
    pub(super) fn new(seed: u64, sends: usize, tenants: usize) -> Self {
        let entry = |_| Entry { answer: AtomicI16::new(NONE), arrivals: AtomicU8::new(0) };
        let entries = (0..sends).map(entry).collect();
        Self { seed, tenants, entries, arrived: AtomicUsize::new(0), garbled: Mutex::default() }
    }

    pub(super) fn planned(&self, number: usize) -> Planned {
        Planned::new(self.seed, number, self.tenants)
    }

    /// The send of this message was answered.
    pub(super) fn answered(&self, number: usize, meta: &Meta) {
        // The reason code of a DISCONNECT may be that of a message which has arrived.
        let is_uncertain = meta.exit_code >= 128 && meta.message.contains("may have arrived.");
        let answer = if is_uncertain { UNCERTAIN } else { meta.exit_code.try_into().unwrap() };
        self.entries[number].answer.store(answer, Ordering::Relaxed);
    }

    /// The message arrived.
    pub(super) fn count(&self, publish: &Publish) {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let number = Planned::number(&publish.payload).filter(|number| *number < self.entries.len());
        let right = number.filter(|number| {
            let planned = self.planned(*number);
            publish.topic == planned.topic()
                && publish.qos == planned.qos
                && publish.payload == planned.content().as_bytes()
        });
        match right {
            Some(number) => {
                let arrivals = &self.entries[number].arrivals;
                arrivals.store(arrivals.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
            }
            None => {
                let start = publish.payload[..publish.payload.len().min(40)].escape_ascii();
                let what =
                    format!("a message that was not sent: {} QoS {} {start}", publish.topic, publish.qos);
                self.garbled.lock().unwrap().push(what);
            }
        }
    }

    /// How many messages arrived so far, each as often as it did.
    pub(super) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    /// What arrived and is no message of this soak.
    pub(super) fn garbled(&self) -> Vec<String> {
        self.garbled.lock().unwrap().clone()
    }

    /// The messages by kind.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |kind| {
            let answers = BTreeMap::new();
            Row { kind, sent: 0, answers, arrived: 0, missing: 0, denied: 0, repeated: 0 }
        };
        let mut rows: Vec<Row> = KINDS.iter().map(row).collect();
        self.visit(|kind, _, answer, arrivals| {
            let row = &mut rows[kind];
            if answer == NONE {
                return;
            }
            row.sent += 1;
            *row.answers.entry(answer).or_default() += 1;
            row.arrived += usize::from(arrivals > 0);
            row.missing += usize::from(answer == 0 && arrivals == 0);
            row.denied += usize::from(answer != 0 && answer != UNCERTAIN && arrivals > 0);
            row.repeated += usize::from(arrivals > 1);
        });
        rows
    }

    /// Some of the messages that break a promise.
    pub(super) fn offenders(&self) -> Vec<String> {
        let mut offenders = Vec::new();
        self.visit(|kind, number, answer, arrivals| {
            let kind = &KINDS[kind];
            let broken = (kind.certain && answer == 0 && arrivals == 0)
                || (answer != 0 && answer != UNCERTAIN && arrivals > 0)
                || (kind.once && arrivals > 1);
            if broken && offenders.len() < SOME {
                let planned = self.planned(number);
                offenders.push(format!(
                    "message {number} ({planned}): exit code {answer}, arrived {arrivals} times"
                ));
            }
        });
        offenders
    }

    /// Hands every message to `see`: its kind, number, answer and arrivals.
    fn visit(&self, mut see: impl FnMut(usize, usize, i16, u8)) {
        for (number, entry) in self.entries.iter().enumerate() {
            let planned = self.planned(number);
            let kind = KINDS.iter().position(|kind| (kind.is)(&planned)).unwrap();
            see(kind, number, entry.answer.load(Ordering::Relaxed), entry.arrivals.load(Ordering::Relaxed));
        }
    }
}

impl Row {
    /// How many got this answer.
    pub(super) fn answered(&self, exit_code: i16) -> usize {
        self.answers.get(&exit_code).copied().unwrap_or_default()
    }
}
