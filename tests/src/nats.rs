//! Real servers of NATS with JetStream: [`NatsCluster`].

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::port::free_port;
use crate::process;
use crate::routes::Routes;
use crate::server::{NotStarted, Server};

/// How long a start may take on a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);

/// One server of NATS, or a cluster of them, on free ports of loopback, ended when dropped. What is acknowledged is on disk (`sync_interval: always`).
///
/// The program is that of the environment variable `NATS_SERVER`, or what `make nats-server` has left in `target/tools`.
///
/// ```no_run
/// use mqtt_connector_tests::NatsCluster;
///
/// let cluster = NatsCluster::start(3);
/// cluster.kill(0);
/// println!("connect to {}", cluster.address());
/// ```
#[derive(Debug)]
pub struct NatsCluster {
    program: PathBuf,
    servers: Vec<Member>,
    /// What the test has in the configuration of each.
    lines: String,
    routes: Routes,
    directory: TempDir,
}

#[derive(Debug)]
struct Member {
    port: u16,
    monitor: u16,
    config: PathBuf,
    server: Server,
}

impl NatsCluster {
    /// Starts so many servers that are one cluster.
    ///
    /// # Panics
    ///
    /// If the program is not there, or does not start.
    #[track_caller]
    #[must_use]
    pub fn start(servers: usize) -> Self {
        Self::start_as(servers, "always", "")
    }

    /// Starts them with these lines in the configuration of each.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[track_caller]
    #[must_use]
    pub fn start_with(servers: usize, lines: &str) -> Self {
        Self::start_as(servers, "always", lines)
    }

    /// Starts them as they come: what is acknowledged is on disk two minutes later.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[track_caller]
    #[must_use]
    pub fn start_as_it_comes(servers: usize) -> Self {
        Self::start_as(servers, "2m", "")
    }

    #[track_caller]
    fn start_as(servers: usize, sync: &str, lines: &str) -> Self {
        let program = program();
        let mut last = String::new();
        for _ in 0..10 {
            match Self::try_start(&program, servers, sync, lines) {
                Ok(cluster) => return cluster,
                Err(log) => last = log,
            }
        }
        panic!("{} did not start: {last}", program.display());
    }

    fn try_start(program: &Path, count: usize, sync: &str, lines: &str) -> Result<Self, String> {
        let directory = TempDir::new().map_err(|error| error.to_string())?;
        let listening: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let routes = Routes::start(&listening);
        let mut servers = Vec::with_capacity(count);
        for (index, route) in listening.iter().enumerate() {
            let (port, monitor) = (free_port(), free_port());
            let store = directory.path().join(format!("store-{index}"));
            let mut config = format!(
                "server_name: n{index}\nlisten: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitor}\n\
                 jetstream {{ store_dir: {store:?}, sync_interval: {sync} }}\n{lines}\n"
            );
            if count > 1 {
                let others: Vec<String> =
                    routes.of(index).iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
                // What the others hear of it is a port that nobody listens on: there is no other way than the routes, which can be cut.
                // Writing to a text does not fail.
                let _ = writeln!(
                    config,
                    "cluster {{ name: tests, listen: 127.0.0.1:{route}, advertise: \"127.0.0.1:1\", no_advertise: true, routes: [{}] }}",
                    others.join(", ")
                );
            }
            let path = directory.path().join(format!("n{index}.conf"));
            fs::write(&path, config).map_err(|error| error.to_string())?;
            servers.push(Member { port, monitor, config: path, server: Server::default() });
        }
        let cluster =
            Self { program: program.to_owned(), servers, lines: lines.to_owned(), routes, directory };
        for server in &cluster.servers {
            server.run(program).map_err(|problem| problem.text().to_owned())?;
        }
        Ok(cluster)
    }

    /// How many servers it has, of which some may be killed.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Its servers: `nats://127.0.0.1:4222,127.0.0.1:4223`.
    #[must_use]
    pub fn address(&self) -> String {
        let hosts: Vec<String> =
            self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        format!("nats://{}", hosts.join(","))
    }

    /// The port that a server answers questions about itself on, over HTTP.
    #[must_use]
    pub fn monitor(&self, server: usize) -> u16 {
        self.servers[server].monitor
    }

    /// The number of a server's process.
    ///
    /// # Panics
    ///
    /// If it does not run.
    #[track_caller]
    #[must_use]
    pub fn pid(&self, server: usize) -> u32 {
        self.servers[server].server.id().expect("the server of NATS runs")
    }

    /// All that a server has logged so far, over all restarts.
    #[must_use]
    pub fn log(&self, server: usize) -> String {
        self.servers[server].server.text()
    }

    /// The number of a server's name, as in `n0`.
    #[must_use]
    pub fn index(name: &str) -> Option<usize> {
        name.strip_prefix('n')?.parse().ok()
    }

    /// Kills a server (SIGKILL).
    pub fn kill(&self, server: usize) {
        self.servers[server].server.kill();
    }

    /// Starts a server that was killed, with what it had stored.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn restart(&self, server: usize) {
        if let Err(problem) = self.servers[server].run(&self.program) {
            panic!("a server of NATS did not start again: {}", problem.text());
        }
    }

    /// Stops a server where it stands (SIGSTOP), until [`resume`](Self::resume).
    pub fn pause(&self, server: usize) {
        self.servers[server].server.signal(Signal::STOP);
    }

    /// Lets a server go on (SIGCONT).
    pub fn resume(&self, server: usize) {
        self.servers[server].server.signal(Signal::CONT);
    }

    /// Cuts a server off from the others, until they are [together](Self::together) again. Clients reach it as before.
    pub fn cut_off(&self, server: usize) {
        self.routes.cut_off(Some(server));
    }

    /// Lets all servers reach each other.
    pub fn together(&self) {
        self.routes.cut_off(None);
    }

    /// Has each server read its configuration again, with these lines in place of those that it was started with or had last.
    ///
    /// # Panics
    ///
    /// If a server does not take it.
    #[track_caller]
    pub fn reconfigure(&mut self, lines: &str) {
        for member in &self.servers {
            let before = fs::read_to_string(&member.config).expect("the configuration is there");
            fs::write(&member.config, before.replace(&self.lines, lines))
                .expect("the configuration is written");
            let reloaded = "Reloaded server configuration";
            let (count, deadline) =
                (member.server.text().matches(reloaded).count(), Instant::now() + PATIENCE);
            member.server.signal(Signal::HUP);
            while member.server.text().matches(reloaded).count() == count {
                assert!(Instant::now() < deadline, "not reloaded: {}", member.server.text());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        lines.clone_into(&mut self.lines);
    }

    /// Where the servers keep what they store.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Member {
    fn run(&self, program: &Path) -> Result<(), NotStarted> {
        let mut command = process::command(program);
        command.arg("-c").arg(&self.config);
        self.server.run(command, PATIENCE, |text| text.contains("Server is ready"))
    }
}

fn program() -> PathBuf {
    if let Some(path) = env::var_os("NATS_SERVER") {
        return path.into();
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/nats/bin/nats-server");
    assert!(made.is_file(), "there is no server of NATS at {}: run `make nats-server`", made.display());
    made
}
