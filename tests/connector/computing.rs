//! Whether those who compute without end slow the sends of others down.
//!
//! What is compared takes turns in one run, so that what else the machine does meets both.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use std::{fs, mem};

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_tests::Mosquitto;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::guests::{HOSTILE, busy, tenant};
use crate::runtime::two_workers;
use crate::support::{builder, connector, wait_until};

/// Calls of some tenants that keep a runtime busy, each again as soon as it has ended.
struct Busy {
    going: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Busy {
    /// Starts `each` calls at a time of each tenant; `call` is one of them.
    fn start<F: Future<Output = ()> + Send + 'static>(
        runtime: &Runtime,
        tenants: &[Arc<Tenant>],
        each: usize,
        call: impl Fn(Arc<Tenant>) -> F + Clone + Send + 'static,
    ) -> Self {
        let going = Arc::new(AtomicBool::new(true));
        let tasks =
            tenants.iter().flat_map(|tenant| (0..each).map(move |_| Arc::clone(tenant))).map(|tenant| {
                let (going, call) = (Arc::clone(&going), call.clone());
                runtime.spawn(async move {
                    while going.load(Ordering::Relaxed) {
                        call(Arc::clone(&tenant)).await;
                    }
                })
            });
        Self { tasks: tasks.collect(), going }
    }

    /// Starts guests that compute without end, and waits until the first tick of each, which is free, has been computed.
    fn spinning(runtime: &Runtime, guest: &Arc<Connector>, tenants: &[Arc<Tenant>], each: usize) -> Self {
        let (guest, before) = (Arc::clone(guest), processor_time());
        let busy = Self::start(runtime, tenants, each, move |tenant| {
            let guest = Arc::clone(&guest);
            async move { assert_eq!(guest.send(&tenant, "{}", HOSTILE).await.meta.exit_code, 70) }
        });
        let first_ticks = TICK * u32::try_from(busy.tasks.len()).unwrap();
        wait_until("each guest has computed", || processor_time() > before + 3 * first_ticks);
        busy
    }

    /// Ends them; each that had ended before was right.
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

/// After which a guest that computes is stopped for the first time.
const TICK: Duration = Duration::from_millis(1);

/// How long this process has computed, its threads together, to 10 ms (proc_pid_stat(5): utime and stime).
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, behind_the_name) = stat.rsplit_once(')').unwrap();
    let ticks =
        behind_the_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
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

/// A tenant that sends one message after the other, while others keep one of two runtimes busy.
struct Honest {
    runtime: Runtime,
    /// A runtime that nobody else uses: what a send takes there is what it takes on this machine at that moment.
    apart: Runtime,
    tenant: Arc<Tenant>,
    broker: Mosquitto,
}

impl Honest {
    fn new() -> Self {
        let tenant = tenant("honest", Limits::default());
        Self { runtime: two_workers(), apart: two_workers(), tenant, broker: Mosquitto::start() }
    }

    fn send(&self, runtime: &Runtime) -> Duration {
        let tenant = Arc::clone(&self.tenant);
        let url = format!("tcp://{}", self.broker.address());
        let config = json!({ "broker": url, "client-id": "honest" }).to_string();
        let (took, response) = timed(runtime, async move {
            connector().send(&tenant, &config, r#"{"topic": "t", "content": "x", "qos": 1}"#).await
        });
        assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
        took
    }

    /// Asserts that its sends take hardly longer beside `busy` than apart. The bound is far below what they take where each
    /// step of a send waits for all others that are ready.
    fn is_not_slowed(&self, what: &str, busy: impl Fn(&Runtime) -> Busy) {
        const ROUNDS: usize = 4;
        const SENDS: usize = 25;
        let (mut beside, mut apart) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let busy = busy(&self.runtime);
            for _ in 0..SENDS {
                beside.push(self.send(&self.runtime));
                apart.push(self.send(&self.apart));
            }
            busy.stop(&self.runtime);
        }
        let (beside, apart) = (median(beside), median(apart));
        let ratio = beside.as_secs_f64() / apart.as_secs_f64();
        let measured = format!("{what}: median {beside:.2?} instead of {apart:.2?} ({ratio:.2})");
        eprintln!("{measured}");
        assert!(ratio < 4.0, "{measured}");
    }
}

#[test]
fn sends_are_not_slowed_by_those_who_compute() {
    let (honest, guest) = (Honest::new(), Arc::new(busy().connector()));
    for (tenants, each) in [(2, 1), (2, 64), (64, 1)] {
        let tenants: Vec<_> =
            (0..tenants).map(|number| tenant(&format!("busy-{number}"), Limits::default())).collect();
        honest.is_not_slowed(&format!("{} tenants with {each} guests each", tenants.len()), |runtime| {
            Busy::spinning(runtime, &guest, &tenants, each)
        });
    }
}

/// Each of them computes for less than a tick, so that it takes no turns.
#[test]
fn sends_are_not_slowed_by_many_short_calls_of_one_tenant() {
    let (honest, many) = (Honest::new(), [tenant("many", Limits::default())]);
    let content = "x".repeat(200_000);
    let config = json!({ "broker": "tcp://127.0.0.1", "client-id": "c", "topic": "t", "content": content });
    let config: Arc<str> = config.to_string().into();
    honest.is_not_slowed("64 calls of one tenant", |runtime| {
        let config = Arc::clone(&config);
        Busy::start(runtime, &many, 64, move |tenant| {
            let config = Arc::clone(&config);
            async move { assert_eq!(connector().check(&tenant, &config, "{}").await.meta.exit_code, 0) }
        })
    });
}

/// Goes behind the tasks that are ready, and not behind the next look at sockets and timers, as `yield_now` of tokio does.
async fn step_back() {
    let mut has_stepped_back = false;
    poll_fn(|context| {
        if mem::replace(&mut has_stepped_back, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Counted and not timed, on a single thread. Without a turnstile, all of the calls that are ready are answered between two calls of
/// the other tenant; with it, as many as it lets in at one time, or a few more. A connector for one call has no clock, so that
/// no call takes turns in computing.
#[test]
fn few_of_many_ready_calls_of_one_tenant_go_before_the_call_of_another() {
    const CALLS: usize = 20;
    async fn check(connector: &Connector, tenant: &Tenant) {
        let config = r#"{"broker": "tcp://127.0.0.1", "client-id": "c", "topic": "t", "content": "x"}"#;
        assert_eq!(connector.check(tenant, config, "{}").await.meta.exit_code, 0);
        step_back().await;
    }
    let width = (available_parallelism().unwrap().get() / 2).max(1);
    let each = 64 * width;
    let mut limits = Limits::default();
    limits.concurrent_sends = u32::try_from(each).unwrap();
    let (many, single) = ([tenant("many", limits)], tenant("single", Limits::default()));
    let connector = Arc::new(builder().one_shot().build().unwrap());
    let answered = Arc::new(AtomicUsize::new(0));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let busy = Busy::start(&runtime, &many, each, {
        let (connector, answered) = (Arc::clone(&connector), Arc::clone(&answered));
        move |tenant| {
            let (connector, answered) = (Arc::clone(&connector), Arc::clone(&answered));
            async move {
                check(&connector, &tenant).await;
                answered.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let meanwhile = runtime.spawn(async move {
        check(&connector, &single).await;
        let before = answered.load(Ordering::SeqCst);
        for _ in 0..CALLS {
            check(&connector, &single).await;
        }
        answered.load(Ordering::SeqCst) - before
    });
    let meanwhile = runtime.block_on(meanwhile).unwrap();
    busy.stop(&runtime);
    let measured = format!("{meanwhile} calls of {each} that were ready, beside {CALLS} of another tenant");
    eprintln!("{measured}");
    assert!(meanwhile > 0 && meanwhile < CALLS * 16 * width, "{measured}");
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
        let spinning = Busy::spinning(&runtime, &guest, std::slice::from_ref(&many), calls);
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
