//! One message of a soak: what it is, its number and the seed say.

use std::fmt;

use fastrand::Rng;
use serde_json::json;

use super::TOPIC;

/// A message, and how it is sent.
pub(super) struct Planned {
    number: usize,
    tenant: usize,
    /// Which of the tenant's two clients of its kind sends it.
    client: usize,
    pub(super) qos: u8,
    /// `clean-session` is false.
    pub(super) persistent: bool,
    size: usize,
    retries: u8,
    timeout: u64,
}

impl Planned {
    pub(super) fn new(seed: u64, number: usize, tenants: usize) -> Self {
        let mut random = Rng::with_seed(seed ^ (number as u64).wrapping_mul(0xd6e8_feb8_6659_fd93));
        let size = match random.u8(0..100) {
            0..90 => random.usize(0..100),
            90..98 => random.usize(0..4 * 1024),
            _ => random.usize(0..64 * 1024),
        };
        Self {
            number,
            tenant: number % tenants,
            client: random.usize(0..2),
            qos: random.choice([0, 0, 1, 1, 1, 2, 2, 2, 2, 2]).unwrap_or(2),
            persistent: random.bool(),
            size,
            retries: random.u8(2..=5),
            timeout: random.u64(2000..5000),
        }
    }

    pub(super) fn config(&self, port: u16) -> String {
        let session = if self.persistent { "persistent" } else { "clean" };
        let mut config = json!({
            "broker": format!("tcp://127.0.0.1:{port}"),
            "client-id": format!("{}-{session}-{}", self.tenant, self.client),
            "clean-session": !self.persistent,
        });
        if self.speaks_5() {
            config["protocol-version"] = "5".into();
            if self.persistent {
                config["session-expiry-interval"] = 3600.into();
            }
        }
        config.to_string()
    }

    /// Every other client of a tenant speaks MQTT 5.
    fn speaks_5(&self) -> bool {
        self.client % 2 == 1
    }

    pub(super) fn request(&self) -> String {
        json!({
            "topic": self.topic(),
            "qos": self.qos,
            "content": self.content(),
            "retries": self.retries,
            "timeout": self.timeout,
        })
        .to_string()
    }

    pub(super) fn topic(&self) -> String {
        format!("{TOPIC}/{}", self.tenant)
    }

    /// The number, and letters that depend on it.
    pub(super) fn content(&self) -> String {
        let letter = char::from(b'a' + (self.number % 26) as u8);
        format!("{} {}", self.number, letter.to_string().repeat(self.size))
    }

    /// The number of a message with this content.
    pub(super) fn number(content: &[u8]) -> Option<usize> {
        let digits = content.split(|byte| *byte == b' ').next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = if self.persistent { "persistent" } else { "clean" };
        write!(f, "QoS {} by {}-{session}-{}, {} bytes", self.qos, self.tenant, self.client, self.size)
    }
}
