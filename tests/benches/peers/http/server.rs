//! [`Server`]: a service over HTTP, and what `wrk` measures of it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

/// A service that is measured; ended when dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    child: Child,
    /// `http://ADDRESS`.
    url: String,
}

impl Server {
    /// Starts `command`, and waits until a line of it has `ready` in it.
    pub(crate) fn start(name: &'static str, mut command: Command, ready: &str, listen: &str) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let sender = sender.clone();
            // It goes on reading when nobody listens any more: a service whose words nobody reads would stop.
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        drop(sender);
        assert!(lines.iter().any(|line| line.contains(ready)), "{name} does not start");
        Self { name, child, url: format!("http://{listen}") }
    }

    /// The memory of its process: resident now, and the most that ever was, in bytes.
    pub(crate) fn memory(&self) -> [u64; 2] {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        ["VmRSS:", "VmHWM:"].map(|label| {
            let line = status.lines().find_map(|line| line.strip_prefix(label)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls that are made again and again.
pub(crate) struct Calls {
    path: &'static str,
    script: PathBuf,
}

/// What `wrk` has measured.
pub(crate) struct Load {
    /// Calls that were answered.
    pub(crate) calls: u64,
    /// Thousand calls in a second.
    pub(crate) rate: f64,
    /// The 99th percentile of what a call took, in milliseconds.
    pub(crate) p99: f64,
}

impl Calls {
    /// `POST` of this JSON document, with this token; `directory` has the script for `wrk`.
    pub(crate) fn post(directory: &Path, path: &'static str, token: &str, body: &str) -> Self {
        let script = directory.join(format!("{}.lua", path.replace('/', "-")));
        let text = format!(
            "wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['Content-Type'] = 'application/json'\n\
             wrk.headers['Authorization'] = 'Bearer {token}'\n"
        );
        fs::write(&script, text).unwrap();
        Self { path, script }
    }

    /// Makes them over so many connections at one time, for so many seconds.
    pub(crate) fn make(&self, server: &Server, connections: u32, seconds: u32) -> Load {
        let mut wrk = Command::new("wrk");
        wrk.args(["--latency", "-t", if connections == 1 { "1" } else { "2" }]);
        wrk.args(["-c", &connections.to_string(), "-d", &format!("{seconds}s"), "-s"]).arg(&self.script);
        let output = wrk.arg(format!("{}{}", server.url, self.path)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_good = !said.contains("Non-2xx") && !said.contains("Socket errors");
        assert!(output.status.success() && is_good, "{}: {said}", server.name);
        let after = |label: &str| {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(label));
            line.unwrap_or_else(|| panic!("{label} is not in {said}")).trim()
        };
        let calls = said.lines().find_map(|line| line.trim().split_once(" requests in ")).unwrap().0;
        Load {
            calls: calls.parse().unwrap(),
            rate: after("Requests/sec:").parse::<f64>().unwrap() / 1e3,
            p99: milliseconds(after("99%")),
        }
    }
}

/// As `wrk` writes a time.
fn milliseconds(text: &str) -> f64 {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap());
    let scale = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        other => panic!("wrk says {other}"),
    };
    number.parse::<f64>().unwrap() * scale
}
