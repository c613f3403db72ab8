//! Whether the exit codes are true: many sends over a bad network to a broker that comes and goes, and a count of what
//! arrived. A short one is the test here, a long one `make soak`.
//!
//! The broker is stopped in order (SIGTERM) and started again, and frozen and thawed. It is not killed: mosquitto
//! acknowledges messages before it saves them, so that what a SIGKILL loses is the broker's loss, whatever the
//! connector does.

use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_tests::{Collector, Faults, Mosquitto, Proxy};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

#[path = "soak/ledger.rs"]
mod ledger;
#[path = "../shown/over_time.rs"]
pub(crate) mod over_time;
#[path = "soak/planned.rs"]
mod planned;
#[path = "soak/report.rs"]
mod report;
#[path = "soak/resources.rs"]
mod resources;

use crate::runtime::two_workers;
use ledger::Ledger;
use over_time::OverTime;
pub(crate) use report::Report;
use resources::Resources;

/// Sends that each tenant has under way: as many as it has client identifiers, though some will meet at one.
const WORKERS: usize = 4;
/// Where the messages go; the tenant follows.
const TOPIC: &str = "soak";
/// Where the message goes that says that all others were delivered.
const MARKER: &str = "soak/marker";
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);
/// How long the end of anything may take on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be done.
pub(crate) struct Soak {
    /// Decides what is sent, and what the network does.
    pub(crate) seed: u64,
    /// How many messages.
    pub(crate) sends: usize,
    /// No further send is begun after this.
    pub(crate) time: Duration,
    /// How many tenants send them.
    pub(crate) tenants: usize,
    /// How often the broker is restarted or frozen; first it is restarted.
    pub(crate) disturbances: usize,
    /// Where every step of the network is written to.
    pub(crate) transcript: Option<PathBuf>,
    /// Whether there is a line on standard error every 10 s.
    pub(crate) progress: bool,
}

/// What the sends share.
struct Field {
    soak: Soak,
    connector: Connector,
    proxy: Proxy,
    broker: Mosquitto,
    ledger: Arc<Ledger>,
    tenants: Vec<Arc<Tenant>>,
    deadline: Instant,
    settled: watch::Sender<usize>,
    over_time: Mutex<OverTime>,
}

/// What is done to the broker.
const RESTARTED: &str = "broker restarted";
const FROZEN: &str = "broker frozen";

impl Soak {
    /// Does it, and counts.
    pub(crate) fn run(self) -> Report {
        let started = Instant::now();
        let (seed, sends, deadline) = (self.seed, self.sends, started + self.time);
        let runtime = two_workers();
        let broker = Mosquitto::builder().persistence_when_stopped().quiet_log().start();
        let ledger = Arc::new(Ledger::new(seed, sends, self.tenants));
        let (collected, markers) = collect(&ledger, broker.port());
        // The engine's first pool opens /proc/self/pagemap, and the process keeps it.
        drop(Connector::new().unwrap());
        let before = Resources::now(&runtime);

        let faults = Faults { longest_stall: Duration::from_secs(3), ..Faults::default() };
        let proxy = match &self.transcript {
            Some(path) => Proxy::with_transcript(broker.address(), seed, faults, path),
            None => Proxy::start(broker.address(), seed, faults),
        };
        let mut limits = Limits::default();
        limits.messages_per_second = Limits::MOST.messages_per_second;
        let tenant = |number| {
            let tenant =
                Tenant::builder(format!("tenant-{number}")).broker("tcp://127.0.0.1:*".parse().unwrap());
            Arc::new(tenant.topics("soak/#".parse().unwrap()).limits(limits).build())
        };
        let tenants = (0..self.tenants).map(tenant).collect();
        let connector = Connector::new().unwrap();
        let settled = watch::channel(0).0;
        let field = Arc::new(Field {
            soak: self,
            connector,
            proxy,
            broker,
            ledger: Arc::clone(&ledger),
            tenants,
            deadline,
            settled,
            over_time: Mutex::new(OverTime::begin("sends", &[RESTARTED, FROZEN])),
        });

        let warm = (sends / 10).min(5000);
        field.send_all(&runtime, 0..warm);
        let warmed_up = Resources::now(&runtime);
        let disturber = thread::spawn({
            let (field, runtime) = (Arc::clone(&field), runtime.handle().clone());
            move || field.disturb(&runtime, warm)
        });
        field.send_all(&runtime, warm..sends);
        field.settled.send_replace(usize::MAX);
        let (restarts, freezes) = disturber.join().unwrap();
        let took = started.elapsed();
        let idle = Resources::now(&runtime);

        let Field { connector, proxy, broker, over_time, .. } = Arc::into_inner(field).unwrap();
        runtime.block_on(connector.close());
        drop(connector);
        let happened = proxy.happened();
        drop(proxy);
        settle(&broker, &ledger, &markers);
        let after = Resources::settled(&runtime, before);
        Report {
            seed,
            wanted: sends,
            took,
            restarts,
            freezes,
            happened,
            resources: [
                ("before the connector", before),
                ("after the warm-up", warmed_up),
                ("after the last send", idle),
                ("after its end", after),
            ],
            rows: ledger.rows(),
            over_time: over_time.into_inner().unwrap(),
            offenders: ledger.offenders(),
            problems: [collected.problems(), ledger.garbled()].concat(),
            subscriptions: collected.subscriptions(),
        }
    }
}

impl Field {
    /// Sends the messages with these numbers, each tenant its own.
    fn send_all(self: &Arc<Self>, runtime: &Runtime, numbers: Range<usize>) {
        let mut workers = JoinSet::new();
        for tenant in 0..self.soak.tenants {
            // The tenant's first number from there.
            let behind = (numbers.start + self.soak.tenants - 1 - tenant) / self.soak.tenants;
            let next = Arc::new(AtomicUsize::new(tenant + behind * self.soak.tenants));
            for _ in 0..WORKERS {
                let (field, next, end) = (Arc::clone(self), Arc::clone(&next), numbers.end);
                workers.spawn_on(async move { field.work(tenant, &next, end).await }, runtime.handle());
            }
        }
        runtime.block_on(async {
            let mut progress = tokio::time::interval_at(tokio::time::Instant::now() + PROGRESS, PROGRESS);
            loop {
                tokio::select! {
                    ended = workers.join_next() => match ended {
                        Some(ended) => ended.unwrap(),
                        None => return,
                    },
                    _ = progress.tick() => self.show_progress(),
                }
            }
        });
    }

    /// Sends what the tenant has left, one after the other.
    async fn work(&self, tenant: usize, next: &AtomicUsize, end: usize) {
        loop {
            let number = next.fetch_add(self.soak.tenants, Ordering::Relaxed);
            if number >= end || Instant::now() >= self.deadline {
                return;
            }
            let planned = self.ledger.planned(number);
            let config = planned.config(self.proxy.port());
            let began = Instant::now();
            let meta = self.connector.send(&self.tenants[tenant], &config, &planned.request()).await.meta;
            let ended = Instant::now();
            self.over_time.lock().unwrap().ended(ended, ended - began);
            if meta.exit_code != 0 {
                self.proxy
                    .note(&format!("answer to {number} ({planned}): {} {}", meta.exit_code, meta.message));
            }
            self.ledger.answered(number, &meta);
            self.settled.send_modify(|settled| *settled += 1);
        }
    }

    /// Restarts or freezes the broker now and then, spread over the sends from `warm` on. Answers how often it was
    /// which.
    fn disturb(&self, runtime: &tokio::runtime::Handle, warm: usize) -> (usize, usize) {
        let mut random = Rng::with_seed(self.soak.seed ^ 0xd157);
        let mut settled = self.settled.subscribe();
        let (mut restarts, mut freezes) = (0, 0);
        for number in 0..self.soak.disturbances {
            let after = warm + (self.soak.sends - warm) * (number + 1) / (self.soak.disturbances + 2);
            let at = runtime.block_on(settled.wait_for(|settled| *settled >= after)).map(|settled| *settled);
            if at.is_ok_and(|settled| settled == usize::MAX) {
                break;
            }
            // How long the broker is away is what is tried.
            let time = Duration::from_millis(random.u64(50..1500));
            if number % 3 == 1 {
                self.proxy.note(&format!("the broker is frozen for {time:?}"));
                self.over_time.lock().unwrap().suffers(FROZEN);
                self.broker.pause();
                thread::sleep(time);
                self.broker.resume();
                freezes += 1;
            } else {
                self.proxy.note(&format!("the broker is stopped, and started again {time:?} later"));
                self.over_time.lock().unwrap().suffers(RESTARTED);
                self.broker.stop();
                thread::sleep(time);
                self.broker.restart();
                restarts += 1;
            }
        }
        (restarts, freezes)
    }

    fn show_progress(&self) {
        if self.soak.progress {
            let (settled, arrived) = (*self.settled.borrow(), self.ledger.arrived());
            let happened = self.proxy.happened();
            eprintln!("soak: {settled} of {} answered, {arrived} arrived; {happened:?}", self.soak.sends);
        }
    }
}

/// Subscribes, directly, and counts.
fn collect(ledger: &Arc<Ledger>, port: u16) -> (Collector, mpsc::Receiver<Vec<u8>>) {
    let (markers, seen) = mpsc::channel();
    let ledger = Arc::clone(ledger);
    let collector = Collector::start(port, "collector", &format!("{TOPIC}/#"), move |publish| {
        if publish.topic == MARKER {
            markers.send(publish.payload).unwrap();
        } else {
            ledger.count(&publish);
        }
    });
    (collector, seen)
}

/// Waits until the broker has delivered all that it has: what it accepted before a message, it delivers before that
/// one, and what it had not read yet comes before the next, or the one after.
fn settle(broker: &Mosquitto, ledger: &Ledger, markers: &mpsc::Receiver<Vec<u8>>) {
    let mut before = usize::MAX;
    for number in 0.. {
        let content = number.to_string();
        let port = broker.port().to_string();
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-q", "2", "-t", MARKER, "-m", &content];
        assert!(Command::new("mosquitto_pub").args(arguments).status().unwrap().success());
        assert_eq!(markers.recv_timeout(PATIENCE).unwrap(), content.as_bytes());
        let arrived = ledger.arrived();
        if arrived == before {
            return;
        }
        before = arrived;
    }
}

/// A short one; `make soak` is the long one.
#[cfg(test)]
#[test]
fn exit_codes_are_true_over_a_bad_network() {
    let report = Soak {
        seed: fastrand::u64(..),
        sends: 1500,
        time: Duration::from_secs(12),
        tenants: 50,
        disturbances: 2,
        transcript: None,
        progress: false,
    }
    .run();
    println!("{report}");
    assert_eq!(report.wrong(), [""; 0], "{report}");
}
