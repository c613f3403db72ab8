//! A file system that takes no more.

use std::process::Command;
use std::time::{Duration, Instant};

use mqtt_connector_tests::{Mosquitto, Observer};
use tempfile::TempDir;

use crate::ledger::{Ledger, Report};
use crate::service::{Service, stored};

/// As a full disk, and one that has room again: the process may write no byte to a file, and then as many as it wants.
fn allow(service: &Service, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").arg(format!("--pid={}", service.pid())).arg(limit).status();
    assert!(done.unwrap().success());
}

/// What has arrived: each content is a number.
fn arrived(observer: &Observer) -> Vec<usize> {
    let contents = observer.settled().into_iter().map(|message| String::from_utf8(message.payload).unwrap());
    contents.map(|number| number.parse().unwrap()).collect()
}

/// What is submitted is refused, what was accepted is carried out when there is room again.
pub(crate) fn a_full_disk_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("executions.db");
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let mut service = Service::start(&store, broker.port());
    let mut ledger = Ledger::new(vec![1; 20]);

    broker.pause();
    service.submit((0..10).map(|number| (number, 1)));
    for _ in 0..10 {
        ledger.answer(&service.answer().unwrap());
    }
    allow(&service, "0");
    broker.resume();
    service.submit((10..20).map(|number| (number, 1)));
    let mut refused: Vec<_> = (10..20).map(|_| service.answer().unwrap()).collect();
    refused.sort();
    let why = "the store of executions cannot be used: SQLite says SystemIoFailure";
    let all: Vec<_> = (10..20).map(|number| format!("refused {number} {why}")).collect();
    assert_eq!(refused, all);
    allow(&service, "unlimited");
    service.submit((10..20).map(|number| (number, 1)));
    for answer in service.finish() {
        ledger.answer(&answer);
    }
    let report = ledger.judge(stored(&store), &arrived(&observer));
    assert_eq!(report, Report { sent: 20, uncertain: 0, not_sent: 0, repeated: 0 });
}

/// Where there is no room but that of the write-ahead log, the log is emptied, and its room is used again.
pub(crate) fn a_log_that_may_not_grow_is_emptied() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("executions.db");
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let mut service = Service::start(&store, broker.port());
    // With so many, the log grows too long over and over. What is refused then may be what becomes of an execution, which is
    // tried again unseen, and not a new one.
    let executions = 160;
    let mut ledger = Ledger::new(vec![1; executions]);
    allow(&service, "400000");
    let (mut refused, began) = (0, Instant::now());
    for number in 0..executions {
        loop {
            service.submit([(number, 1)].into_iter());
            let answer = service.answer().unwrap();
            if !answer.starts_with("refused") {
                ledger.answer(&answer);
                break;
            }
            refused += 1;
            assert!(began.elapsed() < Duration::from_secs(300), "{answer}");
        }
    }
    for answer in service.finish() {
        ledger.answer(&answer);
    }
    assert!(refused > 0);
    let Report { sent, uncertain, not_sent, .. } = ledger.judge(stored(&store), &arrived(&observer));
    assert_eq!((sent, uncertain, not_sent), (executions, 0, 0));
}
