//! How much a tenant may do.

mod document;

use std::fmt;
use std::time::Duration;

use super::unit::{Amount, Unit};

/// How much of the host's time and memory one call of a tenant may take, and how many there may be.
///
/// In a document it is an object with these names in kebab-case; sizes and times are strings with a unit (B, KiB, MiB,
/// GiB; ms, s, min, h), the others numbers. What is left out has its default. 0 is an error, and so is more than
/// [`Limits::MOST`].
///
/// ```
/// use mqtt_connector_publisher::Limits;
///
/// let limits: Limits = serde_json::from_str(r#"{"payload": "256 KiB", "messages-per-second": 100}"#)?;
/// assert_eq!(limits.payload, 262_144);
/// assert_eq!(limits.timeout, Limits::default().timeout);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// In code there is a [builder](Self::builder), which takes any number:
///
/// ```
/// use std::time::Duration;
/// use mqtt_connector_publisher::Limits;
///
/// let limits = Limits::builder().timeout(Duration::from_secs(30)).connections(4).build();
/// assert_eq!(limits.connections, 4);
/// assert_eq!(limits.payload, Limits::default().payload);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest payload of a message or a will, in bytes, MQTT 5 properties included. Default: 1 MiB.
    pub payload: usize,
    /// The longest time a call may take, whatever its `timeout` parameter says. Default: 1 minute.
    pub timeout: Duration,
    /// Linear memory of the component, in bytes. Default: 64 MiB.
    pub memory: usize,
    /// Time that the component itself may compute, without the time it waits for the broker or, beside others that
    /// compute, for its turn; to the resolution of the engine's clock (1 ms). Default: 1 second.
    pub cpu: Duration,
    /// Calls under way at one time; a further one waits for its turn, within its timeout. Default: 64.
    pub concurrent_sends: u32,
    /// Connections open at one time; a further one waits likewise. Default: 32.
    pub connections: u32,
    /// Messages in a second, on average; as many may come at once, and more wait likewise. Default: 250.
    pub messages_per_second: u32,
    /// Executions that a service has accepted for later and that have not ended; a further one is refused. Calls that wait
    /// for their answer are none. Default: 1,000,000.
    pub waiting_executions: u32,
}

impl Limits {
    /// The largest of each that can be given: a message has no more bytes than MQTT can send, and nothing takes longer
    /// than a day.
    pub const MOST: Self = Self {
        payload: 256 * MIB,
        timeout: Duration::from_secs(24 * 60 * 60),
        memory: 1024 * MIB,
        cpu: Duration::from_secs(60),
        concurrent_sends: 10_000,
        connections: 10_000,
        messages_per_second: u32::MAX,
        waiting_executions: u32::MAX,
    };
}

impl Limits {
    /// Starts with the defaults.
    #[must_use]
    pub fn builder() -> LimitsBuilder {
        LimitsBuilder { limits: Self::default() }
    }
}

/// Builds [`Limits`]; each method sets the limit of its name.
#[derive(Debug, Clone, Copy)]
pub struct LimitsBuilder {
    limits: Limits,
}

impl LimitsBuilder {
    /// See [`Limits::payload`].
    #[must_use]
    pub fn payload(mut self, bytes: usize) -> Self {
        self.limits.payload = bytes;
        self
    }

    /// See [`Limits::timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// See [`Limits::memory`].
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.limits.memory = bytes;
        self
    }

    /// See [`Limits::cpu`].
    #[must_use]
    pub fn cpu(mut self, time: Duration) -> Self {
        self.limits.cpu = time;
        self
    }

    /// See [`Limits::concurrent_sends`].
    #[must_use]
    pub fn concurrent_sends(mut self, sends: u32) -> Self {
        self.limits.concurrent_sends = sends;
        self
    }

    /// See [`Limits::connections`].
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.limits.connections = connections;
        self
    }

    /// See [`Limits::messages_per_second`].
    #[must_use]
    pub fn messages_per_second(mut self, messages: u32) -> Self {
        self.limits.messages_per_second = messages;
        self
    }

    /// See [`Limits::waiting_executions`].
    #[must_use]
    pub fn waiting_executions(mut self, executions: u32) -> Self {
        self.limits.waiting_executions = executions;
        self
    }

    /// The limits.
    #[must_use]
    pub fn build(self) -> Limits {
        self.limits
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload: MIB,
            timeout: Duration::from_secs(60),
            memory: 64 * MIB,
            cpu: Duration::from_secs(1),
            concurrent_sends: 64,
            connections: 32,
            messages_per_second: 250,
            waiting_executions: 1_000_000,
        }
    }
}

const MIB: usize = 1024 * 1024;

/// One of the limits, with what a document, a message and the documentation need to know of it.
pub(super) struct Limit {
    /// As it is spelled in a document.
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// The smallest with which a call can succeed.
    pub(super) least: u64,
    pub(super) get: fn(&Limits) -> u64,
    pub(super) set: fn(&mut Limits, u64),
    /// What it limits, for docs/tenants.md.
    #[cfg_attr(not(test), expect(dead_code, reason = "docs/tenants.md is made by a test"))]
    pub(super) what: &'static str,
}

/// Every limit.
pub(super) const LIMITS: [Limit; 8] = [
    Limit {
        name: "payload",
        unit: Unit::Size,
        least: 1,
        get: |limits| size(limits.payload),
        set: |limits, amount| limits.payload = bytes(amount),
        what: "the payload of a message or a will",
    },
    Limit {
        name: "timeout",
        unit: Unit::Time,
        least: 1,
        get: |limits| milliseconds(limits.timeout),
        set: |limits, amount| limits.timeout = Duration::from_millis(amount),
        what: "a whole send, whatever its `timeout` says, waiting for its turn included",
    },
    Limit {
        name: "cpu",
        unit: Unit::Time,
        // The engine's clock has no finer resolution.
        least: 10,
        get: |limits| milliseconds(limits.cpu),
        set: |limits, amount| limits.cpu = Duration::from_millis(amount),
        what: "what the component computes in one send, without its waiting for the broker",
    },
    Limit {
        name: "memory",
        unit: Unit::Size,
        // The built-in component starts with more than 1 MiB.
        least: size(2 * MIB),
        get: |limits| size(limits.memory),
        set: |limits, amount| limits.memory = bytes(amount),
        what: "the memory of the component in one send",
    },
    Limit {
        name: "concurrent-sends",
        unit: Unit::Number,
        least: 1,
        get: |limits| limits.concurrent_sends.into(),
        set: |limits, amount| limits.concurrent_sends = number(amount),
        what: "sends under way at one time; more wait, within their timeout",
    },
    Limit {
        name: "connections",
        unit: Unit::Number,
        least: 1,
        get: |limits| limits.connections.into(),
        set: |limits, amount| limits.connections = number(amount),
        what: "connections open at one time; more wait likewise",
    },
    Limit {
        name: "messages-per-second",
        unit: Unit::Number,
        least: 1,
        get: |limits| limits.messages_per_second.into(),
        set: |limits, amount| limits.messages_per_second = number(amount),
        what: "messages in a second, on average; as many may come at once, more wait likewise",
    },
    Limit {
        name: "waiting-executions",
        unit: Unit::Number,
        least: 1,
        get: |limits| limits.waiting_executions.into(),
        set: |limits, amount| limits.waiting_executions = number(amount),
        what: "executions that [the service](service.md) has accepted for later and that have not ended; a further one is refused (429)",
    },
];

impl Limit {
    /// This limit of `limits`, as people write it.
    pub(super) fn shown(&self, limits: &Limits) -> Amount {
        Amount((self.get)(limits), self.unit)
    }
}

impl fmt::Display for Limits {
    /// All of them in one line, with their units.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, limit) in LIMITS.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", limit.name, limit.shown(self))?;
        }
        Ok(())
    }
}

const fn size(bytes: usize) -> u64 {
    bytes as u64
}

/// What is no whole number of milliseconds counts as the next.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn bytes(amount: u64) -> usize {
    usize::try_from(amount).unwrap_or(usize::MAX)
}

fn number(amount: u64) -> u32 {
    u32::try_from(amount).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tenants.md");
    const BEGIN: &str =
        "<!-- limits: made by `UPDATE_DOCS=1 cargo test -p mqtt-connector-publisher --lib limits` -->\n";
    const END: &str = "<!-- end of limits -->\n";

    #[test]
    fn the_table_of_limits_in_the_documentation_is_the_one_in_the_code() {
        let mut right =
            "| limit | default | from | to | what it limits |\n|---|---|---|---|---|\n".to_owned();
        for limit in &LIMITS {
            let least = Amount(limit.least, limit.unit);
            let (default, most) = (limit.shown(&Limits::default()), limit.shown(&Limits::MOST));
            writeln!(right, "| `{}` | {default} | {least} | {most} | {} |", limit.name, limit.what).unwrap();
        }
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (stands, after) = rest.split_once(END).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, [before, BEGIN, &right, END, after].concat()).unwrap();
            return;
        }
        assert!(stands == right, "the table in docs/tenants.md is stale; UPDATE_DOCS=1 makes it anew");
    }
}
