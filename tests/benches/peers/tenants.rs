//! Many tenants, one connector.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_tests::Mosquitto;
use mqtt_connector_tests::port::{BlackHole, SilentPort};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::measure::{Bound, Case, Measured, Target, Unit, Way, quantile};
use crate::report::Section;
use crate::service::multi_thread;
use crate::settings::Settings;

/// Sends under way at one time, where there are as many tenants.
const AT_ONCE: usize = 10;

/// What the misbehaving tenant always has under way: to the black hole, to the silent broker, and as a flood.
const LOAD: [usize; 3] = [8, 8, 48];

const ALONE: &str = "nobody misbehaves";
const BESIDE: &str = "one tenant misbehaves";

const REQUEST: &str = r#"{"topic": "bench", "content": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "qos": 1}"#;

/// A tenant, with the configuration of its own.
struct Party {
    tenant: Arc<Tenant>,
    config: String,
}

/// All of them.
struct Parties {
    runtime: Runtime,
    connector: Arc<Connector>,
    parties: Arc<Vec<Party>>,
}

pub(crate) fn measure(settings: &Settings) -> Section {
    let broker = Mosquitto::builder().quiet_log().start();
    let all = Parties::start(settings.tenants, broker.port());
    // What the first sends take for good is nobody's share.
    all.sends(AT_ONCE, AT_ONCE);
    let before = resident();
    all.sends(settings.tenants, settings.tenants);
    let each = (resident() - before) / real(settings.tenants - AT_ONCE);

    let sends = settings.tenants.max(1000) * 2;
    let counts: Vec<_> = [1, 10, 100, 1000].into_iter().filter(|count| *count <= settings.tenants).collect();
    let names: Vec<_> = counts.iter().map(|count| format!("tenants: {count}")).collect();
    let ways = counts.iter().zip(&names).map(|(count, name)| {
        let measured: Measured<'_> = Box::new(|values| {
            let started = Instant::now();
            let sent = all.sends(*count, sends).len();
            values.push(real(sent) / started.elapsed().as_secs_f64() / 1e3);
        });
        (name.as_str(), measured)
    });
    let throughput = Case::measure("throughput, QoS 1", Unit::Rate, settings.few_rounds(), ways.collect());
    let (beside, answered) = misbehaving(settings, &all);
    let p99 = |name| beside.way(name).map_or(f64::NAN, |way| way.quantile(0.99));
    let targets = vec![
        Target {
            what: "memory of an idle tenant with a connection, KiB".to_owned(),
            measured: each,
            bound: Bound::AtMost(100.0),
        },
        Target {
            what: "p99 beside a tenant that misbehaves, × without it".to_owned(),
            measured: p99(BESIDE) / p99(ALONE),
            bound: Bound::AtMost(1.5),
        },
    ];
    let notes = vec![
        format!(
            "{each:.1} KiB for each idle tenant: the process's resident memory, before and after {} of them connected",
            settings.tenants - AT_ONCE
        ),
        format!("{answered} sends of the misbehaving tenant were answered meanwhile"),
        format!("The broker has a connection of each of the {} tenants all the time.", settings.tenants),
    ];
    all.close();
    Section {
        name: "tenants",
        title: "Many tenants",
        about: format!(
            "One `Connector` on a multi-thread runtime with 2 threads; each tenant has grants, a client identifier and a \
             connection of its own, and one send of 64 bytes under way at most. Up to {AT_ONCE} tenants send at a time: \
             {AT_ONCE} tasks, each of which goes round its share of the tenants. The tenant that misbehaves has {} sends \
             to an address where nobody answers, {} to a broker that never answers, and a flood of {} to a broker of its \
             own, always.",
            LOAD[0], LOAD[1], LOAD[2]
        ),
        cases: vec![throughput, beside],
        targets,
        notes,
    }
}

/// How long a hundred tenants' sends take, with and without one more that misbehaves.
fn misbehaving(settings: &Settings, all: &Parties) -> (Case, u64) {
    let (black_hole, silent, flooded) =
        (BlackHole::open(), SilentPort::open(), Mosquitto::builder().quiet_log().start());
    let ports = [black_hole.port(), silent.port(), flooded.port()];
    // The same all the time: a new one could send as much as its limit gives a second at once, in each round.
    let tenant = Tenant::builder("misbehaving").broker("tcp://127.0.0.0/8:*".parse().unwrap());
    let tenant = Arc::new(tenant.topics("#".parse().unwrap()).build());
    let count = settings.tenants.min(100);
    let (mut alone, mut beside, mut answered) = (Vec::new(), Vec::new(), 0);
    eprintln!("bench: {BESIDE}");
    for round in 0..=settings.few_rounds() {
        let one = all.paced(count);
        let load = Load::start(all, &tenant, ports);
        let other = all.paced(count);
        answered += load.stop(&all.runtime);
        if round > 0 {
            alone.extend(one);
            beside.extend(other);
        }
    }
    let name = format!("{count} tenants, time of a send");
    let ways =
        vec![Way { name: BESIDE.to_owned(), values: beside }, Way { name: ALONE.to_owned(), values: alone }];
    eprintln!(
        "bench: p99 {:.0} and {:.0} µs",
        quantile(&ways[0].values, 0.99),
        quantile(&ways[1].values, 0.99)
    );
    (Case { name, unit: Unit::Microseconds, ways }, answered)
}

impl Parties {
    fn start(count: usize, port: u16) -> Self {
        let broker = format!("tcp://127.0.0.1:{port}");
        let mut limits = Limits::default();
        limits.messages_per_second = u32::MAX;
        let parties = (0..count).map(|number| {
            let name = format!("tenant-{number}");
            let tenant = Tenant::builder(&name).broker(broker.parse().unwrap());
            let tenant = tenant.topics("bench".parse().unwrap()).limits(limits).build();
            Party {
                tenant: Arc::new(tenant),
                config: json!({ "broker": broker, "client-id": name }).to_string(),
            }
        });
        Self {
            runtime: multi_thread(),
            // No connection is closed while this runs.
            connector: Arc::new(Connector::builder().idle(Duration::from_secs(3600)).build().unwrap()),
            parties: Arc::new(parties.collect()),
        }
    }

    /// Has the first `count` tenants send `sends` messages in all, and returns the microseconds of each.
    fn sends(&self, count: usize, sends: usize) -> Vec<f64> {
        let workers = count.min(AT_ONCE);
        let tasks: Vec<_> = (0..workers)
            .map(|worker| {
                let (connector, parties) = (Arc::clone(&self.connector), Arc::clone(&self.parties));
                self.runtime.spawn(async move {
                    let mut times = Vec::new();
                    for number in (worker..count).step_by(workers).cycle().take(sends / workers) {
                        let Party { tenant, config } = &parties[number];
                        let started = Instant::now();
                        let response = connector.send(tenant, config, REQUEST).await;
                        times.push(started.elapsed().as_secs_f64() * 1e6);
                        assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
                    }
                    times
                })
            })
            .collect();
        tasks.into_iter().flat_map(|task| self.runtime.block_on(task).unwrap()).collect()
    }

    /// Twice as many sends as there are tenants, one after the other with a pause: what a send takes where the machine
    /// is not busy with the tenants' own sends.
    fn paced(&self, count: usize) -> Vec<f64> {
        let (connector, parties) = (Arc::clone(&self.connector), Arc::clone(&self.parties));
        let task = self.runtime.spawn(async move {
            let mut times = Vec::new();
            for number in (0..count).cycle().take(count * 2) {
                let Party { tenant, config } = &parties[number];
                tokio::time::sleep(Duration::from_millis(1)).await;
                let started = Instant::now();
                let response = connector.send(tenant, config, REQUEST).await;
                times.push(started.elapsed().as_secs_f64() * 1e6);
                assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
            }
            times
        });
        self.runtime.block_on(task).unwrap()
    }

    fn close(self) {
        let connector = self.connector;
        self.runtime.block_on(self.runtime.spawn(async move { connector.close().await })).unwrap();
    }
}

/// The tenant that misbehaves.
struct Load {
    going: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(all: &Parties, tenant: &Arc<Tenant>, ports: [u16; 3]) -> Self {
        let (going, answered) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let sends =
            ports.into_iter().zip(LOAD).flat_map(|(port, load)| (0..load).map(move |number| (port, number)));
        let tasks = sends.map(|(port, number)| {
            let (connector, tenant) = (Arc::clone(&all.connector), Arc::clone(tenant));
            let (going, answered) = (Arc::clone(&going), Arc::clone(&answered));
            let config = json!({
                "broker": format!("tcp://127.0.0.1:{port}"), "client-id": format!("m{number}"), "timeout": 500,
            });
            let config = config.to_string();
            all.runtime.spawn(async move {
                while going.load(Ordering::Relaxed) {
                    connector.send(&tenant, &config, REQUEST).await;
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

/// The memory of this process that is resident, in KiB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    memory.trim().trim_end_matches(" kB").parse().unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn real(count: usize) -> f64 {
    count as f64
}
