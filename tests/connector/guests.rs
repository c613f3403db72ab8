//! Components that nobody trusts: each gets exit code 70 and its own message, and the host lives. The table of docs/writing-a-connector.md
//! "What a component cannot do" is this file's.

mod arguments;
mod checking;
mod faults;
mod limits;
mod loading;
mod success;
mod wasi;

use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::{Connector, Limits, Meta, Tenant};
use mqtt_connector_tests::Mosquitto;

use crate::support::{assert_meta, block_on, builder};

/// The request for which a guest does what it was made for, and one for which it is honest.
pub(crate) const HOSTILE: &str = "{}";
const HONEST: &str = "{ }";

/// A component made of `template.wat`: what stands in its holes.
#[derive(Clone, Default)]
pub(crate) struct Guest {
    holes: Vec<(&'static str, String)>,
}

impl Guest {
    /// One that does `body` when it is asked to send `{}`.
    fn sends(body: &str) -> Self {
        Self::default().with("send", body)
    }

    /// One that does `body` instead of one of the other functions, or has it elsewhere in its core modules.
    fn with(mut self, hole: &'static str, body: &str) -> Self {
        self.holes.push((hole, body.to_owned()));
        self
    }

    /// One that publishes to a broker on loopback.
    fn publishes_to(self, port: u16) -> Self {
        self.with("port", &port.to_string())
    }

    fn wasm(&self) -> Vec<u8> {
        let mut text = include_str!("guests/template.wat").to_owned();
        for (hole, body) in &self.holes {
            let hole = format!("{{{{{hole}}}}}");
            assert!(text.contains(&hole), "the template has no hole {hole}");
            text = text.replacen(&hole, body, 1);
        }
        text = text.replace("{{memory}}", "4").replace("{{port}}", "1");
        while let Some((start, end)) = text.find("{{").zip(text.find("}}")) {
            text.replace_range(start..end + 2, "");
        }
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn connector(&self) -> Connector {
        builder().component(self.wasm()).build().unwrap()
    }
}

/// One that computes without end.
pub(crate) fn busy() -> Guest {
    Guest::sends("(loop $again (br $again))")
}

/// Limits that a guest which computes without end reaches soon.
fn limits_soon() -> Limits {
    let mut limits = limits();
    limits.cpu = Duration::from_millis(50);
    limits
}

/// Limits that a guest reaches soon, but for that on computing: on a busy machine, also one that computes little would.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.cpu = Duration::from_secs(20);
    limits.memory = 8 * 1024 * 1024;
    limits.timeout = Duration::from_secs(10);
    limits
}

/// A tenant that may publish everything to a broker on loopback.
pub(crate) fn tenant(name: &str, limits: Limits) -> Arc<Tenant> {
    let tenant = Tenant::builder(name).broker("tcp://127.0.0.1:*".parse().unwrap());
    Arc::new(tenant.topics("#".parse().unwrap()).limits(limits).build())
}

/// One send, blocking.
fn send(connector: &Connector, tenant: &Arc<Tenant>, request: &str) -> Meta {
    block_on(connector.send(tenant, "{}", request)).meta
}

/// A broker, a guest that knows it, and what it answers when it is told to do its worst; afterwards another tenant's
/// send through the same connector succeeds.
#[track_caller]
fn assert_fault(what: &str, guest: &Guest, limits: Limits, message: &str) {
    let broker = Mosquitto::start();
    let connector = guest.clone().publishes_to(broker.port()).connector();
    let meta = send(&connector, &tenant("acme", limits), HOSTILE);
    eprintln!("{what}: {}", meta.message);
    assert_meta(&meta, 70, &format!("The connector itself failed: {message}"));
    let honest = send(&connector, &tenant("other", Limits::default()), HONEST);
    assert_meta(&honest, 0, "said by somebody else's connector");
}

/// As [`assert_fault`], for a guest that cannot be honest.
#[track_caller]
fn assert_always_fault(what: &str, guest: &Guest, limits: Limits, message: &str) {
    let connector = guest.connector();
    for request in [HOSTILE, HONEST] {
        let meta = send(&connector, &tenant("acme", limits), request);
        eprintln!("{what}: {}", meta.message);
        assert_meta(&meta, 70, &format!("The connector itself failed: {message}"));
    }
}
