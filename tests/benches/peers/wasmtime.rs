//! The composed component under the stock `wasmtime`, beside the program for the machine: a process for one message, and a batch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mqtt_connector_tests::Mosquitto;

use crate::batches;
use crate::measure::{Bound, Case, Measured, Target, Unit};
use crate::one_shot::{self, PUB};
use crate::programs::{connector, time};
use crate::report::Section;
use crate::settings::{Settings, directory};

const NATIVE: &str = "mqtt-connector";
const FIRST: &str = "wasmtime run, nothing kept";
const CACHED: &str = "wasmtime run";
const COMPILED: &str = "wasmtime run, compiled before";

/// Lines of a batch, and the most times as long as [`NATIVE`] that [`COMPILED`] may take for them.
const LINES: usize = 1000;
const BATCH: f64 = 1.5;

pub(crate) fn measure(settings: &Settings) -> Section {
    let payload = "x".repeat(64);
    let lines = directory().join("thousand");
    fs::write(&lines, format!("{payload}\n").repeat(LINES)).unwrap();
    let programs = Programs::new();
    let (mut cases, mut targets) = (Vec::new(), Vec::new());
    {
        let broker = Mosquitto::builder().quiet_log().start();
        let (port, address) = (broker.port(), format!("tcp://127.0.0.1:{}", broker.port()));
        let ways = |names: &[&'static str]| {
            let mut ways: Vec<_> = names.iter().map(|name| programs.one(name, &address, &payload)).collect();
            ways.push(one_shot::timed(PUB, one_shot::mosquitto_pub("127.0.0.1", port, 1, &payload)));
            ways
        };
        for (name, rounds, names) in [
            ("a process, QoS 1, the first", settings.few_rounds(), &[FIRST, NATIVE][..]),
            ("a process, QoS 1", settings.rounds, &[CACHED, COMPILED, NATIVE]),
        ] {
            cases.push(Case::measure(name, Unit::Milliseconds, rounds, ways(names)));
        }
    }
    for (kind, nodelay) in [("as it comes", false), ("nodelay", true)] {
        let broker = batches::broker(nodelay).start();
        let address = format!("tcp://127.0.0.1:{}", broker.port());
        for qos in 0..=2 {
            let name = format!("{LINES} lines, broker {kind}, QoS {qos}");
            let ways = [CACHED, COMPILED, NATIVE];
            let ways = ways.map(|way| programs.batch(way, &address, qos, &lines)).into();
            let case = Case::measure(name, Unit::Milliseconds, settings.rounds, ways);
            targets.extend(Target::ratio(&case, COMPILED, NATIVE, Bound::AtMost(BATCH)));
            cases.push(case);
        }
    }
    let version = Command::new(&programs.wasmtime).arg("--version").output().unwrap().stdout;
    Section {
        name: "wasmtime",
        title: "Under wasmtime",
        about: format!(
            "From the start of the process to its end, 64 bytes, {}. \"{FIRST}\" compiles the component; \"{CACHED}\" finds what an \
             earlier run has compiled, in the cache that wasmtime keeps; \"{COMPILED}\" is given the output of `wasmtime compile`.",
            String::from_utf8_lossy(&version).trim()
        ),
        cases,
        targets,
        notes: Vec::new(),
    }
}

/// Who is measured.
struct Programs {
    wasmtime: PathBuf,
    component: PathBuf,
    /// The component as machine code.
    code: PathBuf,
}

impl Programs {
    fn new() -> Self {
        let target = directory().with_file_name("");
        let (wasmtime, component) =
            (target.join("tools/wasmtime-48/wasmtime"), target.join("mqtt-connector.wasm"));
        for part in [&wasmtime, &component] {
            assert!(part.exists(), "{} is not there; `make component wasmtime` leaves it", part.display());
        }
        let code = directory().join("mqtt-connector.cwasm");
        let compiled = Command::new(&wasmtime).arg("compile").arg(&component).arg("-o").arg(&code).status();
        assert!(compiled.unwrap().success());
        Self { wasmtime, component, code }
    }

    /// `send` with the broker at `address`.
    fn send(&self, way: &str, address: &str) -> Command {
        let mut command = if way == NATIVE {
            Command::new(connector())
        } else {
            let mut command = Command::new(&self.wasmtime);
            command.args(["run", "-S", "inherit-network"]);
            match way {
                FIRST => command.args(["-C", "cache=n"]).arg(&self.component),
                CACHED => command.arg(&self.component),
                _ => command.arg("--allow-precompiled").arg(&self.code),
            };
            command
        };
        command.args(["send", "--broker", address, "--client-id", "bench", "--topic", "bench"]);
        command
    }

    fn one(&self, way: &'static str, address: &str, payload: &str) -> (&'static str, Measured<'static>) {
        let mut command = self.send(way, address);
        command.args(["--qos", "1", "--content", payload]);
        one_shot::timed(way, command)
    }

    fn batch<'a>(
        &self,
        way: &'static str,
        address: &str,
        qos: u8,
        lines: &'a Path,
    ) -> (&'static str, Measured<'a>) {
        let mut command = self.send(way, address);
        command.args(["--qos", &qos.to_string(), "--lines", "-"]);
        (way, Box::new(move |values| values.push(time(&mut command, Some(lines)) * 1e3)))
    }
}
