//! The cost of a send: processor time, instructions and throughput, beside native clients and the broker's own cost.
//!
//! Wall time between two cores says mostly where the kernel put client and broker; processor time says what a platform
//! pays. Each run is a process of its own ([`worker`]), pinned to one core together with its broker, or free to use all.

pub(crate) mod instructions;
mod ways;
pub(crate) mod worker;

use std::process::{Command, Stdio};
use std::{env, thread};

use serde_json::{Value, json};

use crate::batches;
use crate::measure::{Bound, Target, quantile};
use crate::report::{self, Section};
use crate::settings::Settings;

const OWN: &str = "connector";
const NATIVE: &str = "rumqttc";
const RAW: &str = "raw socket";

/// Messages under way at one time.
const IN_FLIGHT: [usize; 4] = [1, 16, 64, 256];

/// Tenants, beside a single one.
const MANY: usize = 100;
const MORE: usize = 1000;

const CLOSED: &str = "a connection for one message";
const CHECK: &str = "`check`, AWS IoT";

/// Lines in one go: a name, the quality of service, how many, of how many bytes, and who is beside it.
const BATCHES: [(&str, u8, usize, usize, &str); 4] = [
    ("lines, QoS 0", 0, 150_000, 64, batches::PUB),
    ("lines, QoS 1", 1, 50_000, 64, batches::RAW),
    ("lines, QoS 2", 2, 50_000, 64, batches::RAW),
    ("lines of 16 KiB, QoS 1", 1, 5_000, 16 * 1024, batches::NATIVE),
];

/// The argument with which this program is started as a [`worker`]; rounds and numbers of threads follow.
pub(crate) const WORKER: &str = "worker";

/// What one round of one way has used.
struct Sample {
    /// Microseconds of processor time for a message: of the client, and of the broker.
    own: f64,
    broker: f64,
    /// Thousand messages in a second.
    rate: f64,
}

/// Where a run has its processes.
#[derive(Clone, Copy)]
struct Placement {
    name: &'static str,
    is_pinned: bool,
    /// Threads of the runtimes.
    threads: &'static [usize],
}

const PLACEMENTS: [Placement; 2] = [
    Placement { name: "pinned", is_pinned: true, threads: &[1] },
    Placement { name: "free", is_pinned: false, threads: &[1, 2] },
];

/// What was measured of one way of one case.
struct Row {
    case: String,
    way: String,
    /// Those of each run.
    samples: Vec<Vec<Sample>>,
}

/// What all runs of one placement have measured.
struct Runs {
    placement: Placement,
    rows: Vec<Row>,
}

impl Sample {
    fn to_line(&self, case: &str, way: &str) -> String {
        let Self { own, broker, rate } = self;
        json!({ "case": case, "way": way, "own": own, "broker": broker, "rate": rate }).to_string()
    }

    /// The case, the way, and the sample that a line holds.
    fn of_line(line: &str) -> Option<(String, String, Self)> {
        let document: Value = serde_json::from_str(line).ok()?;
        let number = |name: &str| document[name].as_f64();
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        let sample = Self { own: number("own")?, broker: number("broker")?, rate: number("rate")? };
        Some((text("case")?, text("way")?, sample))
    }
}

pub(crate) fn measure(settings: &Settings) -> Section {
    // Three runs, unless less is asked for.
    let runs = (settings.rounds / 20).clamp(1, 10);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let placements = PLACEMENTS.into_iter().filter(|placement| placement.is_pinned || cores > 1);
    let mut all: Vec<_> = placements.map(|placement| Runs { placement, rows: Vec::new() }).collect();
    for run in 0..runs {
        for measured in &mut all {
            eprintln!("bench: cost, {}, run {} of {runs}", measured.placement.name, run + 1);
            measured.run(run);
        }
    }
    let (mut rows, mut targets) = (vec![HEAD.map(str::to_owned).to_vec()], Vec::new());
    for measured in &all {
        rows.extend(measured.table());
        targets.extend(goals(measured));
    }
    eprintln!("bench: cost, instructions");
    let notes =
        instructions::count().unwrap_or_else(|why| vec![format!("Instructions are not counted: {why}")]);
    Section {
        name: "cost",
        title: "The cost of a send",
        about: format!(
            "Processor time, user and system, of the client's process for one message, and of the broker's; QoS 1 and 64 \
             bytes where nothing else is said, every message acknowledged and every answer checked. {runs} runs of a \
             process of its own, in turns: pinned to one core together with its broker, on a runtime with one thread; and \
             free to use {cores}, with one thread and with two. rumqttc has as many tasks, each of which waits for its \
             acknowledgement; the raw socket writes prepared packets and has as many unacknowledged. Lines are counted from \
             the start of the process to its end. Medians, and quartiles of processor time; in the targets, the smallest \
             and largest median of a run.\n{}",
            report::table(&rows)
        ),
        cases: Vec::new(),
        targets,
        notes,
    }
}

impl Runs {
    /// Runs a worker to its end.
    fn run(&mut self, run: usize) {
        let (program, Placement { is_pinned, threads, .. }) = (env::current_exe().unwrap(), self.placement);
        let mut command = if is_pinned {
            let mut command = Command::new("taskset");
            command.args(["-c", &first_core()]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args([WORKER, "3"]).args(threads.iter().map(usize::to_string));
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{command:?} failed: {}", output.status);
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let (case, way, sample) = Sample::of_line(line).unwrap_or_else(|| panic!("{line:?}"));
            self.add(run, case, way, sample);
        }
    }

    fn add(&mut self, run: usize, case: String, way: String, sample: Sample) {
        let at = self.rows.iter().position(|row| row.case == case && row.way == way);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row { case, way, samples: Vec::new() });
            self.rows.len() - 1
        });
        let samples = &mut self.rows[at].samples;
        samples.resize_with(samples.len().max(run + 1), Vec::new);
        samples[run].push(sample);
    }

    fn find(&self, case: &str, way: &str) -> Option<&[Vec<Sample>]> {
        let row = self.rows.iter().find(|row| row.case == case && row.way == way);
        row.map(|row| row.samples.as_slice())
    }

    fn table(&self) -> impl Iterator<Item = Vec<String>> {
        self.rows.iter().map(|Row { case, way, samples }| {
            let all: Vec<_> = samples.iter().flatten().map(|sample| sample.own).collect();
            let own = |sample: &Sample| sample.own;
            let beside = |peer: &str| {
                let peer = self.find(case, peer).filter(|_| peer != way)?;
                Some(format!("{:.2}", median(samples, own) / median(peer, own)))
            };
            let [low, high] = [0.25, 0.75].map(|q| report::number(quantile(&all, q)));
            vec![
                self.placement.name.to_owned(),
                case.clone(),
                way.clone(),
                report::number(median(samples, own)),
                format!("{low} to {high}"),
                beside(RAW).unwrap_or_default(),
                beside(&way.replace(OWN, NATIVE)).unwrap_or_default(),
                report::number(median(samples, |sample| sample.rate)),
                report::number(median(samples, |sample| sample.broker)),
            ]
        })
    }

    /// A target about two ways, each of which is a case and a way.
    fn ratio(
        &self,
        of: fn(&Sample) -> f64,
        what: &str,
        own: (&str, &str),
        peer: (&str, &str),
        bound: Bound,
    ) -> Option<Target> {
        let (own_runs, peer_runs) = (self.find(own.0, own.1)?, self.find(peer.0, peer.1)?);
        let ratio = |own: &[Vec<Sample>], peer: &[Vec<Sample>]| median(own, of) / median(peer, of);
        let each = own_runs.chunks(1).zip(peer_runs.chunks(1)).map(|(own, peer)| ratio(own, peer));
        let beside = if own.0 == peer.0 { peer.1 } else { peer.0 };
        let what = format!("{}, {}: {}, {what}, × {beside}", self.placement.name, own.0, own.1);
        Some(target(&what, ratio(own_runs, peer_runs), each, bound))
    }

    fn microseconds(&self, case: &str, bound: f64) -> Option<Target> {
        let runs = self.find(case, OWN)?;
        let own = |sample: &Sample| sample.own;
        let each = runs.chunks(1).map(|run| median(run, own));
        let what = format!("{}, {case}: µs of processor time", self.placement.name);
        Some(target(&what, median(runs, own), each, Bound::AtMost(bound)))
    }
}

/// The first core that this process may use.
fn first_core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    cores.split([',', '-']).next().unwrap().to_owned()
}

/// The name of a case.
fn case(tenants: usize, in_flight: usize) -> String {
    match tenants {
        1 => format!("one tenant, {in_flight} in flight"),
        _ => format!("{tenants} tenants, {in_flight} in flight"),
    }
}

/// The name of a way on a runtime with so many threads.
fn on_threads(way: &str, threads: usize) -> String {
    format!("{way}, {threads} {}", if threads == 1 { "thread" } else { "threads" })
}

const HEAD: [&str; 9] =
    ["where", "case", "way", "µs", "quartiles", "× raw socket", "× rumqttc", "k/s", "broker, µs"];

/// The median over all runs.
fn median(runs: &[Vec<Sample>], of: fn(&Sample) -> f64) -> f64 {
    quantile(&runs.iter().flatten().map(of).collect::<Vec<_>>(), 0.5)
}

/// What is promised, each with the spread over the runs.
fn goals(runs: &Runs) -> Vec<Target> {
    let own: fn(&Sample) -> f64 = |sample| sample.own;
    let rate: fn(&Sample) -> f64 = |sample| sample.rate;
    let mut targets = Vec::new();
    for threads in runs.placement.threads {
        let (way, native) = (on_threads(OWN, *threads), on_threads(NATIVE, *threads));
        let (one, many, more) = (case(1, 64), case(MANY, 64), case(MORE, 64));
        let of =
            |case: &str, of, what, peer: (&str, &str), bound| runs.ratio(of, what, (case, &way), peer, bound);
        let first = case(1, 1);
        targets.extend(of(&first, own, "processor time", (&first, RAW), Bound::AtMost(2.5)));
        targets.extend(of(&one, own, "processor time", (&one, &native), Bound::AtMost(1.5)));
        targets.extend(of(&one, rate, "throughput", (&one, &native), Bound::AtLeast(0.7)));
        targets.extend(of(&many, rate, "throughput", (&many, &native), Bound::AtLeast(0.5)));
        targets.extend(of(&more, rate, "throughput", (&many, &way), Bound::AtLeast(0.8)));
    }
    targets.extend(runs.ratio(own, "processor time", (CLOSED, OWN), (CLOSED, RAW), Bound::AtMost(1.5)));
    targets.extend(runs.microseconds(CHECK, 8.0));
    for (name, qos, _, size, peer) in BATCHES {
        let bound = match (qos, size) {
            (0, _) => 1.0,
            (_, 64) => 0.9,
            _ => 0.7,
        };
        let own = (name, batches::LINES);
        targets.extend(runs.ratio(rate, "throughput", own, (name, peer), Bound::AtLeast(bound)));
    }
    targets
}

fn target(what: &str, measured: f64, each: impl Iterator<Item = f64>, bound: Bound) -> Target {
    let each: Vec<_> = each.collect();
    let [low, high] = [0.0, 1.0].map(|q| quantile(&each, q));
    Target { what: format!("{what} ({low:.2} to {high:.2})"), measured, bound }
}
