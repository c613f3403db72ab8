//! Whether one tenant's load slows another's sends down: measured by the test here and by `make bench`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_tests::Mosquitto;
use mqtt_connector_tests::port::{BlackHole, SilentPort};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::runtime::two_workers;

/// How often the quiet and the loud are measured, in turns, so that what else the machine does meets both.
const ROUNDS: usize = 12;
/// Sends of tenant B in a round.
const SENDS: usize = 30;
/// Sends that tenant A always has under way: to the black hole, to the silent broker, and as a flood. They are as many
/// as its limits let in, and leave the flood half of its connections.
const LOAD: [usize; 3] = [8, 8, 48];

/// Median times of tenant B's sends.
pub(crate) struct Fairness {
    /// The limit of tenant A.
    pub(crate) messages_per_second: u32,
    /// While nobody else sends.
    pub(crate) alone: Duration,
    /// While tenant A has a broker that no packet reaches, one that never answers, and a flood.
    pub(crate) beside: Duration,
    /// At the same time, through a connector and a runtime that tenant A does not use: what the same load costs as much
    /// as it costs the machine.
    pub(crate) apart: Duration,
    /// What tenant A got answers to meanwhile.
    pub(crate) answered_to_a: u64,
    /// What tenant B did not get through.
    pub(crate) failed_of_b: usize,
}

impl Fairness {
    /// How much longer tenant B's sends take beside tenant A.
    pub(crate) fn ratio(&self) -> f64 {
        self.beside.as_secs_f64() / self.alone.as_secs_f64()
    }

    /// How much longer tenant B's sends take because tenant A uses the same connector, and not only the same machine.
    pub(crate) fn ratio_of_sharing(&self) -> f64 {
        self.beside.as_secs_f64() / self.apart.as_secs_f64()
    }

    /// Measures, with a limit on what tenant A may send.
    pub(crate) fn measure(messages_per_second: u32) -> Self {
        let (runtime, other_runtime) = (two_workers(), two_workers());
        let connector = Arc::new(Connector::new().unwrap());
        let other_connector = Arc::new(Connector::new().unwrap());
        let tenant = |name: &str| {
            let tenant = Tenant::builder(name).broker("*://127.0.0.0/8:*".parse().unwrap());
            tenant.topics("#".parse().unwrap())
        };
        let mut limits = Limits::default();
        limits.messages_per_second = messages_per_second;
        let (a, b) = (Arc::new(tenant("a").limits(limits).build()), Arc::new(tenant("b").build()));
        let (black_hole, silent) = (BlackHole::open(), SilentPort::open());
        let (flooded, quiet) = (Mosquitto::start(), Mosquitto::start());
        let config = json!({ "broker": format!("tcp://{}", quiet.address()), "client-id": "b" }).to_string();
        let ports = [black_hole.port(), silent.port(), flooded.port()];
        let (mut alone, mut beside, mut apart) = (Vec::new(), Vec::new(), Vec::new());
        let (mut answered_to_a, mut failed_of_b) = (0, 0);
        let mut send = |runtime: &Runtime, connector: &Arc<Connector>, times: &mut Vec<Duration>| {
            let started = Instant::now();
            let (connector, b, config) = (Arc::clone(connector), Arc::clone(&b), config.clone());
            let send = async move {
                connector.send(&b, &config, r#"{"topic": "b", "content": "x", "qos": 1}"#).await
            };
            let response = runtime.block_on(runtime.spawn(send)).unwrap();
            failed_of_b += usize::from(response.meta.exit_code != 0);
            times.push(started.elapsed());
        };
        for round in 0..=ROUNDS {
            // In the first, what is made at the first send is made.
            let [alone, beside, apart] = if round == 0 {
                [&mut Vec::new(), &mut Vec::new(), &mut Vec::new()]
            } else {
                [&mut alone, &mut beside, &mut apart]
            };
            for _ in 0..SENDS {
                send(&runtime, &connector, alone);
            }
            let load = Load::start(&runtime, &connector, &a, ports);
            for _ in 0..SENDS {
                send(&runtime, &connector, beside);
                send(&other_runtime, &other_connector, apart);
            }
            answered_to_a += load.stop(&runtime);
        }
        let [alone, beside, apart] = [alone, beside, apart].map(median);
        Self { messages_per_second, alone, beside, apart, answered_to_a, failed_of_b }
    }
}

impl fmt::Display for Fairness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        writeln!(f, "one send of tenant B, median of {}", ROUNDS * SENDS)?;
        writeln!(f, "  alone            {:8.2} ms", milliseconds(self.alone))?;
        writeln!(
            f,
            "  beside tenant A  {:8.2} ms   a black hole, a silent broker, a flood (limit: {} a second); {} sends answered",
            milliseconds(self.beside),
            self.messages_per_second,
            self.answered_to_a
        )?;
        writeln!(f, "  ratio            {:8.2}      less than 1.5 is promised", self.ratio())?;
        writeln!(
            f,
            "  apart from A     {:8.2} ms   another connector, at the same time",
            milliseconds(self.apart)
        )?;
        writeln!(f, "  ratio            {:8.2}", self.ratio_of_sharing())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Tenant A: sends without a pause.
struct Load {
    going: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(runtime: &Runtime, connector: &Arc<Connector>, tenant: &Arc<Tenant>, ports: [u16; 3]) -> Self {
        let (going, answered) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let tasks = ports.into_iter().zip(LOAD);
        let tasks = tasks.flat_map(|(port, load)| (0..load).map(move |number| (port, number)));
        let tasks = tasks.map(|(port, number)| {
            let (connector, tenant) = (Arc::clone(connector), Arc::clone(tenant));
            let (going, answered) = (Arc::clone(&going), Arc::clone(&answered));
            let config = json!({
                "broker": format!("tcp://127.0.0.1:{port}"), "client-id": format!("a{number}"), "timeout": 500,
            });
            let config = config.to_string();
            runtime.spawn(async move {
                while going.load(Ordering::Relaxed) {
                    connector.send(&tenant, &config, r#"{"topic": "a", "content": "x", "qos": 0}"#).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Self { tasks: tasks.collect(), going, answered }
    }

    fn stop(self, runtime: &Runtime) -> u64 {
        self.going.store(false, Ordering::Relaxed);
        for task in self.tasks {
            runtime.block_on(task).unwrap();
        }
        self.answered.load(Ordering::Relaxed)
    }
}

/// What else the machine does meets both that are compared, which take turns. A connector that lets tenants wait for each
/// other makes tenant B wait for tenant A's timeouts: a hundred times as long.
#[cfg(test)]
#[test]
fn sends_of_one_tenant_are_not_slowed_by_another() {
    let fairness = Fairness::measure(100);
    print!("{fairness}");
    assert_eq!(fairness.failed_of_b, 0, "{fairness}");
    assert!(fairness.answered_to_a > 0, "{fairness}");
    assert!(fairness.ratio_of_sharing() < 4.0, "{fairness}");
}
