//! `POST /v1/send` of the service, beside services of others: an HTTP request, a message with QoS 1, an answer when PUBACK has come.

pub(crate) mod raw_mqtt;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mqtt_connector::TokenDigest;
use mqtt_connector_tests::Mosquitto;
use mqtt_connector_tests::port::free_port;

use crate::measure::{Bound, Case, Target, Unit, Way};
use crate::programs;
use crate::report::Section;
use crate::settings::{Settings, directory};

/// How this program is started as the service in front of a raw MQTT connection.
pub(crate) const WORKER: &str = "http-raw-mqtt";

const TOKEN: &str = "bench";
const SECONDS: u32 = 2;

const SERVICE: &str = "mqtt-connector serve";
const RAW: &str = "same HTTP stack, raw MQTT connection";
const FASTIFY: &str = "fastify + mqtt.js";
const NODE_RED: &str = "Node-RED, complete node";

/// A service that is measured; ended when dropped.
struct Server {
    name: &'static str,
    child: Child,
    url: String,
}

impl Server {
    /// Starts `command`, and waits until a line of it has `ready` in it.
    fn start(name: &'static str, mut command: Command, ready: &str, url: String) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        let outputs: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        drop(sender);
        assert!(lines.iter().any(|line| line.contains(ready)), "{name} does not start");
        Self { name, child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `wrk` has measured: thousand requests in a second, and the 99th percentile in milliseconds.
fn load(server: &Server, connections: u32) -> [f64; 2] {
    let mut wrk = Command::new("wrk");
    wrk.args(["--latency", "-t", if connections == 1 { "1" } else { "2" }, "-c", &connections.to_string()]);
    wrk.args(["-d", &format!("{SECONDS}s"), "-s"]).arg(directory().join("post.lua")).arg(&server.url);
    let output = wrk.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !said.contains("Non-2xx"), "{}: {said}", server.name);
    let after = |label: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label} is not in {said}")).trim().to_owned()
    };
    let rate: f64 = after("Requests/sec:").parse().unwrap();
    let p99 = after("99%");
    let (number, unit) = p99.split_at(p99.find(|c: char| c.is_alphabetic()).unwrap());
    let scale = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        other => panic!("wrk says {other}"),
    };
    [rate / 1e3, number.parse::<f64>().unwrap() * scale]
}

pub(crate) fn measure(settings: &Settings) -> Section {
    let broker = Mosquitto::builder().quiet_log().start();
    let home = directory().join("http");
    fs::create_dir_all(&home).unwrap();
    fs::write(
        directory().join("post.lua"),
        format!(
            "wrk.method = 'POST'\nwrk.body = '{{\"content\": \"{}\"}}'\nwrk.headers['Content-Type'] = 'application/json'\n\
             wrk.headers['Authorization'] = 'Bearer {TOKEN}'\n",
            "x".repeat(480)
        ),
    )
    .unwrap();
    let mut notes = Vec::new();
    let mut servers = vec![service(&home, broker.port())];
    for peer in [fastify(&home, broker.port()), node_red(&home, broker.port())] {
        match peer {
            Ok(server) => servers.push(server),
            Err(reason) => notes.push(reason),
        }
    }
    servers.push(raw(broker.port()));

    let rounds = settings.few_rounds();
    let mut cases = Vec::new();
    for connections in [1, 16, 64] {
        eprintln!("bench: {connections} connections");
        let mut values = vec![[Vec::new(), Vec::new()]; servers.len()];
        for round in 0..=rounds {
            for (server, [rates, latencies]) in servers.iter().zip(&mut values) {
                let [rate, p99] = load(server, connections);
                if round > 0 {
                    rates.push(rate);
                    latencies.push(p99);
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
             takes the content out of the body and writes PUBLISH to one connection."
        ),
        targets: targets.into_iter().flatten().collect(),
        cases,
        notes,
    }
}

fn service(home: &Path, port: u16) -> Server {
    let sha256 = TokenDigest::of(TOKEN);
    let tenants = format!(
        "[tenants.bench]\nbrokers = [\"tcp://127.0.0.1:{port}\"]\ntopics = [\"bench\"]\n\
         limits.messages-per-second = 4294967295\nlimits.concurrent-sends = 10000\n\
         config = {{ broker = \"tcp://127.0.0.1:{port}\", client-id = \"serve\", topic = \"bench\", qos = 1 }}\n\
         [[tenants.bench.tokens]]\nname = \"bench\"\nsha256 = \"{sha256}\"\n"
    );
    fs::write(home.join("tenants.toml"), tenants).unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(programs::serve());
    command.current_dir(home).args(["serve", "--tenants", "tenants.toml", "--listen", &listen]);
    Server::start(SERVICE, command, "listening on", format!("http://{listen}/v1/send"))
}

fn raw(port: u16) -> Server {
    let listen = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([WORKER, &listen, &port.to_string()]);
    Server::start(RAW, command, "listening on", format!("http://{listen}/v1/send"))
}

/// Packages of npm, in a directory below `home`; or why there are none.
fn npm(home: &Path, packages: &[&str]) -> Result<PathBuf, String> {
    let directory = home.join(packages[0].split('@').next().unwrap_or_default());
    if !directory.join("node_modules").exists() {
        fs::create_dir_all(&directory).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-fund", "--no-audit", "--prefix"]).arg(&directory).args(packages);
        let output =
            npm.output().map_err(|error| format!("{} is not measured: npm: {error}", packages[0]))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "{} is not measured: npm: {}",
                packages[0],
                said.lines().last().unwrap_or_default()
            ));
        }
    }
    Ok(directory)
}

fn fastify(home: &Path, port: u16) -> Result<Server, String> {
    let directory = npm(home, &["fastify@5.12.0", "mqtt@5.16.0"])?;
    let script = directory.join("service.mjs");
    fs::write(&script, include_str!("http/fastify.mjs")).unwrap();
    let listen = free_port().to_string();
    let mut command = Command::new("node");
    command.arg(script).args([&listen, &port.to_string()]).env("NODE_ENV", "production");
    Ok(Server::start(FASTIFY, command, "listening on", format!("http://127.0.0.1:{listen}/v1/send")))
}

fn node_red(home: &Path, port: u16) -> Result<Server, String> {
    let directory = npm(home, &["node-red@4.1.0"])?;
    let flows = include_str!("http/node-red.json").replace("\"BROKER_PORT\"", &format!("\"{port}\""));
    fs::write(directory.join("flows.json"), flows).unwrap();
    let listen = free_port().to_string();
    let mut command = Command::new("node");
    command.arg("node_modules/node-red/red.js").args(["--userDir", ".", "--port", &listen, "flows.json"]);
    command.current_dir(&directory);
    let server =
        Server::start(NODE_RED, command, "Connected to broker", format!("http://127.0.0.1:{listen}/v1/send"));
    Ok(server)
}
