//! `make bench`: the connector beside its peers, in the same run and in turns, on a real mosquitto on loopback.
//!
//! A table goes to the terminal, `target/bench/report.md` with plots beside it is the same again; each target is there
//! with "met" or "missed". `BENCH_ROUNDS` (60), `BENCH_LINES` (50000), `BENCH_TENANTS` (1000), `BENCH_EXECUTIONS` (1000000) and
//! `BENCH_ONLY` (such as `one-shot,batches`; also `service`, `connections`, `tenants`, `wasmtime`, `http`, `executions`) shorten it. The
//! section `cost` is measured by itself, with `BENCH_ONLY=cost`, which `make bench` does first; `BENCH_CASE` shortens it to the cases that
//! have this in their names.
//!
//! On a machine with several cores a round trip takes 8 µs when the kernel lets the client and the broker share one, and
//! 55 µs when it does not, which depends on what else runs. The section `cost` says what holds on any machine.
//!
//! `docs/performance.md` says where the time of a send goes.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

#[path = "../../shown/bars.rs"]
mod bars;
mod batches;
#[path = "../../shown/bound.rs"]
mod bound;
mod cost;
mod executions;
mod http;
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
mod wasmtime;

use std::{env, fs};

use mqtt_connector_tests::Mosquitto;
use settings::{Settings, directory};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [cost::WORKER, rounds, ref threads @ ..] => {
            let threads: Vec<_> = threads.iter().map(|threads| threads.parse().unwrap()).collect();
            cost::worker::run(rounds.parse().unwrap(), &threads);
        }
        [cost::instructions::COUNTED, way, in_flight, messages, port] => {
            let (in_flight, messages) = (in_flight.parse().unwrap(), messages.parse().unwrap());
            cost::instructions::send(way, in_flight, messages, port.parse().unwrap());
        }
        [http::WORKER, listen, port] => http::raw_mqtt::run(listen, port.parse().unwrap()),
        _ => bench(),
    }
}

/// All that the environment asks for.
fn bench() {
    let settings = Settings::from_environment();
    fs::create_dir_all(directory()).unwrap();
    let broker = Mosquitto::start().log();
    let broker =
        broker.lines().find_map(|line| line.strip_suffix(" running")).unwrap_or("mosquitto").to_owned();
    let mut head = report::head(&settings, &broker);
    if settings.is_cost() {
        return cost_alone(&settings, &head);
    }
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
        (settings::COST, &(|| cost::measure(&settings)) as &dyn Fn() -> report::Section),
        ("one-shot", &(|| one_shot::measure(&settings, paho.as_deref()))),
        ("service", &|| service::warm(&settings)),
        ("connections", &|| service::connections(&settings)),
        ("batches", &|| batches::measure(&settings, paho.as_deref())),
        ("tenants", &|| tenants::measure(&settings)),
        ("wasmtime", &|| wasmtime::measure(&settings)),
        ("http", &|| http::measure(&settings)),
        ("executions", &|| executions::measure(&settings)),
    ] {
        if settings.wants(name) {
            let section = measure();
            println!("{}\n{}\n", section.text(), section.verdict());
            sections.push(section);
        }
    }
    let parts = parts::section(&directory().with_file_name("criterion"));
    println!("{}", parts.text());
    sections.push(parts);
    head.push_str(&format!("- load when it ended: {}\n", report::load()));
    report::write(&directory(), &head, &sections);
    println!("{}", report::glance(&sections));
    println!("The report, with plots: {}", directory().join("report.md").display());
}

/// The cost of a send, in a report of its own.
fn cost_alone(settings: &Settings, head: &str) {
    println!("{head}");
    let section = cost::measure(settings);
    let text = section.text();
    println!("{text}");
    let report = directory().join("cost.md");
    fs::write(&report, format!("{head}- load when it ended: {}\n\n{text}", report::load())).unwrap();
    println!("The report: {}", report.display());
    println!("{}\n{}", report::glance(std::slice::from_ref(&section)), section.verdict());
}
