//! Many messages over one connection: lines of a file, and what a Rust program would do instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mqtt_connector::{Connector, Tenant};
use mqtt_connector_tests::broker::MosquittoBuilder;
use mqtt_connector_tests::{Collector, Mosquitto};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::measure::{Bound, Case, Measured, Target, Unit};
use crate::programs::{connector, paho_script, sends_lines, time};
use crate::raw::{self, Raw};
use crate::report::Section;
use crate::service::current_thread;
use crate::settings::{Settings, directory};

pub(crate) const LINES: &str = "mqtt-connector send --lines";
const BATCH: &str = "library, send_batch";
pub(crate) const NATIVE: &str = "rumqttc";
pub(crate) const RAW: &str = "raw socket";
const PAHO: &str = "paho-mqtt, Python, a tenth";
pub(crate) const PUB: &str = "mosquitto_pub -l";

/// Requests in one `send_batch`.
const CHUNK: usize = 1000;

/// How long nothing has to arrive before messages count as lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// A way to send a batch once: its name, and what does it and returns the seconds that took.
pub(crate) type Sending<'a> = (&'static str, Box<dyn FnMut() -> f64 + 'a>);

/// What is sent: in each way the same.
pub(crate) struct Batch {
    qos: u8,
    lines: Vec<String>,
    /// The lines, for programs.
    file: PathBuf,
    /// The first tenth of them, for who would take too long with all.
    tenth: PathBuf,
    requests: Vec<Vec<String>>,
    payloads: Vec<Bytes>,
    packets: Vec<Vec<u8>>,
}

impl Batch {
    pub(crate) fn new(qos: u8, count: usize, size: usize) -> Self {
        let lines: Vec<_> = (0..count).map(|number| format!("{number:08}{}", "x".repeat(size - 8))).collect();
        let file = directory().join("lines");
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        let tenth = directory().join("tenth");
        fs::write(&tenth, lines[..count.div_ceil(10)].join("\n") + "\n").unwrap();
        let requests = lines.chunks(CHUNK);
        let requests =
            requests.map(|lines| lines.iter().map(|line| json!({ "content": line }).to_string()).collect());
        Self {
            qos,
            file,
            tenth,
            requests: requests.collect(),
            payloads: lines.iter().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect(),
            packets: raw::prepared("bench", qos, &lines),
            lines,
        }
    }

    /// Messages that may be unacknowledged: with more than 20 of QoS 2, mosquitto 2.0.11 loses some.
    fn window(&self) -> u16 {
        if self.qos == 2 { 20 } else { 100 }
    }
}

/// Who sends, and through what.
pub(crate) struct Sender<'a> {
    runtime: &'a Runtime,
    connector: Connector,
    tenant: Arc<Tenant>,
    paho: Option<&'a Path>,
    has_lines: bool,
}

pub(crate) fn measure(settings: &Settings, paho: Option<&Path>) -> Section {
    let runtime = current_thread();
    let sender = Sender::new(&runtime, paho);
    let own = if sender.has_lines { LINES } else { BATCH };
    let (mut cases, mut targets, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    if !sender.has_lines {
        notes.push(format!("`send --lines` is not there yet: `{BATCH}` stands for it"));
    }
    for (kind, nodelay, bounds) in
        [("as it comes", false, [1.0, 4.0, 3.0]), ("nodelay", true, [1.0, 1.5, 1.2])]
    {
        let broker = broker(nodelay).start();
        for (qos, bound) in (0..=2).zip(bounds) {
            let count = if qos == 0 { 5 * settings.lines } else { settings.lines };
            let name = format!("broker {kind}, 64 bytes, QoS {qos}");
            sender.case(
                settings,
                &broker,
                name,
                &Batch::new(qos, count, 64),
                bound,
                own,
                (&mut cases, &mut targets),
            );
        }
        let batch = Batch::new(1, settings.lines.div_ceil(10), 16 * 1024);
        let name = format!("broker {kind}, 16 KiB, QoS 1");
        sender.case(settings, &broker, name, &batch, 3.0, own, (&mut cases, &mut targets));
    }
    for (kind, nodelay) in [("as it comes", false), ("nodelay", true)] {
        // Its limits on what a slow subscriber is kept, and what it forgets in them, are not what is looked at.
        let broker = broker(nodelay).config("max_queued_messages 0").start();
        for qos in 0..=2 {
            eprintln!("bench: broker {kind}, QoS {qos}, what arrives");
            let batch = Batch::new(qos, settings.lines.div_ceil(10), 64);
            for (way, wrong) in sender.arrived(&broker, &batch) {
                let what = format!(
                    "broker {kind}, QoS {qos}: of {} messages lost or twice, {way}",
                    batch.lines.len()
                );
                if [LINES, BATCH].contains(&way) {
                    let measured = u32::try_from(wrong).unwrap().into();
                    targets.push(Target { what, measured, bound: Bound::AtMost(0.0) });
                } else if wrong > 0 {
                    notes.push(format!("{what}: {wrong}"));
                }
            }
        }
    }
    Section {
        name: "batches",
        title: "Batches",
        about: format!(
            "Lines over one connection, from the start (of the process, or before the connection) to the end; messages of \
             QoS 0 are five times as many, of 16 KiB a tenth. (mosquitto_pub -l takes 0.2 s for a \
             single line.) `{BATCH}` is given {CHUNK} requests at a time and keeps its \
             connection between them. rumqttc and the raw socket have 100 messages unacknowledged, 20 at QoS 2; both set \
             TCP_NODELAY. \"As it comes\" is a mosquitto without a configuration but for its listener; \"nodelay\" has \
             `set_tcp_nodelay true`. Nobody is subscribed, but when arrivals are counted, which is not timed."
        ),
        cases,
        targets,
        notes,
    }
}

/// A broker that logs nothing, with or without `set_tcp_nodelay true`.
pub(crate) fn broker(nodelay: bool) -> MosquittoBuilder {
    let broker = Mosquitto::builder().quiet_log().as_it_comes();
    if nodelay { broker.config("set_tcp_nodelay true") } else { broker }
}

impl<'a> Sender<'a> {
    /// With paho-mqtt on this Python, where there is one.
    pub(crate) fn new(runtime: &'a Runtime, paho: Option<&'a Path>) -> Self {
        let (connector, tenant) = (Connector::new().unwrap(), Arc::new(Tenant::unrestricted("bench")));
        Self { runtime, connector, tenant, paho, has_lines: sends_lines() }
    }

    #[expect(clippy::too_many_arguments, reason = "a case has as many")]
    fn case(
        &self,
        settings: &Settings,
        broker: &Mosquitto,
        name: String,
        batch: &Batch,
        bound: f64,
        own: &str,
        (cases, targets): (&mut Vec<Case>, &mut Vec<Target>),
    ) {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let count = batch.lines.len() as f64;
        let ways = self.ways(broker.port(), batch).into_iter().map(|(name, mut send)| {
            let measured: Measured<'_> = Box::new(move |values| values.push(count / send() / 1e3));
            (name, measured)
        });
        let case = Case::measure(name, Unit::Rate, settings.few_rounds(), ways.collect());
        targets.extend(Target::ratio(&case, own, PUB, Bound::AtLeast(bound)));
        targets.extend(Target::ratio(&case, own, NATIVE, Bound::AtLeast(0.8)));
        cases.push(case);
    }

    /// Each way to send the batch.
    pub(crate) fn ways<'b>(&'b self, port: u16, batch: &'b Batch) -> Vec<Sending<'b>> {
        let mut ways: Vec<Sending<'b>> = Vec::new();
        let qos = batch.qos.to_string();
        if self.has_lines {
            let mut own = Command::new(connector());
            own.args(["send", "--broker", &format!("tcp://127.0.0.1:{port}"), "--client-id", "lines"]);
            own.args(["--topic", "bench", "--qos", &qos, "--lines", "-"]);
            ways.push((LINES, Box::new(move || time(&mut own, Some(&batch.file)))));
        }
        ways.push((BATCH, Box::new(move || self.send_batch(port, batch))));
        ways.push((
            NATIVE,
            Box::new(move || {
                let started = Instant::now();
                let publish =
                    crate::native::publish(port, "bench", batch.qos, &batch.payloads, batch.window());
                self.runtime.block_on(publish);
                started.elapsed().as_secs_f64()
            }),
        ));
        ways.push((
            RAW,
            Box::new(move || {
                let started = Instant::now();
                let mut raw = Raw::connect(port, "raw");
                raw.pipeline(&batch.packets, batch.qos, batch.window().into());
                raw.close();
                started.elapsed().as_secs_f64()
            }),
        ));
        if let Some(python) = self.paho {
            let mut script = paho_script(python, port, "bench", batch.qos, batch.window());
            ways.push((PAHO, Box::new(move || time(&mut script, Some(&batch.tenth)) * 10.0)));
        }
        let mut peer = Command::new("mosquitto_pub");
        peer.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-i",
            "peer",
            "-t",
            "bench",
            "-q",
            &qos,
            "-l",
        ]);
        ways.push((PUB, Box::new(move || time(&mut peer, Some(&batch.file)))));
        ways
    }

    fn send_batch(&self, port: u16, batch: &Batch) -> f64 {
        let broker = format!("tcp://127.0.0.1:{port}");
        let config =
            json!({ "broker": broker, "client-id": "batch", "topic": "bench", "qos": batch.qos }).to_string();
        let started = Instant::now();
        self.runtime.block_on(async {
            for requests in &batch.requests {
                for response in self.connector.send_batch(&self.tenant, &config, requests).await {
                    assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
                }
            }
            self.connector.close().await;
        });
        started.elapsed().as_secs_f64()
    }

    /// Counts what an independent subscriber gets of a batch that is sent each way; says what was lost, or came twice.
    fn arrived(&self, broker: &Mosquitto, batch: &Batch) -> Vec<(&'static str, usize)> {
        let (sender, arrivals) = mpsc::channel();
        let collector = Collector::start(broker.port(), "collector", "#", move |publish| {
            let _ = sender.send(publish.payload);
        });
        let mut wrong = Vec::new();
        for (name, mut send) in self.ways(broker.port(), batch) {
            // It does not send all.
            if name == PAHO {
                continue;
            }
            send();
            let mut seen = vec![false; batch.lines.len()];
            let (mut missing, mut twice) = (seen.len(), 0);
            while missing > 0
                && let Ok(payload) = arrivals.recv_timeout(PATIENCE)
            {
                let number: usize = std::str::from_utf8(&payload[..8]).unwrap().parse().unwrap();
                if std::mem::replace(&mut seen[number], true) {
                    twice += 1;
                } else {
                    missing -= 1;
                }
            }
            wrong.push((name, missing + twice));
        }
        assert_eq!(collector.problems(), [""; 0]);
        wrong
    }
}
