//! A cluster of which everything is killed and stopped, while others submit: three servers of NATS, three nodes of the service, a broker.
//! Started again by itself with `carry-out`, this program is a node: built with `--profile bench`, the nodes are optimised.
//!
//! `CLUSTER_EXECUTIONS` (300), `CLUSTER_TENANTS` (6), `CLUSTER_FAULTS` (6), `CLUSTER_NODES` (3) and `CLUSTER_SEED` (random, and printed) say how much,
//! and with `CLUSTER_LATENCIES` the latency of a tenant beside another's backlog is printed as well; `make soak-cluster` takes
//! 100,000 of 50 tenants.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../crashes/arrivals.rs"]
mod arrivals;
#[path = "../shown/bars.rs"]
mod bars;
mod chaos;
mod latency;
#[path = "../crashes/ledger.rs"]
mod ledger;
#[path = "../crashes/node.rs"]
mod node;
mod nodes;
#[path = "../shown/over_time.rs"]
mod over_time;

use std::env;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, command, address, port, tenants] = &arguments[..]
        && command == nodes::COMMAND
    {
        return nodes::carry_out(address, port.parse().unwrap(), tenants.parse().unwrap());
    }
    let chaos = chaos::Chaos {
        seed: number("CLUSTER_SEED").unwrap_or_else(|| fastrand::u64(..)),
        executions: size("CLUSTER_EXECUTIONS", 300),
        tenants: size("CLUSTER_TENANTS", 6),
        faults: size("CLUSTER_FAULTS", 6),
        nodes: size("CLUSTER_NODES", 3),
    };
    let report = chaos.run();
    println!("every execution that a cluster accepted ends in one state, which is true ... ok\n\n{report}");
    if env::var_os("CLUSTER_LATENCIES").is_some() {
        println!("one tenant's executions: {}", latency::run());
    }
}

fn size(name: &str, default: usize) -> usize {
    number(name).map_or(default, |number| usize::try_from(number).unwrap())
}

/// The number in an environment variable.
fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, which is not a number")))
}
