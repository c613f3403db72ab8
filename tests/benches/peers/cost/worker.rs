//! One process that measures: each way of a case in turns, and what each took goes to standard output, a line of JSON each.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::Connector;
use mqtt_connector_tests::Mosquitto;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

use super::ways::{Clients, Tenants, Work, check, send_raw, send_raw_and_close};
use super::{BATCHES, CHECK, CLOSED, IN_FLIGHT, MANY, MORE, NATIVE, OWN, RAW, Sample, case, on_threads};
use crate::batches::{self, Batch, Sender};
use crate::raw::Raw;
use crate::service::{current_thread, multi_thread};
use crate::settings;

/// How long each way sends in a round.
const SLICE: Duration = Duration::from_millis(100);

/// Clock ticks of `/proc/PID/stat`, in a second: what Linux has for every program.
const TICKS: f64 = 100.0;

/// A name, and what sends messages and says how many.
type Way<'a> = (String, Box<dyn FnMut() -> u64 + 'a>);

/// Measures all cases with so many rounds. `threads` are the numbers of the runtimes' threads.
pub(crate) fn run(rounds: usize, threads: &[usize]) {
    let broker = Mosquitto::builder().quiet_log().start();
    let measure = Measure { pid: broker.pid(), rounds, only: settings::only_case() };
    let port = broker.port();
    let connector = connector(Duration::from_secs(3600));
    let runtimes: Vec<_> = threads
        .iter()
        .map(|threads| (*threads, Arc::new(if *threads == 1 { current_thread() } else { multi_thread() })))
        .collect();
    let mut raw = Raw::connect(port, "raw");
    for tenants in [1, MANY, MORE] {
        let senders: Vec<_> = runtimes
            .iter()
            .map(|(threads, runtime)| {
                let own =
                    Tenants::new(runtime, &connector, port, &format!("own-{threads}-{tenants}"), tenants);
                let native = Clients::new(runtime, port, &format!("native-{threads}-{tenants}"), tenants);
                (on_threads(OWN, *threads), own, on_threads(NATIVE, *threads), native)
            })
            .collect();
        for (_, own, _, native) in &senders {
            let each = 2 * tenants as u64;
            own.send(tenants.min(16), &Work::of(each));
            native.send(tenants.min(16), &Work::of(each));
        }
        for in_flight in IN_FLIGHT.into_iter().filter(|in_flight| tenants < MORE || *in_flight == 64) {
            let mut ways: Vec<Way<'_>> = Vec::new();
            for (own_name, own, native_name, native) in &senders {
                let own_sends = move || own.send(in_flight, &Work::during(SLICE));
                ways.push((own_name.clone(), Box::new(own_sends)));
                let native_sends = move || native.send(in_flight, &Work::during(SLICE));
                ways.push((native_name.clone(), Box::new(native_sends)));
            }
            if tenants == 1 {
                ways.push((RAW.to_owned(), Box::new(|| send_raw(&mut raw, in_flight, &Work::during(SLICE)))));
            }
            measure.case(&case(tenants, in_flight), ways);
        }
    }
    let runtime = Arc::new(current_thread());
    measure.case(CLOSED, closed(&runtime, port));
    let checks = || check(&runtime, &connector, &Work::during(SLICE));
    measure.case(CHECK, vec![(OWN.to_owned(), Box::new(checks))]);
    lines(measure, &runtime);
}

/// A connector with `idle` as the time for which a connection stays open.
pub(super) fn connector(idle: Duration) -> Arc<Connector> {
    Arc::new(Connector::builder().idle(idle).build().unwrap())
}

/// A connection for one message.
fn closed(runtime: &Arc<Runtime>, port: u16) -> Vec<Way<'static>> {
    let own = Tenants::new(runtime, &connector(Duration::ZERO), port, "own-closed", 1);
    vec![
        (OWN.to_owned(), Box::new(move || own.send_and_close(&Work::during(SLICE)))),
        (RAW.to_owned(), Box::new(move || send_raw_and_close(port, &Work::during(SLICE)))),
    ]
}

/// Batches, from the start of the process, or before the connection, to the end.
fn lines(measure: Measure, runtime: &Runtime) {
    let broker = batches::broker(true).start();
    let measure = Measure { pid: broker.pid(), ..measure };
    let sender = Sender::new(runtime, None);
    for (name, qos, count, size, peer) in BATCHES {
        if !measure.wants(name) {
            continue;
        }
        let batch = Batch::new(qos, count, size);
        let wanted = [batches::LINES, peer];
        let ways = sender.ways(broker.port(), &batch).into_iter();
        let ways = ways.filter(|(way, _)| wanted.contains(way)).map(|(way, mut send)| -> Way<'_> {
            let sends = move || {
                send();
                count as u64
            };
            (way.to_owned(), Box::new(sends))
        });
        measure.case(name, ways.collect());
    }
}

/// Takes what a way has used.
struct Measure {
    /// The broker's process.
    pid: u32,
    rounds: usize,
    /// What the names of the cases have in them that are measured.
    only: String,
}

impl Measure {
    /// Each way once per round, in turns; one round before that does not count.
    fn case(&self, name: &str, mut ways: Vec<Way<'_>>) {
        if !self.wants(name) {
            return;
        }
        for round in 0..=self.rounds {
            for (way, send) in &mut ways {
                let sample = self.sample(send);
                if round > 0 {
                    println!("{}", sample.to_line(name, way));
                }
            }
        }
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    fn sample(&self, send: &mut dyn FnMut() -> u64) -> Sample {
        let before = (own_time(), broker_time(self.pid), Instant::now());
        let count = send() as f64;
        let elapsed = before.2.elapsed().as_secs_f64();
        Sample {
            own: (own_time() - before.0) * 1e6 / count,
            broker: (broker_time(self.pid) - before.1) * 1e6 / count,
            rate: count / elapsed / 1e3,
        }
    }
}

/// Processor time of this process and of those that it has started and waited for, user and system, in seconds.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn own_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name in parentheses, which may hold anything; see proc(5), cutime and cstime.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let children: f64 =
        fields.split_whitespace().skip(13).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9 + children / TICKS
}

/// Processor time of the broker, which has one thread, in seconds.
fn broker_time(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
