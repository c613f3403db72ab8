//! A real broker: [`Mosquitto`], one for each test.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fmt, fs, io, thread};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::pki::{Identity, Pem};
use crate::port::free_port;
use crate::process::{self, Process, Watched, lock};

const PACKAGES: &str = "mosquitto mosquitto-clients";

/// How long a start or an orderly stop may take on a machine under load.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mosquitto of its own on a free loopback port, ended when dropped.
///
/// It acknowledges without delay (`set_tcp_nodelay`), has no limit on messages in flight or in queues, keeps nothing
/// on disk unless asked to, and logs everything.
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
        MosquittoBuilder { log_everything: true, ..MosquittoBuilder::default() }
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

    /// All that it has logged so far, over all restarts.
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
        self.log.read(|log| log.text.clone())
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
            self.log()
        );
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
        self.signal(Signal::STOP);
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
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
        assert!(saved.is_some(), "mosquitto did not save its state; it logged:\n{}", self.log());
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
                *lock(&self.process) = Some(process);
                Ok(())
            }
            Some(Err(problem)) => Err(problem),
            None => Err(Problem::Failed(format!("not ready within {PATIENCE:?}; log:\n{}", self.log()))),
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- log of mosquitto on port {}\n{}---", self.port, self.log());
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

/// What a [`Mosquitto`] is to be like; see [`Mosquitto::builder`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MosquittoBuilder {
    users: Vec<(String, String)>,
    allow_anonymous: Option<bool>,
    acl: Option<String>,
    server: Option<Identity>,
    client_authority: Option<Pem>,
    identity_as_username: bool,
    persistence: bool,
    log_everything: bool,
    extra: Vec<String>,
}

impl MosquittoBuilder {
    /// Lets `user` in with `password`; may be called for several users. Without any, everybody is let in.
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.users.push((user.to_owned(), password.to_owned()));
        self
    }

    /// Says whether clients without a user name are let in. Otherwise they are when there is no
    /// [`password`](Self::password).
    pub fn allow_anonymous(mut self, allow: bool) -> Self {
        self.allow_anonymous = Some(allow);
        self
    }

    /// Limits topics with the text of an ACL file, such as `"user alice\ntopic write in/#\n"`.
    ///
    /// mosquitto acknowledges a denied publish of a MQTT 3.1.1 client all the same (that version has no way to
    /// refuse it) and does not deliver it; a MQTT 5 client gets reason code 135.
    pub fn acl(mut self, text: &str) -> Self {
        self.acl = Some(text.to_owned());
        self
    }

    /// Listens with TLS, as `server`.
    pub fn tls(mut self, server: &Identity) -> Self {
        self.server = Some(server.clone());
        self
    }

    /// Listens with TLS, as `server`, and demands a client certificate that `authority` issued.
    pub fn mutual_tls(mut self, server: &Identity, authority: &Pem) -> Self {
        self.client_authority = Some(authority.clone());
        self.tls(server)
    }

    /// Takes the common name of the client's certificate for its user name (with [`mutual_tls`](Self::mutual_tls)).
    pub fn identity_as_username(mut self) -> Self {
        self.identity_as_username = true;
        self
    }

    /// Keeps sessions and retained messages on disk, saved after every change, so that they outlive
    /// [`Mosquitto::restart`] and mostly [`Mosquitto::kill`]; see [`Mosquitto::save`] to be certain.
    pub fn persistence(mut self) -> Self {
        self.persistence = true;
        self
    }

    /// Logs errors, warnings and notices only: for many thousand messages.
    pub fn quiet_log(mut self) -> Self {
        self.log_everything = false;
        self
    }

    /// Adds a line to `mosquitto.conf`, such as `"max_packet_size 1000"`.
    pub fn config(mut self, line: &str) -> Self {
        self.extra.push(line.to_owned());
        self
    }

    /// Starts it, and returns when it serves.
    ///
    /// # Panics
    ///
    /// If there is no mosquitto (`$MOSQUITTO`, then `$PATH`, then `/usr/sbin`), or it does not start; the message holds
    /// what it logged.
    #[track_caller]
    #[must_use]
    pub fn start(&self) -> Mosquitto {
        let program = match env::var_os("MOSQUITTO") {
            Some(path) => PathBuf::from(path),
            None => process::find("mosquitto", PACKAGES),
        };
        let mut last = None;
        for _ in 0..20 {
            let broker = Mosquitto {
                program: program.clone(),
                port: free_port(),
                directory: or_panic(TempDir::new(), "a directory for mosquitto"),
                process: Mutex::new(None),
                log: Arc::default(),
            };
            self.configure(broker.directory.path(), broker.port);
            match broker.run(Duration::ZERO) {
                Ok(()) => return broker,
                Err(Problem::PortTaken) => last = Some(broker.port),
                Err(problem) => panic!("{} did not start: {problem}", program.display()),
            }
        }
        panic!("mosquitto found every port taken, last {last:?}");
    }

    #[track_caller]
    fn configure(&self, directory: &Path, port: u16) {
        let mut config = String::new();
        let mut put = |key: &str, value: &dyn fmt::Display| {
            let _ = writeln!(config, "{key} {value}");
        };
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            or_panic(fs::write(&path, text), "a file for mosquitto");
            path.display().to_string()
        };

        // Started by root, it would turn into user `mosquitto`, who may not read the directory.
        put("user", &"root");
        put("listener", &format_args!("{port} {}", Ipv4Addr::LOCALHOST));
        put("allow_anonymous", &self.allow_anonymous.unwrap_or(self.users.is_empty()));
        put("set_tcp_nodelay", &true);
        put("max_inflight_messages", &0);
        put("max_queued_messages", &0);
        put("log_dest", &"stderr");
        put("log_timestamp", &false);
        if self.log_everything {
            put("log_type", &"all");
        } else {
            for kind in ["error", "warning", "notice"] {
                put("log_type", &kind);
            }
        }
        if !self.users.is_empty() {
            let path = file("passwords", "");
            for (user, password) in &self.users {
                let mut command = Command::new(process::find("mosquitto_passwd", PACKAGES));
                process::run(command.args(["-b", &path, user, password]));
            }
            put("password_file", &path);
        }
        if let Some(acl) = &self.acl {
            put("acl_file", &file("acl", acl));
        }
        if let Some(server) = &self.server {
            put("certfile", &file("server.crt", server.certificate().text()));
            put("keyfile", &file("server.key", server.key().text()));
        }
        if let Some(authority) = &self.client_authority {
            put("cafile", &file("clients.crt", authority.text()));
            put("require_certificate", &true);
            put("use_identity_as_username", &self.identity_as_username);
        }
        put("persistence", &self.persistence);
        if self.persistence {
            put("persistence_location", &format_args!("{}/", directory.display()));
            put("autosave_on_changes", &true);
            put("autosave_interval", &1);
        }
        for line in &self.extra {
            put(line, &"");
        }
        file("mosquitto.conf", &config);
    }
}

#[track_caller]
fn or_panic<T>(result: io::Result<T>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what} could not be written: {error}"),
    }
}
