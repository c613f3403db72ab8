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
//! # Where the time of a send goes
//!
//! By `perf`, `strace` and the benchmark `parts`, 2 cores, 2026-11-22, before anything was made faster:
//!
//! - A process, 3.5 ms beside 1.7 of mosquitto_pub (`perf stat`): 2.0 until `--version` is answered, of which some 0.9 are
//!   67,332 relocations of a program of 35 MB (465 page faults, mosquitto_pub has 213 in all); 1.5 for the engine and the
//!   component until `check` is answered; less than 0.3 for the broker.
//! - A send over a warm connection, QoS 1, 72 µs beside 8 on one core: 46 % in the kernel, mostly for the memory of an
//!   instance, which is new each time (2 mmap, 2 mprotect, 1 munmap, 7 page faults); 29 % in the host; 9 % in the
//!   component's own code; 6 % in malloc and memcpy. The instance takes 9 µs, with the component's work 32, `check` 44.
//! - A batch: 3 µs a message in the component, 41 with 16 KiB, that is 2.5 ns a byte, of which 78 % and 54 % are its own
//!   code.
//! - To a broker with Nagle's algorithm each `send_batch` ends with a pause of 40 ms: the last acknowledgements wait for
//!   ours of TCP, which waits for a message to go with. 1,000 messages in 52 ms, whatever the rest takes.
//!
//! And what bounds it now, by `callgrind`, `strace` and `/proc/PID/schedstat`, on the same day:
//!
//! - A send over a warm connection: 156,000 instructions (with a pool of 4 places, where valgrind knows no `PAGEMAP_SCAN`):
//!   wasmtime 45,000, the component 32,000, putting memory back and copying 33,000, tokio 9,000, malloc 9,000, this library
//!   9,000, hashes 4,000. Five system calls: a look whether the idle connection still stands, write, epoll, read, and one for
//!   the instance's memory. 26 µs where client and broker share a core and a raw round trip takes 8.
//! - Lines are bounded by the broker: mosquitto computes some 3.2 µs for a message of QoS 1 and 8 for one of QoS 2, so that
//!   nobody gets more than 310,000 and 120,000 a second from it; 4 and 3 times `mosquitto_pub -l` would be 430,000 and
//!   170,000. The raw socket gets 205,000 at QoS 1. `send --lines` computes 3.3 µs a line meanwhile, on the other core.
//! - Lines of 16 KiB take 34 µs of the client: each is copied by the reader, into the request, into the component, inside it,
//!   out of it, behind the others that are to be written, and to the kernel.
//! - It makes no difference whether `mosquitto_pub -l` reads a file, a pipe, or a pipe that is written line by line: 527, 638
//!   and 584 ms for 50,000 lines of QoS 1. It takes 0.2 s for 2,000 lines as well, which are then 9,000 a second.
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
