//! A process for each message, as a script has it: from its start to its end.

use std::fs;
use std::path::Path;
use std::process::Command;

use mqtt_connector_tests::pki::KeyFormat;
use mqtt_connector_tests::{Mosquitto, Pki};

use crate::measure::{Bound, Case, Measured, Target, Unit};
use crate::programs::{connector, paho_script, time};
use crate::report::Section;
use crate::settings::{Settings, directory};

pub(crate) const PUB: &str = "mosquitto_pub";
const OWN: &str = "mqtt-connector send";

/// The most times as long as [`PUB`] that [`OWN`] may take over plain TCP, and with mutual TLS.
const PLAIN: f64 = 1.25;
const MUTUAL_TLS: f64 = 0.7;

pub(crate) fn measure(settings: &Settings, paho: Option<&Path>) -> Section {
    let broker = Mosquitto::builder().quiet_log().start();
    let payload = "x".repeat(64);
    let line = directory().join("line");
    fs::write(&line, format!("{payload}\n")).unwrap();
    let mut cases = Vec::new();
    let (port, address) = (broker.port(), format!("tcp://127.0.0.1:{}", broker.port()));
    for qos in 0..=2 {
        let peer = mosquitto_pub("127.0.0.1", port, qos, &payload);
        let ways = vec![timed(OWN, own(&address, qos, &payload)), timed(PUB, peer)];
        cases.push(Case::measure(format!("TCP, QoS {qos}"), Unit::Milliseconds, settings.rounds, ways));
    }
    let target = |bound| move |case: &Case| Target::ratio(case, OWN, PUB, Bound::AtMost(bound));
    let mut targets: Vec<_> = cases.iter().filter_map(target(PLAIN)).collect();
    cases.push(mutual_tls(settings, &payload));
    targets.extend(cases.last().and_then(target(MUTUAL_TLS)));
    if let Some(python) = paho {
        // By itself: what starts after Python finds little of its own in the processor's caches.
        let mut script = paho_script(python, port, "bench", 1, 20);
        let script: Measured<'_> = Box::new(|values| values.push(time(&mut script, Some(&line)) * 1e3));
        let peer = mosquitto_pub("127.0.0.1", port, 1, &payload);
        let ways =
            vec![timed(OWN, own(&address, 1, &payload)), ("paho-mqtt, Python", script), timed(PUB, peer)];
        cases.push(Case::measure(
            "TCP, QoS 1, Python between",
            Unit::Milliseconds,
            settings.rounds / 2,
            ways,
        ));
    }
    Section {
        name: "one-shot",
        title: "A process for each message",
        about: "From the start of the process to its end, 64 bytes. The program is a copy, as an installation leaves it."
            .to_owned(),
        cases,
        targets,
        notes: Vec::new(),
    }
}

fn mutual_tls(settings: &Settings, payload: &str) -> Case {
    let pki = Pki::new();
    let client = pki.client("bench", KeyFormat::Pkcs8);
    let broker = Mosquitto::builder().quiet_log();
    let broker = broker.mutual_tls(&pki.server(&["localhost", "127.0.0.1"]), pki.authority()).start();
    let (authority, certificate, key) =
        (pki.authority().path_str(), client.certificate().path_str(), client.key().path_str());
    let mut own = own(&format!("ssl://127.0.0.1:{}", broker.port()), 1, payload);
    own.args(["--root-ca-crt", authority, "--use-certificate"]);
    own.args(["--certificate", certificate, "--private-key", key]);
    let mut peer = mosquitto_pub("127.0.0.1", broker.port(), 1, payload);
    peer.args(["--cafile", authority, "--cert", certificate, "--key", key]);
    let ways = vec![timed(OWN, own), timed(PUB, peer)];
    Case::measure("mutual TLS, QoS 1", Unit::Milliseconds, settings.rounds, ways)
}

pub(crate) fn timed<'a>(name: &'a str, mut command: Command) -> (&'a str, Measured<'a>) {
    (name, Box::new(move |values| values.push(time(&mut command, None) * 1e3)))
}

fn own(broker: &str, qos: u8, payload: &str) -> Command {
    let mut command = Command::new(connector());
    command.args(["send", "--broker", broker, "--client-id", "bench", "--topic", "bench"]);
    command.args(["--qos", &qos.to_string(), "--content", payload]);
    command
}

pub(crate) fn mosquitto_pub(host: &str, port: u16, qos: u8, payload: &str) -> Command {
    let mut command = Command::new(PUB);
    command.args(["-h", host, "-p", &port.to_string(), "-i", "peer", "-t", "bench"]);
    command.args(["-q", &qos.to_string(), "-m", payload]);
    command
}
