//! A real broker: [`Mosquitto`], one for each test.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process;
use crate::server::{NotStarted, Server};

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
    server: Server,
    /// Whether it logs who connects.
    logs_connections: bool,
    is_paused: AtomicBool,
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
        self.server.id().expect("the broker does not run")
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
        self.server.text()
    }

    /// Waits until the log contains `text`, or already does.
    ///
    /// # Panics
    ///
    /// When it does not after `timeout`; the message holds the log.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str, timeout: Duration) {
        let mut seen = 0;
        let found = self.server.wait(timeout, |log, _| {
            let found = log[seen..].contains(text);
            // Whole lines are appended, so nothing that is looked for starts in an old one, but for its line end.
            seen = if text.contains('\n') { 0 } else { log.len() };
            found.then_some(())
        });
        assert!(
            found.is_some(),
            "mosquitto did not log {text:?} within {timeout:?}; it logged:\n{}",
            self.server.text()
        );
    }

    /// Waits until all is read that it has logged by now. It has one thread: when it logs a new connection, it has logged all that
    /// was before.
    fn catch_up(&self) {
        if !self.logs_connections || self.is_paused.load(Ordering::Relaxed) || self.server.id().is_none() {
            return;
        }
        let before = self.server.read(str::len);
        let Ok(connection) = TcpStream::connect(self.address()) else { return };
        let Ok(client) = connection.local_addr() else { return };
        let line = format!("New connection from {}:{} on port", client.ip(), client.port());
        self.server.wait(PATIENCE, |log, is_more| (log[before..].contains(&line) || !is_more).then_some(()));
    }

    /// Ends it in order (SIGTERM), as an administrator would; with persistence it saves its state.
    pub fn stop(&self) {
        self.server.stop(PATIENCE);
    }

    /// Ends it at once (SIGKILL), as a crash would.
    pub fn kill(&self) {
        self.server.kill();
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
        self.server.signal(Signal::STOP);
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.server.signal(Signal::CONT);
        self.is_paused.store(false, Ordering::Relaxed);
    }

    /// Has it write its state to disk now (SIGUSR1), so that it survives [`kill`](Self::kill).
    ///
    /// # Panics
    ///
    /// If it does not; it only does with [`MosquittoBuilder::persistence`], and says so in the full log.
    #[track_caller]
    pub fn save(&self) {
        let saves = |log: &str| log.matches("Saving in-memory database").count();
        let before = self.server.read(saves);
        self.server.signal(Signal::USR1);
        let saved = self.server.wait(PATIENCE, |log, _| (saves(log) > before).then_some(()));
        assert!(saved.is_some(), "mosquitto did not save its state; it logged:\n{}", self.server.text());
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
        let mut command = process::command(&self.program);
        command.arg("-c").arg(self.directory.path().join("mosquitto.conf"));
        let is_ready = |text: &str| {
            text.lines().any(|line| line.starts_with("mosquitto version") && line.ends_with("running"))
        };
        match self.server.run(command, PATIENCE, is_ready) {
            Ok(()) => {
                self.is_paused.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(NotStarted::Ended(log)) if log.contains("Address already in use") => Err(Problem::PortTaken),
            Err(NotStarted::Ended(text) | NotStarted::Failed(text)) => Err(Problem::Failed(text)),
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- log of mosquitto on port {}\n{}---", self.port, self.server.text());
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
