//! Which component is run, and how the names of brokers are resolved: what an operator may say, and no document.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use clap::ArgMatches;
use mqtt_connector::publisher::{PinnedResolver, SystemResolver};
use mqtt_connector::{Connector, ConnectorBuilder, LoadError, Response};

use super::arguments::{COMPONENT, OUTPUT, RESOLVE};
use super::shortage::{short, unreadable};
use super::{FAULT, response};

/// How WebAssembly starts.
const WASM: &[u8] = b"\0asm";
/// How machine code starts, also that of [`Connector::precompile`].
const ELF: &[u8] = b"\x7fELF";

/// The connector that the operator asked for, with so many places for instances that are kept ready.
///
/// # Errors
///
/// The response: the component cannot be read or loaded.
pub(super) fn connector(matches: &ArgMatches, places: u32) -> Result<Connector, Response> {
    let mut builder = Connector::builder().pool(places);
    if places == 0 {
        builder = builder.process_timer();
    }
    let mut which = String::new();
    if let Some(path) = matches.get_one::<String>(COMPONENT) {
        which = format!("--{COMPONENT} {path}: ");
        let file = std::fs::read(path);
        let file = file.map_err(|error| unreadable(&format!("--{COMPONENT} {path}"), &error))?;
        builder = with_component(builder, file).ok_or_else(|| {
            response(
                FAULT,
                format!("{which}it is neither a WebAssembly component nor the output of precompile."),
            )
        })?;
    }
    if let Ok(Some(pins)) = matches.try_get_many::<Pin>(RESOLVE) {
        let resolver = pins.fold(PinnedResolver::new(Arc::new(SystemResolver)), |resolver, pin| {
            resolver.pin(&pin.host, pin.port, pin.address)
        });
        builder = builder.resolver(Arc::new(resolver));
    }
    builder.build().map_err(|error| match error {
        LoadError::Shortage(shortage) => short(shortage, "loading the component"),
        error => response(FAULT, format!("{which}{error}.")),
    })
}

/// Compiles the component that the arguments name, to the file that they name.
///
/// # Errors
///
/// The response: a file cannot be read or written, or is no component.
pub(super) fn precompile(matches: &ArgMatches) -> Result<String, Response> {
    let path = |name| matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let (from, to) = (path(COMPONENT), path(OUTPUT));
    let wasm = std::fs::read(from).map_err(|error| unreadable(from, &error))?;
    if !wasm.starts_with(WASM) {
        return Err(response(FAULT, format!("{from}: it is not a WebAssembly component.")));
    }
    let code = Connector::precompile(&wasm).map_err(|error| response(FAULT, format!("{from}: {error}.")))?;
    std::fs::write(to, code).map_err(|error| response(FAULT, format!("{to}: {error}.")))?;
    Ok(String::new())
}

/// Takes WebAssembly as it is, and what looks like a program as machine code; `None` when it is neither.
#[expect(
    unsafe_code,
    reason = "an operator may run machine code of their own; that is what the flag's help says"
)]
fn with_component(builder: ConnectorBuilder, file: Vec<u8>) -> Option<ConnectorBuilder> {
    if file.starts_with(WASM) {
        return Some(builder.component(file));
    }
    // SAFETY: the operator named the file on the command line, as one names a program to run. Documents cannot.
    file.starts_with(ELF).then(|| unsafe { builder.precompiled(file) })
}

/// `HOST:PORT:ADDRESS[:PORT]`: a broker's name, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    host: String,
    port: u16,
    address: SocketAddr,
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("wants HOST:PORT:ADDRESS, as in broker.example:8883:127.0.0.1".to_owned());
        };
        if host.is_empty() {
            return Err("the host is empty".to_owned());
        }
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        if port == 0 {
            return Err("no broker is at port 0, which stands for any".to_owned());
        }
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let address = match (address.parse::<SocketAddr>(), bare.parse::<IpAddr>()) {
            (Ok(address), _) => address,
            (Err(_), Ok(address)) => SocketAddr::new(address, port),
            (Err(_), Err(_)) => {
                return Err(format!("{address:?} is not an address; a name is not looked up here"));
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
