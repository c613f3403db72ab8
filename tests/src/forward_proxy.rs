//! Proxies that people run between a client and its broker, microsocks and tinyproxy: [`ForwardProxy`].

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::port::free_port;
use crate::process::{Process, command, find};

/// Longer than a proxy takes to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy on a free loopback port, for those who have its user name and its password; ended when dropped.
#[derive(Debug)]
pub struct ForwardProxy {
    scheme: &'static str,
    port: u16,
    _process: Process,
    _directory: TempDir,
}

impl ForwardProxy {
    /// The user name that it wants.
    pub const USERNAME: &'static str = "ann";
    /// The password that it wants.
    pub const PASSWORD: &'static str = "s3cret";

    /// SOCKS version 5.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    #[must_use]
    pub fn microsocks() -> Self {
        Self::start("socks5", |port, _| {
            let mut microsocks = command(&find("microsocks", "microsocks"));
            microsocks.args([
                "-i",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-u",
                Self::USERNAME,
                "-P",
                Self::PASSWORD,
            ]);
            microsocks
        })
    }

    /// HTTP CONNECT.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    #[must_use]
    pub fn tinyproxy() -> Self {
        Self::start("http", |port, directory| {
            let config = directory.join("tinyproxy.conf");
            let (username, password) = (Self::USERNAME, Self::PASSWORD);
            let text = format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth {username} {password}\n"
            );
            fs::write(&config, text).unwrap_or_else(|error| panic!("{}: {error}", config.display()));
            let mut tinyproxy = command(&find("tinyproxy", "tinyproxy-bin"));
            tinyproxy.arg("-d").arg("-c").arg(config);
            tinyproxy
        })
    }

    /// Where it is, as the parameter `proxy` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// Starts one, and again when somebody else has taken its port; returns when it serves.
    #[track_caller]
    fn start(scheme: &'static str, command: impl Fn(u16, &Path) -> Command) -> Self {
        let directory = TempDir::new().unwrap_or_else(|error| panic!("no directory can be made: {error}"));
        let late = Instant::now() + PATIENCE;
        loop {
            let port = free_port();
            let started = Process::start(command(port, directory.path()), |_| {}, || {});
            let mut process =
                started.unwrap_or_else(|error| panic!("a proxy for {scheme} cannot be started: {error}"));
            while process.is_running() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return Self { scheme, port, _process: process, _directory: directory };
                }
                assert!(Instant::now() < late, "the proxy for {scheme} does not serve");
                // Nobody tells when it listens.
                thread::sleep(Duration::from_millis(2));
            }
            assert!(Instant::now() < late, "the proxy for {scheme} does not start");
        }
    }
}
