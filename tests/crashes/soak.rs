//! [`Soak`]: a service that is killed again and again.

use std::time::{Duration, Instant};

use fastrand::Rng;
use mqtt_connector_tests::Mosquitto;
use tempfile::TempDir;

use crate::arrivals::Arrivals;
use crate::ledger::{Ledger, Report};
use crate::over_time::OverTime;
use crate::service::{Service, stored};

/// How many executions are submitted before the service may be killed; more are submitted as they are acknowledged.
const UNDER_WAY: usize = 32;

/// What is done.
const KILLED: &str = "service killed";
const RESTARTED: &str = "broker restarted";

/// How much, and from which random numbers.
pub(crate) struct Soak {
    pub(crate) seed: u64,
    pub(crate) executions: usize,
}

impl Soak {
    pub(crate) fn run(self) -> (Report, OverTime) {
        println!("seed {}", self.seed);
        let mut random = Rng::with_seed(self.seed);
        let directory = TempDir::new().unwrap();
        let store = directory.path().join("executions.db");
        let broker = Mosquitto::builder().persistence_when_stopped().quiet_log().start();
        let arrivals = Arrivals::start(&broker);
        let mut ledger = Ledger::new((0..self.executions).map(|_| random.u8(0..3)).collect());
        let mut kills = 0;
        let mut over_time = OverTime::begin("accepted", &[KILLED, RESTARTED]);
        // Each life of the service acknowledges some of what is open; the last one all of it.
        loop {
            let open = ledger.open();
            if open.len() <= UNDER_WAY {
                break;
            }
            let life = random.usize(1..=open.len().min(2 * UNDER_WAY));
            let mut service = Service::start(&store, broker.port());
            let mut next =
                open.into_iter().map(|number| (number, ledger.qos(number))).collect::<Vec<_>>().into_iter();
            service.submit(next.by_ref().take(UNDER_WAY));
            for _ in 0..life {
                let number = ledger.answer(&service.answer().unwrap());
                over_time.ended(Instant::now(), service.waited(number));
                service.submit(next.by_ref().take(1));
            }
            if random.u8(0..4) == 0 {
                over_time.suffers(RESTARTED);
                broker.restart();
            }
            // Somewhere between two answers.
            std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            over_time.suffers(KILLED);
            for answer in service.kill() {
                let number = ledger.answer(&answer);
                over_time.ended(Instant::now(), service.waited(number));
            }
            kills += 1;
            if kills % 100 == 0 {
                println!("{kills} kills, {} executions to be acknowledged", ledger.open().len());
            }
        }
        let mut service = Service::start(&store, broker.port());
        service.submit(ledger.open().into_iter().map(|number| (number, ledger.qos(number))));
        // It says all of it at the end: how long that took says nothing.
        for answer in service.finish() {
            ledger.answer(&answer);
        }
        let arrived = arrivals.settled(&broker);
        (ledger.judge(stored(&store), &arrived), over_time)
    }
}
