//! Proxies that people run, in front of a real broker: microsocks and tinyproxy.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::port::free_port;
use mqtt_connector_tests::{Bridge, Mosquitto, Observer, ServerTls};
use serde_json::json;
use tempfile::TempDir;

use super::{send, through};
use crate::support::{PATIENCE, with};

/// A proxy on a free loopback port, ended when dropped.
struct Proxy {
    scheme: &'static str,
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Proxy {
    /// SOCKS5, for those who have a password.
    fn microsocks() -> Self {
        Self::start("socks5", |port, _| {
            let mut command = Command::new("microsocks");
            command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "ann", "-P", "s3cret"]);
            command
        })
    }

    /// HTTP CONNECT, for those who have a password.
    fn tinyproxy() -> Self {
        Self::start("http", |port, directory| {
            let config = directory.join("tinyproxy.conf");
            let text =
                format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth ann s3cret\n");
            fs::write(&config, text).unwrap();
            let mut command = Command::new("tinyproxy");
            command.arg("-d").arg("-c").arg(config);
            command
        })
    }

    /// Starts one, and again when somebody else has taken its port; returns when it serves.
    fn start(scheme: &'static str, command: impl Fn(u16, &Path) -> Command) -> Self {
        let directory = TempDir::new().unwrap();
        let late = Instant::now() + PATIENCE;
        loop {
            let port = free_port();
            let mut command = command(port, directory.path());
            command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
            let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut process = command.spawn().expect("microsocks and tinyproxy are Debian packages");
            while process.try_wait().unwrap().is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return Self { scheme, process, port, _directory: directory };
                }
                assert!(Instant::now() < late, "the proxy does not serve");
                // Nobody tells when it listens.
                thread::sleep(Duration::from_millis(2));
            }
            assert!(Instant::now() < late, "the proxy does not start");
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The broker is named by a name that is only looked up at the proxy: here nobody answers for it. TLS and WebSockets go
/// through, and TLS verifies the broker's name.
#[test]
fn each_transport_goes_through_a_real_proxy() {
    let pki = Pki::new();
    let identity = pki.server(&["localhost"]);
    let tls = ServerTls::new(&identity);
    let (plain, secured) = (Mosquitto::start(), Mosquitto::builder().tls(&identity).start());
    let (ws, wss) = (Bridge::start(plain.address(), None), Bridge::start(plain.address(), Some(&tls)));
    for proxy in [Proxy::microsocks(), Proxy::tinyproxy()] {
        for (scheme, port, qos) in [
            ("tcp", plain.port(), 0),
            ("ssl", secured.port(), 1),
            ("ws", ws.port(), 2),
            ("wss", wss.port(), 2),
        ] {
            let observer = (scheme != "ssl").then(|| Observer::start(plain.port(), "t"));
            let config = with(
                &through(proxy.scheme, proxy.port),
                json!({
                    "broker": format!("{scheme}://localhost:{port}"), "qos": qos, "root-ca-crt": pki.authority().path_str(),
                    "proxy-username": "ann", "proxy-password": "s3cret",
                }),
            );
            let meta = send(&config);
            assert_eq!(meta.exit_code, 0, "{scheme} by {}: {}", proxy.scheme, meta.message);
            if let Some(observer) = observer {
                assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"c");
            }
        }
    }
}

#[test]
fn a_real_proxy_that_refuses_is_told() {
    let broker = Mosquitto::start();
    for (proxy, wrong, unreachable) in [
        (Proxy::microsocks(), "the proxy does not accept the user name and password", "(SOCKS reply"),
        (
            Proxy::tinyproxy(),
            "the proxy answered CONNECT with HTTP/1.0 401 Unauthorized",
            "the proxy answered CONNECT with HTTP/1.1 500 Unable to connect",
        ),
    ] {
        let closed = mqtt_connector_tests::port::ClosedPort::open();
        for (port, password, reason) in
            [(broker.port(), "other", wrong), (closed.port(), "s3cret", unreachable)]
        {
            let config = with(
                &through(proxy.scheme, proxy.port),
                json!({
                    "broker": format!("tcp://localhost:{port}"),
                    "proxy-username": "ann", "proxy-password": password,
                }),
            );
            let meta = send(&config);
            assert_eq!(meta.exit_code, 69, "{}", meta.message);
            assert!(meta.message.contains(reason), "{}", meta.message);
        }
    }
}
