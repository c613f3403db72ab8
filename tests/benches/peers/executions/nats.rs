//! NATS on one node that makes each message durable before it says so (`sync_interval: always`), and clients that publish to a stream.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use mqtt_connector_tests::port::free_port;

use crate::http::server::Server;
use crate::settings;

const NAME: &str = "nats-server";

/// The server; ended when dropped.
pub(crate) struct Nats {
    _server: Server,
    port: u16,
}

impl Nats {
    /// With its store in `directory`, and a stream that takes every subject below `jobs`.
    pub(crate) fn start(directory: &Path) -> Self {
        let port = free_port();
        let settings = format!(
            "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
            directory.display()
        );
        let file = directory.join("nats.conf");
        fs::write(&file, settings).unwrap();
        let program = settings::directory().with_file_name("tools").join("nats/bin/nats-server");
        let mut command = Command::new(program);
        command.arg("--config").arg(file);
        let server = Server::start(NAME, command, "Server is ready", &format!("127.0.0.1:{port}"));
        let stream =
            r#"{"name": "JOBS", "subjects": ["jobs.>"], "retention": "workqueue", "storage": "file"}"#;
        let created = Client::connect(port).request("$JS.API.STREAM.CREATE.JOBS", stream.as_bytes());
        assert!(created.contains("\"did_create\":true"), "{created}");
        Self { _server: server, port }
    }

    /// A publisher, with a connection of its own.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port)
    }
}

/// A connection, which waits for the answer to each message.
pub(crate) struct Client {
    socket: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_nodelay(true).unwrap();
        let lines = BufReader::new(socket.try_clone().unwrap());
        let inbox = socket.local_addr().unwrap().port();
        socket
            .write_all(format!("CONNECT {{\"verbose\":false}}\r\nSUB inbox.{inbox} 1\r\n").as_bytes())
            .unwrap();
        Self { socket, lines }
    }

    /// Answers when the server has made it durable.
    pub(crate) fn publish(&mut self, content: &[u8]) {
        let answer = self.request("jobs.bench", content);
        assert!(answer.starts_with("{\"stream\":\"JOBS\""), "{answer}");
    }

    fn request(&mut self, subject: &str, content: &[u8]) -> String {
        let inbox = self.socket.local_addr().unwrap().port();
        let head = format!("PUB {subject} inbox.{inbox} {}\r\n", content.len());
        self.socket.write_all(&[head.as_bytes(), content, b"\r\n"].concat()).unwrap();
        loop {
            let line = self.line();
            match line.split(' ').next().unwrap_or_default() {
                "MSG" => return self.line(),
                "PING" => self.socket.write_all(b"PONG\r\n").unwrap(),
                "INFO" | "PONG" | "+OK" => {}
                _ => panic!("nats-server says {line:?}"),
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "nats-server has closed the connection");
        line.trim_end().to_owned()
    }
}
