//! `make bench`: the connector beside its peers, in the same run and in turns, on a real mosquitto on loopback.
//!
//! A table goes to the terminal, `target/bench/report.md` with plots beside it is the same again; each target is there
//! with "met" or "missed". `BENCH_ROUNDS` (60), `BENCH_LINES` (50000), `BENCH_TENANTS` (1000) and `BENCH_ONLY` (such as
//! `one-shot,batches`; also `service`, `connections`, `tenants`) shorten it.
//!
//! On a machine with several cores a round trip takes 8 µs when the kernel lets the client and the broker share one, and
//! 55 µs when it does not, which depends on what else runs. `taskset -c 0 make bench` has one core for all: numbers that
//! repeat within a few percent, to compare two versions with.
//!
//! `docs/performance.md` says where the time of a send goes.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

mod batches;
mod measure;
mod native;
mod one_shot;
mod parts;
mod plot;
mod programs;
mod raw;
mod report;
mod service;
mod settings;
mod tenants;

use std::fs;

use mqtt_connector_tests::Mosquitto;
use settings::{Settings, directory};

fn main() {
    let settings = Settings::from_environment();
    fs::create_dir_all(directory()).unwrap();
    let broker = Mosquitto::start().log();
    let broker =
        broker.lines().find_map(|line| line.strip_suffix(" running")).unwrap_or("mosquitto").to_owned();
    let mut head = report::head(&settings, &broker);
    let paho = programs::paho();
    match &paho {
        Ok(_) => head.push_str("- paho-mqtt 2.1.0 on Python\n"),
        Err(reason) => head.push_str(&format!("- paho-mqtt is not measured: {reason}\n")),
    }
    head.push_str(if programs::sends_lines() { "" } else { "- `send --lines` is not there: not measured\n" });
    let paho = paho.ok();
    println!("{head}");
    let mut sections = Vec::new();
    for (name, measure) in [
        ("one-shot", &(|| one_shot::measure(&settings, paho.as_deref())) as &dyn Fn() -> report::Section),
        ("service", &|| service::warm(&settings)),
        ("connections", &|| service::connections(&settings)),
        ("batches", &|| batches::measure(&settings, paho.as_deref())),
        ("tenants", &|| tenants::measure(&settings)),
    ] {
        if settings.wants(name) {
            let section = measure();
            println!("{}", section.text());
            sections.push(section);
        }
    }
    let parts = parts::section(&directory().with_file_name("criterion"));
    println!("{}", parts.text());
    sections.push(parts);
    head.push_str(&format!("- load when it ended: {}\n", report::load()));
    report::write(&directory(), &head, &sections);
    println!("The report, with plots: {}", directory().join("report.md").display());
}
