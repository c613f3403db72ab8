//! `POST /v1/send` of the service, beside services of others: an HTTP request, a message with QoS 1, an answer when PUBACK has come.

pub(crate) mod raw_mqtt;
pub(crate) mod server;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use mqtt_connector::TokenDigest;
use mqtt_connector_tests::Mosquitto;
use mqtt_connector_tests::port::free_port;

use crate::measure::{Bound, Case, Target, Unit, Way};
use crate::programs;
use crate::report::Section;
use crate::settings::{Settings, directory};
use server::{Calls, Server};

/// How this program is started as the service in front of a raw MQTT connection.
pub(crate) const WORKER: &str = "http-raw-mqtt";

/// The token of the service's tenant.
pub(crate) const TOKEN: &str = "bench";

const SECONDS: u32 = 2;

const SERVICE: &str = "mqtt-connector serve";
const RAW: &str = "same HTTP stack, raw MQTT connection";
const FASTIFY: &str = "fastify + mqtt.js";
const NODE_RED: &str = "Node-RED, complete node";
/// On the Node with which the figures were measured that the goals are made of.
const NODE_RED_20: &str = "Node-RED, complete node, on Node 20";

pub(crate) fn measure(settings: &Settings) -> Section {
    let broker = Mosquitto::builder().quiet_log().start();
    let home = directory().join("http");
    fs::create_dir_all(&home).unwrap();
    let body = format!("{{\"content\": \"{}\"}}", "x".repeat(480));
    let calls = Calls::post(&home, "/v1/send", TOKEN, &body);
    let port = broker.port();
    let servers = [
        service(&home, port),
        fastify(&home, port),
        node_red(NODE_RED, "npm", &home.join("node-red"), port),
        node_red(NODE_RED_20, "node-20", &home.join("node-red-20"), port),
        raw(port),
    ];

    let rounds = settings.few_rounds();
    let mut cases = Vec::new();
    for connections in [1, 16, 64] {
        eprintln!("bench: {connections} connections");
        let mut values = vec![[Vec::new(), Vec::new()]; servers.len()];
        for round in 0..=rounds {
            for (server, [rates, latencies]) in servers.iter().zip(&mut values) {
                let load = calls.make(server, connections, SECONDS);
                if round > 0 {
                    rates.push(load.rate);
                    latencies.push(load.p99);
                }
            }
        }
        let ways = |index: usize| {
            let ways = servers.iter().zip(&values);
            ways.map(|(server, values)| Way { name: server.name.to_owned(), values: values[index].clone() })
                .collect()
        };
        cases.push(Case { name: format!("{connections} connections"), unit: Unit::Rate, ways: ways(0) });
        cases.push(Case {
            name: format!("{connections} connections, p99"),
            unit: Unit::Milliseconds,
            ways: ways(1),
        });
    }
    let [rate, p99] = [&cases[2], &cases[3]];
    let targets = [
        Target::ratio(rate, SERVICE, FASTIFY, Bound::AtLeast(1.2)),
        Target::ratio(rate, SERVICE, NODE_RED_20, Bound::AtLeast(5.0)),
        Target::ratio(rate, SERVICE, NODE_RED, Bound::AtLeast(5.0)),
        Target::ratio(rate, SERVICE, RAW, Bound::AtLeast(0.5)),
        Target::ratio(p99, SERVICE, FASTIFY, Bound::AtMost(1.0)),
        Target::ratio(p99, SERVICE, NODE_RED, Bound::AtMost(1.0)),
        Target::ratio(p99, SERVICE, RAW, Bound::AtMost(1.0)),
    ];
    Section {
        name: "http",
        title: "A service over HTTP",
        about: format!(
            "`wrk` asks for a message of 480 bytes with QoS 1 and waits for the answer, {SECONDS} s in a round, one service after the \
             other; each answers when PUBACK has come. The same HTTP stack has neither component nor tenant nor token: it \
             takes the content out of the body and writes PUBLISH to one connection. fastify 5.12.0, mqtt.js 5.16.0 and Node-RED 4.1.0 \
             run on Node 24, and Node-RED once more on Node 20."
        ),
        targets: targets.into_iter().flatten().collect(),
        cases,
        notes: Vec::new(),
    }
}

/// The service, for one tenant with [`TOKEN`]; its store is in `home`.
pub(crate) fn service(home: &Path, port: u16) -> Server {
    let sha256 = TokenDigest::of(TOKEN);
    let tenants = format!(
        "[tenants.bench]\nbrokers = [\"tcp://127.0.0.1:{port}\"]\ntopics = [\"bench\"]\n\
         limits.messages-per-second = 4294967295\nlimits.concurrent-sends = 10000\n\
         limits.waiting-executions = 4294967295\n\
         config = {{ broker = \"tcp://127.0.0.1:{port}\", client-id = \"serve\", topic = \"bench\", qos = 1 }}\n\
         [[tenants.bench.tokens]]\nname = \"bench\"\nsha256 = \"{sha256}\"\n"
    );
    fs::write(home.join("tenants.toml"), tenants).unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(programs::serve());
    command.current_dir(home).args(["serve", "--tenants", "tenants.toml", "--listen", &listen]);
    Server::start(SERVICE, command, "listening on", &listen)
}

fn raw(port: u16) -> Server {
    let listen = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([WORKER, &listen, &port.to_string()]);
    Server::start(RAW, command, "listening on", &listen)
}

/// What `make` has installed of npm, and Node.
fn peers() -> PathBuf {
    let peers = directory().with_file_name("tools").join("peers");
    assert!(peers.join("made").exists(), "{} is not there: `make bench` installs it", peers.display());
    peers
}

/// The Node of the tools that is in the folder `version`.
fn node(version: &str) -> Command {
    let mut node = Command::new(directory().with_file_name("tools").join(version).join("bin/node"));
    node.env("NODE_ENV", "production");
    node
}

fn fastify(home: &Path, port: u16) -> Server {
    let directory = fresh(&home.join("fastify"));
    // A module is looked for beside the script that names it.
    symlink(peers().join("node_modules"), directory.join("node_modules")).unwrap();
    fs::write(directory.join("service.mjs"), include_str!("http/fastify.mjs")).unwrap();
    let listen = free_port().to_string();
    let mut command = node("npm");
    command.current_dir(&directory).arg("service.mjs").args([&listen, &port.to_string()]);
    Server::start(FASTIFY, command, "listening on", &format!("127.0.0.1:{listen}"))
}

fn node_red(name: &'static str, version: &str, home: &Path, port: u16) -> Server {
    let directory = fresh(home);
    // Two that have one client identifier throw each other out.
    let flows = include_str!("http/node-red.json")
        .replace("\"BROKER_PORT\"", &format!("\"{port}\""))
        .replace("NODE_RED", version);
    fs::write(directory.join("flows.json"), flows).unwrap();
    let listen = free_port().to_string();
    let mut command = node(version);
    command.current_dir(&directory).arg(peers().join("node_modules/node-red/red.js"));
    command.args(["--userDir", ".", "--port", &listen, "flows.json"]);
    Server::start(name, command, "Connected to broker", &format!("127.0.0.1:{listen}"))
}

/// An empty directory.
pub(crate) fn fresh(directory: &Path) -> PathBuf {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).unwrap();
    directory.to_owned()
}
