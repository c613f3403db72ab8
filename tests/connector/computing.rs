//! Whether those who compute without end slow the sends of others down.
//!
//! What is compared takes turns in one run, so that what else the machine does meets both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_tests::Mosquitto;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::guests::{HOSTILE, busy, tenant};
use crate::runtime::two_workers;
use crate::support::{connector, wait_until};

/// Guests that compute without end, one after the other, in so many calls at a time of each of some tenants.
struct Spinning {
    going: Arc<AtomicBool>,
    /// How many calls have been begun.
    begun: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Spinning {
    /// Starts them, and waits until each of them has begun.
    fn start(runtime: &Runtime, guest: &Arc<Connector>, tenants: &[&Arc<Tenant>], each: usize) -> Self {
        let (going, begun) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let tasks = tenants.iter().flat_map(|tenant| (0..each).map(move |_| *tenant)).map(|tenant| {
            let (going, begun) = (Arc::clone(&going), Arc::clone(&begun));
            let (guest, tenant) = (Arc::clone(guest), Arc::clone(tenant));
            runtime.spawn(async move {
                while going.load(Ordering::Relaxed) {
                    begun.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(guest.send(&tenant, "{}", HOSTILE).await.meta.exit_code, 70);
                }
            })
        });
        let spinning = Self { tasks: tasks.collect(), going, begun };
        wait_until("each guest begins", || spinning.begun.load(Ordering::Relaxed) >= spinning.tasks.len());
        spinning
    }

    /// Ends them; each call that had ended by itself had been answered with 70.
    fn stop(self, runtime: &Runtime) {
        self.going.store(false, Ordering::Relaxed);
        for task in self.tasks {
            task.abort();
            if let Err(error) = runtime.block_on(task) {
                assert!(error.is_cancelled(), "{error}");
            }
        }
    }
}

/// Runs `task` on `runtime`, and returns how long that took.
fn timed<T: Send + 'static>(
    runtime: &Runtime,
    task: impl Future<Output = T> + Send + 'static,
) -> (Duration, T) {
    let started = Instant::now();
    let output = runtime.block_on(runtime.spawn(task)).unwrap();
    (started.elapsed(), output)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The peer is the same send at the same time on a runtime on which nobody computes. A connector in which those who
/// compute keep all threads makes each step of a send wait for a tick of each guest: with 2 × 64 guests, a hundred times
/// as long.
#[test]
fn sends_are_not_slowed_by_those_who_compute() {
    const ROUNDS: usize = 4;
    const SENDS: usize = 30;
    let guest = Arc::new(busy().connector());
    let (runtime, other_runtime) = (two_workers(), two_workers());
    let broker = Mosquitto::start();
    let [first, second, honest] = ["first", "second", "honest"].map(|name| tenant(name, Limits::default()));
    let config =
        json!({ "broker": format!("tcp://{}", broker.address()), "client-id": "honest" }).to_string();
    let send = |runtime: &Runtime| {
        let (honest, config) = (Arc::clone(&honest), config.clone());
        let (took, response) = timed(runtime, async move {
            connector().send(&honest, &config, r#"{"topic": "t", "content": "x", "qos": 1}"#).await
        });
        assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
        took
    };
    send(&runtime);
    send(&other_runtime);
    for each in [1, 8, 64] {
        let (mut beside, mut apart) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let spinning = Spinning::start(&runtime, &guest, &[&first, &second], each);
            for _ in 0..SENDS {
                beside.push(send(&runtime));
                apart.push(send(&other_runtime));
            }
            spinning.stop(&runtime);
        }
        let (beside, apart) = (median(beside), median(apart));
        let ratio = beside.as_secs_f64() / apart.as_secs_f64();
        let measured = format!("2 x {each} guests: median {beside:.2?} instead of {apart:.2?} ({ratio:.2})");
        eprintln!("{measured}");
        assert!(ratio < 4.0, "{measured}");
    }
}

/// The peer is the same call beside a single one of the other tenant. Where calls take turns and not tenants, it takes 32
/// times as long beside 64.
#[test]
fn tenants_take_turns_in_computing_however_many_calls_each_has() {
    const ROUNDS: usize = 5;
    let guest = Arc::new(busy().connector());
    let runtime = two_workers();
    let many = tenant("many", Limits::default());
    let mut limits = Limits::default();
    limits.cpu = Duration::from_millis(20);
    let single = tenant("single", limits);
    let beside = |calls: usize| {
        let spinning = Spinning::start(&runtime, &guest, &[&many], calls);
        let (guest, single) = (Arc::clone(&guest), Arc::clone(&single));
        let (took, response) = timed(&runtime, async move { guest.send(&single, "{}", HOSTILE).await });
        assert_eq!(response.meta.exit_code, 70, "{}", response.meta.message);
        spinning.stop(&runtime);
        took
    };
    let (one, many): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (beside(1), beside(64))).unzip();
    let (one, many) = (median(one), median(many));
    let measured =
        format!("20 ms of computing took {many:.2?} beside 64 calls of another tenant, {one:.2?} beside 1");
    eprintln!("{measured}");
    assert!(one >= limits.cpu && many >= limits.cpu, "{measured}");
    assert!(many < one * 6, "{measured}");
}
