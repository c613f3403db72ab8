//! NATS on one node that makes each message durable before it says so (`sync_interval: always`), and clients that publish to a stream.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use mqtt_connector_tests::NatsCluster;

/// The server, with a stream that takes every subject below `jobs`.
pub(crate) struct Nats {
    server: NatsCluster,
}

impl Nats {
    pub(crate) fn start() -> Self {
        let nats = Self { server: NatsCluster::start(1) };
        let stream =
            r#"{"name": "JOBS", "subjects": ["jobs.>"], "retention": "workqueue", "storage": "file"}"#;
        let created = nats.client().request("$JS.API.STREAM.CREATE.JOBS", stream.as_bytes());
        assert!(created.contains("\"did_create\":true"), "{created}");
        nats
    }

    /// A publisher, with a connection of its own.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.server.address().trim_start_matches("nats://"))
    }
}

/// A connection, which waits for the answer to each message.
pub(crate) struct Client {
    socket: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: &str) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
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
