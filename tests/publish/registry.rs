//! An OCI registry on a free loopback port: Debian's `docker-registry`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use tempfile::TempDir;

use crate::{PATIENCE, built};

/// Ended when dropped.
pub(crate) struct Registry {
    process: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Registry {
    /// Starts one that is empty.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.yml");
        let text = format!(
            "version: 0.1\n\
             log: {{ accesslog: {{ disabled: true }} }}\n\
             storage: {{ filesystem: {{ rootdirectory: {:?} }} }}\n\
             http: {{ addr: \"127.0.0.1:0\" }}\n",
            directory.path().join("storage")
        );
        fs::write(&config, text).unwrap();
        let mut registry =
            Command::new(built("tools/docker-registry/usr/bin/docker-registry", "docker-registry"));
        registry.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = registry.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // It reads to the end: a registry whose log nobody takes would wait.
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut said = String::new();
        let address = loop {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                panic!("docker-registry does not say where it listens: {said}")
            };
            let address = line.split_once("listening on ").and_then(|(_, rest)| rest.split('"').next());
            if let Some(address) = address {
                break address.parse().unwrap();
            }
            said += &line;
        };
        Self { process, address, _directory: directory }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The manifest as the registry keeps it (OCI Distribution Specification 1.1, "Pulling manifests").
    #[track_caller]
    pub(crate) fn manifest(&self, repository: &str, tag: &str) -> Vec<u8> {
        let mut connection = TcpStream::connect(self.address).unwrap();
        write!(
            connection,
            "GET /v2/{repository}/manifests/{tag} HTTP/1.0\r\nAccept: application/vnd.oci.image.manifest.v1+json\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the head of an answer");
        let (head, body) = answer.split_at(end + 4);
        assert!(head.starts_with(b"HTTP/1.0 200 "), "{}", String::from_utf8_lossy(&answer));
        body.to_vec()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
