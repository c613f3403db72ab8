//! What the tests share: the service as a process, and calls over HTTP/1.1, byte for byte.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector::TokenDigest;
use serde_json::Value;
use tempfile::TempDir;

/// Long enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A token of the tenant `acme`, and of `other`.
pub(crate) const ACME: &str = "token-of-acme";
pub(crate) const OTHER: &str = "token-of-other";

/// A directory with a file of tenants and a store.
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    /// Two tenants, `acme` and `other`, each with a token, and the broker on this port.
    pub(crate) fn new(port: u16) -> Self {
        let home = Self { directory: TempDir::new().unwrap() };
        home.tenants(&[tenant("acme", &[ACME], port), tenant("other", &[OTHER], port)].concat());
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the file of tenants.
    pub(crate) fn tenants(&self, text: &str) {
        // As an editor does: nobody reads a half.
        let (new, file) = (self.path().join("new.toml"), self.path().join("tenants.toml"));
        fs::write(&new, text).unwrap();
        fs::rename(new, file).unwrap();
    }

    /// The service on a free port.
    #[track_caller]
    pub(crate) fn serve(&self, arguments: &[&str]) -> Service {
        self.serve_at("127.0.0.1:0", arguments)
    }

    #[track_caller]
    pub(crate) fn serve_at(&self, listen: &str, arguments: &[&str]) -> Service {
        self.serve_with(listen, arguments, &[])
    }

    /// The service with these variables in its environment.
    #[track_caller]
    pub(crate) fn serve_with(&self, listen: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Service {
        self.spawn_with(&[&["--listen", listen], arguments].concat(), variables).that_listens()
    }

    /// The service on a free port. A write that its limits do not allow is an error of a full disk, and not the end of the process.
    #[track_caller]
    pub(crate) fn serve_on_a_disk_that_may_be_full(&self) -> Service {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mqtt-connector-serve")]);
        command.args(["serve", "--tenants", "tenants.toml", "--listen", "127.0.0.1:0"]);
        self.start(command).that_listens()
    }

    /// The service with these arguments, which may not start.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Service {
        self.spawn_with(arguments, &[])
    }

    pub(crate) fn spawn_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-connector-serve"));
        command.args(["serve", "--tenants", "tenants.toml"]).args(arguments).envs(variables.iter().copied());
        self.start(command)
    }

    fn start(&self, mut command: Command) -> Service {
        command
            .current_dir(self.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // It goes on reading: a service whose words nobody reads would stop.
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Service { child, said: Mutex::new(said), address: String::new() }
    }
}

/// A tenant of a file: may send to the broker on this port, to topics below its name.
pub(crate) fn tenant(name: &str, tokens: &[&str], port: u16) -> String {
    let mut text = format!(
        r#"
        [tenants.{name}]
        brokers = ["tcp://127.0.0.1:{port}"]
        topics = ["{name}/#"]

        [tenants.{name}.config]
        broker = "tcp://127.0.0.1:{port}"
        client-id = "{name}"
        topic = "{name}/door"
        qos = 1
        retries = 0
        "#
    );
    for token in tokens {
        let sha256 = TokenDigest::of(token);
        text += &format!("\n[[tenants.{name}.tokens]]\nname = \"t\"\nsha256 = \"{sha256}\"\n");
    }
    text
}

/// The service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    said: Mutex<Receiver<String>>,
    address: String,
}

impl Service {
    /// When it listens.
    #[track_caller]
    fn that_listens(mut self) -> Self {
        let line = self.says("listening on ");
        let (_, address) = line.split_once("listening on ").unwrap();
        self.address = address.trim_start_matches("http://").trim_start_matches("https://").to_owned();
        self
    }

    /// As on a disk that is full, or has room again: it may write so many bytes to a file.
    pub(crate) fn may_write(&self, bytes: &str) {
        let limit = format!("--fsize={bytes}:unlimited");
        let done = Command::new("prlimit").arg(format!("--pid={}", self.child.id())).arg(limit).status();
        assert!(done.unwrap().success());
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits for a line on standard error with this text in it.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> String {
        self.says_until(text).pop().unwrap()
    }

    /// Waits for a line on standard error with this text in it: all lines until then, and that one.
    #[track_caller]
    pub(crate) fn says_until(&self, text: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.said.lock().unwrap().recv_timeout(left) else {
                panic!("it does not say {text:?}, but {lines:#?}")
            };
            let is_it = line.contains(text);
            lines.push(line);
            if is_it {
                return lines;
            }
        }
    }

    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id();
        let killed = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            // The standard library cannot wait for a process and for a time at once.
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A call with the token of `acme`.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let headers = vec![("Authorization".to_owned(), format!("Bearer {ACME}"))];
        Call { service: self, method: method.to_owned(), path: path.to_owned(), headers, body: None }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Call<'_> {
        let mut call = self.call("POST", path);
        call.body = Some(body.into());
        call.header("Content-Type", "application/json")
    }

    /// Accepts an execution, and answers its identifier.
    #[track_caller]
    pub(crate) fn accepts(&self, body: &Value) -> String {
        let accepted = self.post("/v1/executions", body.to_string()).ask();
        assert_eq!(accepted.status, 202, "{accepted:?}");
        accepted.json()["id"].as_str().unwrap().to_owned()
    }

    /// The execution, when it has ended.
    #[track_caller]
    pub(crate) fn ended(&self, id: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(&format!("/v1/executions/{id}?wait=30")).ask();
            assert_eq!(answer.status, 200, "{answer:?}");
            let execution = answer.json();
            if !["accepted", "running"].contains(&execution["status"].as_str().unwrap()) {
                return execution;
            }
            assert!(Instant::now() < deadline, "it does not end: {execution}");
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call that is to be made.
pub(crate) struct Call<'s> {
    service: &'s Service,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Call<'_> {
    /// With this header, and no other of its name; empty is without it.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(before, _)| !before.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        let value = if token.is_empty() { String::new() } else { format!("Bearer {token}") };
        self.header("Authorization", &value)
    }

    /// What stands in front of the body, but for the last line.
    pub(crate) fn head(&self) -> String {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: service\r\nConnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head
    }

    /// Sends the head, with this line of it in addition, and answers the connection.
    #[track_caller]
    pub(crate) fn begin(&self, line: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.service.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Who refuses a head need not read all of it.
        let _ = write!(stream, "{}{line}\r\n", self.head());
        stream
    }

    #[track_caller]
    pub(crate) fn ask(self) -> Answer {
        let body = self.body.as_deref().unwrap_or_default();
        let length = self.body.as_ref().map(|body| format!("Content-Length: {}\r\n", body.len()));
        let mut stream = self.begin(&length.unwrap_or_default());
        // Who refuses a body need not read it.
        let _ = stream.write_all(body);
        Answer::read(stream)
    }
}

/// The answer to a call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// All that comes until the service closes the connection.
    #[track_caller]
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // After its answer, a service that has not read all of a body resets the connection.
        if let Err(error) = stream.read_to_end(&mut bytes) {
            assert!(!bytes.is_empty(), "{error}");
        }
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Self { status, head: head.to_owned(), body: body.to_owned() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(body);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The exit code that the connector has answered with.
    #[track_caller]
    pub(crate) fn exit_code(&self) -> i64 {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/json")), "{self:?}");
        self.json()["meta"]["exit-code"].as_i64().unwrap()
    }

    /// Asserts that it is a problem of this status, and answers its detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, Some("application/problem+json")),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].is_string(), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// A body in chunks (RFC 9112, section 7.1), whole.
fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole += &rest[..length];
        body = &rest[length + 2..];
    }
    panic!("the last chunk is missing: {body:?}")
}

/// What comes sooner or later.
#[track_caller]
pub(crate) fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A program that `make http-tools` installs.
#[track_caller]
pub(crate) fn tool(name: &str) -> Command {
    let path = repository("target/tools/http/bin").join(name);
    assert!(path.exists(), "{} is not there; `make http-tools` installs it", path.display());
    Command::new(path)
}
