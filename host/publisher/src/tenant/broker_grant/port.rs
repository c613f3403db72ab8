//! The port of a grant.

use std::str::FromStr;

use mqtt_connector_contract::shown::Shown;

use super::scheme::Scheme;
use crate::tenant::excerpt::excerpt;

/// The port of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortPattern {
    Any,
    /// The default port of the scheme with which the broker is reached.
    Default,
    One(u16),
}

/// Why a text is not the port of a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the port {} is not a number from 1 to 65535, or *", Shown::whole(.port))]
pub(super) struct PortError {
    port: String,
}

impl PortPattern {
    pub(super) fn allows(self, scheme: Scheme, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Default => port == scheme.default_port(),
            Self::One(one) => port == one,
        }
    }
}

impl FromStr for PortPattern {
    type Err = PortError;

    fn from_str(port: &str) -> Result<Self, Self::Err> {
        if port == "*" {
            return Ok(Self::Any);
        }
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(number) if digits && number > 0 => Ok(Self::One(number)),
            Ok(_) | Err(_) => Err(PortError { port: excerpt(port) }),
        }
    }
}
