//! `--resolve`: where a broker's name is.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use mqtt_connector_contract::shown::Shown;
use mqtt_connector_contract::url;

/// `HOST:PORT:ADDRESS[:PORT]`: a broker's name, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The broker's name.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// Where it is.
    pub address: SocketAddr,
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A URL is nothing to look up, and what is shown of a text may be a password.
        if text.contains("://") || url::may_hold_user(text) {
            return Err(
                "wants a host without scheme and user information, as in broker.example:8883:127.0.0.1"
                    .to_owned(),
            );
        }
        if text.trim() != text {
            return Err("begins or ends in white space".to_owned());
        }
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("wants HOST:PORT:ADDRESS, as in broker.example:8883:127.0.0.1".to_owned());
        };
        if host.is_empty() {
            return Err("the host is empty".to_owned());
        }
        let port: u16 = port.parse().map_err(|_| format!("{} is not a port", Shown::whole(port)))?;
        if port == 0 {
            return Err("no broker is at port 0, which stands for any".to_owned());
        }
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let address = match (address.parse::<SocketAddr>(), bare.parse::<IpAddr>()) {
            (Ok(address), _) => address,
            (Err(_), Ok(address)) => SocketAddr::new(address, port),
            (Err(_), Err(_)) => {
                return Err(format!(
                    "{} is not an address; a name is not looked up here",
                    Shown::whole(address)
                ));
            }
        };
        if address.port() == 0 {
            return Err("the address has port 0, to which nothing can be sent".to_owned());
        }
        Ok(Self { host: host.to_owned(), port, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_a_host_a_port_and_an_address() {
        for (text, host, port, address) in [
            ("broker.example:8883:127.0.0.1", "broker.example", 8883, "127.0.0.1:8883"),
            ("broker.example:8883:127.0.0.1:18883", "broker.example", 8883, "127.0.0.1:18883"),
            ("broker.example:1883:::1", "broker.example", 1883, "[::1]:1883"),
            ("broker.example:1883:[::1]", "broker.example", 1883, "[::1]:1883"),
            ("broker.example:1883:[::1]:1", "broker.example", 1883, "[::1]:1"),
        ] {
            let pin = Pin { host: host.to_owned(), port, address: address.parse().unwrap() };
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_pin_says_what_is_wrong() {
        for (text, reason) in [
            ("broker.example", "wants HOST:PORT:ADDRESS, as in broker.example:8883:127.0.0.1"),
            ("broker.example:8883", "wants HOST:PORT:ADDRESS, as in broker.example:8883:127.0.0.1"),
            (":8883:127.0.0.1", "the host is empty"),
            ("broker.example:x:127.0.0.1", "\"x\" is not a port"),
            (
                "ssl://broker.example:8883:127.0.0.1",
                "wants a host without scheme and user information, as in broker.example:8883:127.0.0.1",
            ),
            (
                "ann:s3cret@broker.example:8883:127.0.0.1",
                "wants a host without scheme and user information, as in broker.example:8883:127.0.0.1",
            ),
            ("broker.example:8883:127.0.0.1\n", "begins or ends in white space"),
            ("broker.example:0:127.0.0.1", "no broker is at port 0, which stands for any"),
            ("broker.example:0:127.0.0.1:1883", "no broker is at port 0, which stands for any"),
            ("broker.example:8883:127.0.0.1:0", "the address has port 0, to which nothing can be sent"),
            ("broker.example:8883:[::1]:0", "the address has port 0, to which nothing can be sent"),
            (
                "broker.example:8883:other.example",
                "\"other.example\" is not an address; a name is not looked up here",
            ),
        ] {
            assert_eq!(text.parse::<Pin>(), Err(reason.to_owned()), "{text}");
        }
    }
}
