//! Instructions of a send, counted by callgrind: a run with many messages, less one with few.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::Connector;
use mqtt_connector_tests::Mosquitto;

use super::ways::{Clients, Tenants, Work, check, send_raw};
use super::{CHECK, CLOSED, NATIVE, OWN, RAW};
use crate::raw::Raw;
use crate::service::current_thread;

/// Messages of the two runs. Each is a multiple of what the raw socket sends at a time.
const FEW: u64 = 512;
const MANY: u64 = 2048;

/// Places for instances that are kept ready: valgrind has no room for more.
const POOL: u32 = 4;

/// Instructions of a message for each way, at 1 and 64 in flight, over a connection of its own, and of a check; or why they are not
/// counted.
pub(super) fn count() -> Result<Vec<String>, String> {
    let broker = Mosquitto::builder().quiet_log().start();
    let each = |way: &str, in_flight| {
        let [few, many] = [FEW, MANY].map(|messages| run(way, in_flight, messages, broker.port()));
        Ok::<_, String>(many?.saturating_sub(few?) / (MANY - FEW))
    };
    let mut lines = Vec::new();
    for in_flight in [1, 64] {
        for way in [OWN, NATIVE, RAW] {
            let each = each(way, in_flight)?;
            lines.push(format!("{in_flight} in flight, {way}: {each} instructions for a message"));
        }
    }
    for way in [CLOSED, CHECK] {
        lines.push(format!("{way}: {} instructions", each(way, 1)?));
    }
    Ok(lines)
}

fn run(way: &str, in_flight: usize, messages: u64, port: u16) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(env::current_exe().unwrap()).args([COUNTED, way]);
    command.args([in_flight.to_string(), messages.to_string(), port.to_string()]);
    let output = command.output().map_err(|error| format!("valgrind could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind {}: {}", output.status, said.lines().last().unwrap_or_default()));
    }
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, collected) = collected.ok_or("valgrind did not say how many instructions it has counted")?;
    collected.trim().parse().map_err(|_| format!("valgrind has counted {collected:?} instructions"))
}

/// The argument with which this program is started to be counted; what follows are the arguments of [`send`].
pub(crate) const COUNTED: &str = "counted";

/// What is counted: `messages` of `way`, to the broker on `port`.
pub(crate) fn send(way: &str, in_flight: usize, messages: u64, port: u16) {
    if way == RAW {
        let sent = send_raw(&mut Raw::connect(port, "counted"), in_flight, &Work::of(messages));
        assert_eq!(sent, messages);
        return;
    }
    let (runtime, work) = (Arc::new(current_thread()), Work::of(messages));
    if way == NATIVE {
        let sent = Clients::new(&runtime, port, "counted", 1).send(in_flight, &work);
        assert_eq!(sent, messages);
        return;
    }
    let idle = if way == CLOSED { Duration::ZERO } else { Duration::from_secs(3600) };
    let connector = Arc::new(Connector::builder().idle(idle).pool(POOL).build().unwrap());
    let tenants = || Tenants::new(&runtime, &connector, port, "counted", 1);
    let done = match way {
        CHECK => check(&runtime, &connector, &work),
        CLOSED => tenants().send_and_close(&work),
        _ => tenants().send(in_flight, &work),
    };
    assert_eq!(done, messages);
}
