//! A real broker: [`Mosquitto`], one for each test.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{self, Process, Watched, lock};

mod builder;

pub use builder::MosquittoBuilder;

const PACKAGES: &str = "mosquitto mosquitto-clients";

/// How long a start or an orderly stop may take on a machine under load.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mosquitto of its own on a free loopback port, ended when dropped.
///
/// It acknowledges without delay (`set_tcp_nodelay`), has no limit on messages in flight (with
/// [`persistence`](MosquittoBuilder::persistence): 10,000 for a client) or in queues, keeps nothing on disk unless asked
/// to, and logs everything.
///
/// ```
/// use mqtt_connector_tests::Mosquitto;
///
/// let broker = Mosquitto::builder().password("user", "secret").start();
/// println!("connect to {}", broker.address());
/// ```
#[derive(Debug)]
pub struct Mosquitto {
    program: PathBuf,
    port: u16,
    directory: TempDir,
    process: Mutex<Option<Process>>,
    log: Arc<Watched<Log>>,
    /// Whether it logs who connects.
    logs_connections: bool,
    is_paused: AtomicBool,
}

#[derive(Debug, Default)]
struct Log {
    text: String,
    /// Output streams of the running process that are still open.
    open_streams: usize,
}

impl Mosquitto {
    /// Starts one without TLS that lets everybody in.
    ///
    /// # Panics
    ///
    /// As [`MosquittoBuilder::start`].
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Configures one.
    pub fn builder() -> MosquittoBuilder {
        MosquittoBuilder::default()
    }

    /// The port it listens on, the same after [`restart`](Self::restart).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens: 127.0.0.1 and [`port`](Self::port).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The number of its process, to look up what that has used.
    ///
    /// # Panics
    ///
    /// If it does not run.
    #[track_caller]
    #[must_use]
    pub fn pid(&self) -> u32 {
        lock(&self.process).as_ref().map(Process::id).expect("the broker does not run")
    }

    /// All that it has logged so far, over all restarts, with everything that led to an answer which a client has. For that it
    /// connects to a broker that runs, and leaves two lines about a client `<unknown>`.
    ///
    /// What is there to be found (mosquitto 2.0):
    ///
    /// ```text
    /// New client connected from 127.0.0.1:45718 as the-client-id (p2, c1, k60, u'user').
    /// No will message specified.
    /// Sending CONNACK to the-client-id (0, 0)
    /// Received PUBLISH from the-client-id (d0, q2, r0, m1, 'the/topic', ... (3 bytes))
    /// Sending PUBREC to the-client-id (m1, rc0)
    /// Received DISCONNECT from the-client-id
    /// ```
    ///
    /// `p2` is MQTT 3.1.1 and `p5` MQTT 5, `c` clean session, `k` the keep-alive in seconds.
    #[must_use]
    pub fn log(&self) -> String {
        self.catch_up();
        self.text()
    }

    /// Waits until the log contains `text`, or already does.
    ///
    /// # Panics
    ///
    /// When it does not after `timeout`; the message holds the log.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str, timeout: Duration) {
        let mut seen = 0;
        let found = self.log.wait(timeout, |log| {
            let found = log.text[seen..].contains(text);
            // Whole lines are appended, so nothing that is looked for starts in an old one, but for its line end.
            seen = if text.contains('\n') { 0 } else { log.text.len() };
            found.then_some(())
        });
        assert!(
            found.is_some(),
            "mosquitto did not log {text:?} within {timeout:?}; it logged:\n{}",
            self.text()
        );
    }

    /// What has been read of its log.
    fn text(&self) -> String {
        self.log.read(|log| log.text.clone())
    }

    /// Waits until all is read that it has logged by now. It has one thread: when it logs a new connection, it has logged all that
    /// was before.
    fn catch_up(&self) {
        if !self.logs_connections || self.is_paused.load(Ordering::Relaxed) || lock(&self.process).is_none() {
            return;
        }
        let before = self.log.read(|log| log.text.len());
        let Ok(connection) = TcpStream::connect(self.address()) else { return };
        let Ok(client) = connection.local_addr() else { return };
        let line = format!("New connection from {}:{} on port", client.ip(), client.port());
        self.log.wait(PATIENCE, |log| {
            (log.text[before..].contains(&line) || log.open_streams == 0).then_some(())
        });
    }

    /// Ends it in order (SIGTERM), as an administrator would; with persistence it saves its state.
    pub fn stop(&self) {
        if let Some(process) = lock(&self.process).take() {
            process.stop(PATIENCE);
        }
    }

    /// Ends it at once (SIGKILL), as a crash would.
    pub fn kill(&self) {
        drop(lock(&self.process).take());
    }

    /// Starts it again on the same port with the same configuration; stops it in order first if it runs.
    ///
    /// Sessions and retained messages are back only with [`MosquittoBuilder::persistence`].
    ///
    /// # Panics
    ///
    /// If it does not come up.
    #[track_caller]
    pub fn restart(&self) {
        self.stop();
        if let Err(problem) = self.run(PATIENCE) {
            panic!("mosquitto did not start again: {problem}");
        }
    }

    /// Freezes it (SIGSTOP): connections stay open, the kernel still accepts new ones, nothing is answered.
    pub fn pause(&self) {
        self.is_paused.store(true, Ordering::Relaxed);
        self.signal(Signal::STOP);
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
        self.is_paused.store(false, Ordering::Relaxed);
    }

    /// Has it write its state to disk now (SIGUSR1), so that it survives [`kill`](Self::kill).
    ///
    /// # Panics
    ///
    /// If it does not; it only does with [`MosquittoBuilder::persistence`], and says so in the full log.
    #[track_caller]
    pub fn save(&self) {
        let saves = |log: &Log| log.text.matches("Saving in-memory database").count();
        let before = self.log.read(saves);
        self.signal(Signal::USR1);
        let saved = self.log.wait(PATIENCE, |log| (saves(log) > before).then_some(()));
        assert!(saved.is_some(), "mosquitto did not save its state; it logged:\n{}", self.text());
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = lock(&self.process).as_mut() {
            process.signal(signal);
        }
    }

    /// Starts the process and waits until it serves; tries again while its port is taken, for `patience`.
    fn run(&self, patience: Duration) -> Result<(), Problem> {
        let deadline = Instant::now() + patience;
        loop {
            match self.run_once() {
                Err(Problem::PortTaken) if Instant::now() < deadline => {
                    // Nobody tells when a port becomes free.
                    thread::sleep(Duration::from_millis(20));
                }
                other => return other,
            }
        }
    }

    fn run_once(&self) -> Result<(), Problem> {
        let before = self.log.change(|log| {
            log.open_streams = 2;
            log.text.len()
        });
        let mut command = process::command(&self.program);
        command.arg("-c").arg(self.directory.path().join("mosquitto.conf"));
        let (lines, ends) = (Arc::clone(&self.log), Arc::clone(&self.log));
        let process = Process::start(
            command,
            move |line| {
                lines.change(|log| {
                    log.text.push_str(line);
                    log.text.push('\n');
                });
            },
            move || ends.change(|log| log.open_streams = log.open_streams.saturating_sub(1)),
        )
        .map_err(|error| Problem::Failed(error.to_string()))?;

        let outcome = self.log.wait(PATIENCE, |log| {
            let text = &log.text[before..];
            let running =
                text.lines().any(|line| line.starts_with("mosquitto version") && line.ends_with("running"));
            match (running, log.open_streams) {
                (true, _) => Some(Ok(())),
                (false, 0) if text.contains("Address already in use") => Some(Err(Problem::PortTaken)),
                (false, 0) => Some(Err(Problem::Failed(text.to_owned()))),
                _ => None,
            }
        });
        match outcome {
            Some(Ok(())) => {
                self.is_paused.store(false, Ordering::Relaxed);
                *lock(&self.process) = Some(process);
                Ok(())
            }
            Some(Err(problem)) => Err(problem),
            None => Err(Problem::Failed(format!("not ready within {PATIENCE:?}; log:\n{}", self.text()))),
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- log of mosquitto on port {}\n{}---", self.port, self.text());
        }
    }
}

/// Why a start did not succeed.
#[derive(Debug)]
enum Problem {
    PortTaken,
    Failed(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken => f.write_str("its port is taken"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}
