//! [`Soak`]: a service that is killed again and again.

use std::time::Duration;

use fastrand::Rng;
use mqtt_connector_tests::Mosquitto;
use tempfile::TempDir;

use crate::arrivals::Arrivals;
use crate::ledger::{Ledger, Report};
use crate::service::{Service, stored};

/// How many executions are submitted before the service may be killed; more are submitted as they are acknowledged.
const UNDER_WAY: usize = 32;

/// How much, and from which random numbers.
pub(crate) struct Soak {
    pub(crate) seed: u64,
    pub(crate) executions: usize,
}

impl Soak {
    pub(crate) fn run(self) -> Report {
        println!("seed {}", self.seed);
        let mut random = Rng::with_seed(self.seed);
        let directory = TempDir::new().unwrap();
        let store = directory.path().join("executions.db");
        let broker = Mosquitto::builder().persistence_when_stopped().quiet_log().start();
        let arrivals = Arrivals::start(&broker);
        let mut ledger = Ledger::new((0..self.executions).map(|_| random.u8(0..3)).collect());
        let (mut kills, mut restarts) = (0, 0);
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
                ledger.answer(&service.answer().unwrap());
                service.submit(next.by_ref().take(1));
            }
            if random.u8(0..4) == 0 {
                broker.restart();
                restarts += 1;
            }
            // Somewhere between two answers.
            std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            for answer in service.kill() {
                ledger.answer(&answer);
            }
            kills += 1;
            if kills % 100 == 0 {
                println!("{kills} kills, {} executions to be acknowledged", ledger.open().len());
            }
        }
        let mut service = Service::start(&store, broker.port());
        service.submit(ledger.open().into_iter().map(|number| (number, ledger.qos(number))));
        for answer in service.finish() {
            ledger.answer(&answer);
        }
        let arrived = arrivals.settled(&broker);
        let mut report = ledger.judge(stored(&store), &arrived);
        (report.kills, report.restarts) = (kills, restarts);
        report
    }
}
