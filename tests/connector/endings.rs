//! Sends that end before they are settled: by their time-out, by being dropped, by an interruption. Each answers with the
//! truth and leaves nothing behind.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Meta, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::{BlackHole, SilentPort};
use mqtt_connector_tests::{Expect, Gate, ScriptedBroker, Step};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::faults::{connected, goodbye, publish, script};
use crate::runtime::two_workers;
use crate::support::{PATIENCE, config, operator, with};

fn connector() -> Arc<Connector> {
    Arc::new(Connector::new().unwrap())
}

async fn send(connector: &Connector, config: &Value, request: Value) -> Meta {
    static OPERATOR: LazyLock<Arc<Tenant>> = LazyLock::new(operator);
    let request = with(&json!({ "topic": "t", "content": "x" }), request).to_string();
    connector.send(&OPERATOR, &config.to_string(), &request).await.meta
}

/// A broker that accepts connections and MQTT, acknowledges no message, and keeps all that it reads.
struct Mute {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Mute {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mute = Self { port: listener.local_addr().unwrap().port(), heard: Arc::default() };
        let heard = Arc::clone(&mute.heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), heard) = (stream, Arc::clone(&heard)) else { return };
                std::thread::spawn(move || Self::listen(stream, &heard));
            }
        });
        mute
    }

    /// Until the client is gone. What one connection brings stands together.
    fn listen(mut stream: TcpStream, heard: &Mutex<Vec<u8>>) {
        let mut all = vec![0; 256];
        let connect = stream.read(&mut all).unwrap_or(0);
        all.truncate(connect);
        // A client whose time is over may have gone, before this or after.
        if connect > 0 && stream.write_all(&[0x20, 0x02, 0x00, 0x00]).is_ok() {
            stream.read_to_end(&mut all).ok();
        }
        heard.lock().unwrap().extend(all);
    }

    /// Whether `content` has come, with all the connections closed that may have brought it.
    fn has_heard(&self, content: &str) -> bool {
        let heard = self.heard.lock().unwrap();
        heard.windows(content.len()).any(|bytes| bytes == content.as_bytes())
    }
}

/// What this process has open, and how much memory it has, in KiB.
fn held() -> (usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    (descriptors, resident.trim().trim_end_matches(" kB").parse().unwrap())
}

/// Until nothing runs and every connection is closed on both sides; the count of descriptors is this process's.
async fn quiet(descriptors: usize) -> usize {
    let late = Instant::now() + PATIENCE;
    loop {
        let (open, _) = held();
        if (Handle::current().metrics().num_alive_tasks() == 0 && open <= descriptors)
            || Instant::now() > late
        {
            return open;
        }
        // Nobody tells when a descriptor is closed.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A process of its own, in which no other test opens anything: started by
/// [`ten_thousand_timeouts_leave_nothing_behind`].
#[test]
#[ignore = "a part of ten_thousand_timeouts_leave_nothing_behind"]
fn timeouts() {
    let (silent, hole, mute) = (SilentPort::open(), BlackHole::open(), Mute::start());
    let runtime = two_workers();
    runtime.block_on(async {
        let connector = connector();
        let round = async |sends: usize| {
            let batches = (0..50).map(|worker| {
                let connector = Arc::clone(&connector);
                let (silent, hole, mute) = (silent.port(), hole.port(), mute.port);
                tokio::spawn(async move {
                    let mut unsure = Vec::new();
                    for n in 0..sends / 50 {
                        let (broker, exit_code) = [
                            (format!("tcp://127.0.0.1:{silent}"), 75),
                            (format!("ssl://127.0.0.1:{silent}"), 75),
                            (format!("tcp://127.0.0.1:{hole}"), 75),
                            (format!("tcp://127.0.0.1:{mute}"), 79),
                        ][n % 4]
                            .clone();
                        let content = format!("<{sends}/{worker}/{n}>");
                        // Half of them share their connections with others.
                        let client_id = if n % 2 == 0 { format!("c{worker}") } else { format!("c{n}") };
                        let config =
                            json!({ "broker": broker, "client-id": client_id, "verify-server": false });
                        let timeout = if exit_code == 79 { 60 } else { 10 };
                        let request = json!({
                            "content": content, "timeout": timeout, "qos": 1 + n / 4 % 2,
                        });
                        let meta = send(&connector, &config, request).await;
                        if exit_code == 79 {
                            unsure.push((content, meta));
                        } else {
                            assert_eq!(meta.exit_code, exit_code, "{broker}: {}", meta.message);
                        }
                    }
                    unsure
                })
            });
            let mut unsure = Vec::new();
            for batch in batches.collect::<Vec<_>>() {
                unsure.extend(batch.await.unwrap());
            }
            unsure
        };
        // On a busy machine a message may not have been written in time, or a turn not have come: then it did not arrive.
        let judge = |unsure: Vec<(String, Meta)>| {
            let (written, too_late): (Vec<_>, Vec<_>) =
                unsure.iter().partition(|(_, meta)| meta.exit_code == 79);
            println!("{} of {} messages were written in time", written.len(), unsure.len());
            assert!(!written.is_empty(), "{unsure:?}");
            for (content, meta) in too_late {
                assert_eq!(meta.exit_code, 75, "{}", meta.message);
                assert!(!mute.has_heard(content), "{content} arrived: {}", meta.message);
            }
        };
        // The image of the component's memory stays open from the first instance on.
        connector.check(&operator(), "{}", "{}").await;
        let open = held().0;
        let few = round(500).await;
        assert_eq!(quiet(open).await, open, "descriptors, after a few");
        judge(few);
        let before = held();
        let many = round(10_000).await;
        assert_eq!(quiet(open).await, open, "descriptors");
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "tasks");
        let after = held();
        assert!(after.1 < before.1 + 8 * 1024, "memory: {} KiB before and {} KiB after", before.1, after.1);
        println!("memory: {} KiB before, {} KiB after", before.1, after.1);
        judge(many);
    });
}

#[test]
fn ten_thousand_timeouts_leave_nothing_behind() {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args(["--exact", "endings::timeouts", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_dropped_send_ends_its_connection_when_nobody_shares_it() {
    for (steps, packets) in [
        (vec![Step::expect(Expect::connect()), Step::expect_end()], 1),
        (script([connected(false), vec![Step::expect(publish(2)), Step::expect_end()]]), 2),
    ] {
        let broker = ScriptedBroker::builder().connection(steps).start();
        let runtime = two_workers();
        let connector = connector();
        let configuration = config(broker.port());
        let under_way = runtime.spawn({
            let connector = Arc::clone(&connector);
            async move { send(&connector, &configuration, json!({})).await }
        });
        broker.wait_for_packets(packets, PATIENCE);
        under_way.abort();
        assert!(runtime.block_on(under_way).unwrap_err().is_cancelled());
        broker.finish();
    }
}

#[test]
fn a_dropped_send_takes_no_other_with_it() {
    let gate = Gate::new();
    let steps = script([
        connected(false),
        vec![
            Step::expect(publish(1).packet_id(1)),
            Step::expect(publish(1).packet_id(2)),
            Step::wait_for(&gate),
            Step::respond(PacketType::PubAck),
        ],
        goodbye(),
    ]);
    let broker = ScriptedBroker::builder().connection(steps).start();
    let (runtime, connector, configuration) = (two_workers(), connector(), config(broker.port()));
    let start = || {
        let (connector, configuration) = (Arc::clone(&connector), configuration.clone());
        runtime.spawn(async move { send(&connector, &configuration, json!({ "qos": 1 })).await })
    };
    let dropped = start();
    broker.wait_for_packets(2, PATIENCE);
    let other = start();
    broker.wait_for_packets(3, PATIENCE);
    dropped.abort();
    assert!(runtime.block_on(dropped).unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(runtime.block_on(other).unwrap().exit_code, 0);
    runtime.block_on(connector.close());
    broker.finish();
}

#[test]
fn an_interruption_answers_at_once_with_what_is_known() {
    for (steps, packets, exit_code, words) in [
        (
            vec![Step::expect(Expect::connect())],
            1,
            75,
            "while waiting for CONNACK. Sending it again is safe.",
        ),
        (
            script([connected(false), vec![Step::expect(publish(2))]]),
            2,
            79,
            "while waiting for the acknowledgement). It may have arrived. Sending it again may duplicate it.",
        ),
    ] {
        let broker = ScriptedBroker::builder().connection(steps).start();
        let (runtime, connector, configuration) = (two_workers(), connector(), config(broker.port()));
        let under_way = runtime.spawn({
            let (connector, configuration) = (Arc::clone(&connector), configuration.clone());
            async move { send(&connector, &configuration, json!({})).await }
        });
        broker.wait_for_packets(packets, PATIENCE);
        let interrupted = Instant::now();
        connector.interrupt();
        let meta = runtime.block_on(under_way).unwrap();
        assert!(interrupted.elapsed() < Duration::from_millis(500), "{:?}", interrupted.elapsed());
        assert_eq!(meta.exit_code, exit_code, "{}", meta.message);
        assert!(
            meta.message.contains("interrupted after ") && meta.message.ends_with(words),
            "{}",
            meta.message
        );
        let later = runtime.block_on(send(&connector, &configuration, json!({})));
        assert_eq!(later.exit_code, 75, "{}", later.message);
        broker.finish();
    }
}
