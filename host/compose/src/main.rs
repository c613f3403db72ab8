//! Builds the components, and makes them smaller: `mqtt-connector-compose DIRECTORY [DISTRIBUTION]`, run in the workspace by
//! `make component` and `make dist`.
//!
//! | in DIRECTORY | exports | made of |
//! |---|---|---|
//! | `mqtt-connector.wasm` | `wasi:cli/run`, `flint:mqtt/connector` | connector, publisher, command |
//! | `mqtt-connector-http.wasm` | `wasi:http/incoming-handler` | connector, publisher, http |
//! | `publisher.wasm` | `flint:mqtt/publisher` | publisher |
//!
//! Cargo builds below DIRECTORY as well. In DISTRIBUTION, which has to exist, are all once more, and `connector.wasm`, the connector
//! alone; there each says what it is ([`label`]). `DISTRIBUTION/sbom` has what each is made of, and each of the programs ([`sbom`]).

#![deny(unsafe_code)]

mod build;
#[path = "../../connector/build/guest.rs"]
mod guest;
mod label;
mod sbom;
mod smaller;
#[path = "../../connector/build/wasm_cargo.rs"]
mod wasm_cargo;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use build::{Components, WASI};
use label::Origin;
use sbom::{Bills, Part};
use wasm_cargo::TARGET;

/// What is distributed.
struct Distributed {
    name: &'static str,
    /// What it is, in a sentence.
    about: &'static str,
    kind: Kind,
}

/// What something that is distributed is made of.
enum Kind {
    /// This package, for WASI.
    Wasi(&'static str),
    /// The connector alone, for hosts that publish by themselves.
    Connector,
    /// This package, for this machine, and in it the connector.
    Program(&'static str),
}

const DISTRIBUTED: [Distributed; 7] = [
    Distributed {
        name: "mqtt-connector.wasm",
        about: "Sends MQTT messages and answers when they are acknowledged: wasi:cli/run, and the interface flint:mqtt/connector",
        kind: Kind::Wasi("mqtt-connector-command"),
    },
    Distributed {
        name: "mqtt-connector-http.wasm",
        about: "Sends MQTT messages and answers when they are acknowledged: wasi:http/incoming-handler",
        kind: Kind::Wasi("mqtt-connector-http"),
    },
    Distributed {
        name: "publisher.wasm",
        about: "Publishes MQTT messages over WASI 0.2 sockets: the interface flint:mqtt/publisher",
        kind: Kind::Wasi("mqtt-connector-wasi-publisher"),
    },
    Distributed {
        name: "connector.wasm",
        about: "Makes MQTT publications of JSON documents: the interface flint:mqtt/connector over flint:mqtt/publisher",
        kind: Kind::Connector,
    },
    Distributed {
        name: "mqtt-connector",
        about: "Sends MQTT messages and answers when they are acknowledged",
        kind: Kind::Program("mqtt-connector-cli"),
    },
    Distributed {
        name: "mqtt-connector-serve",
        about: "The service that mqtt-connector serve starts",
        kind: Kind::Program("mqtt-connector-serve"),
    },
    Distributed {
        name: "mqtt-connector-compile",
        about: "Compiles components for mqtt-connector",
        kind: Kind::Program("mqtt-connector-compile"),
    },
];

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let (directory, distribution) = match &arguments[..] {
        [directory] => (directory, None),
        [directory, distribution] => (directory, Some(distribution)),
        _ => bail!("usage: mqtt-connector-compose DIRECTORY [DISTRIBUTION]"),
    };
    let (workspace, directory) = (env::current_dir()?, std::path::absolute(directory)?);
    let packages: Vec<&str> = DISTRIBUTED.iter().filter_map(Distributed::wasi).collect();
    let components = Components::build(&workspace, &directory, &packages)?;
    for (name, package) in DISTRIBUTED.iter().filter_map(|one| Some((one.name, one.wasi()?))) {
        let (built, made) = (components.of(package), directory.join(name));
        if !build::is_newer(&made, &built) {
            make_smaller(&built, &made, &directory).with_context(|| built.display().to_string())?;
        }
    }
    match distribution {
        Some(distribution) => distribute(&workspace, &components, &directory, distribution),
        None => Ok(()),
    }
}

impl Distributed {
    /// The package that is built for WASI.
    fn wasi(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Wasi(package) => Some(package),
            Kind::Connector | Kind::Program(_) => None,
        }
    }
}

/// Leaves at `made` what is at `built`, made smaller.
fn make_smaller(built: &Path, made: &Path, directory: &Path) -> Result<()> {
    let component = smaller::smaller(&fs::read(built)?, directory)?;
    fs::write(made, &component)?;
    println!("{}: {} bytes", made.display(), component.len());
    Ok(())
}

/// Leaves in `distribution` the components, and what everything that is distributed is made of.
fn distribute(
    workspace: &Path,
    components: &Components,
    directory: &Path,
    distribution: &Path,
) -> Result<()> {
    let origin = Origin::of(workspace)?;
    let bills = Bills::new(workspace, &origin)?;
    fs::create_dir_all(distribution.join("sbom"))?;
    let write = |name: &str, content: &[u8]| {
        let path = distribution.join(name);
        fs::write(&path, content).with_context(|| path.display().to_string())
    };
    let connector = Part { target: TARGET, package: "mqtt-connector-guest" };
    for Distributed { name, about, kind } in &DISTRIBUTED {
        let (made, parts) = match kind {
            Kind::Wasi(package) => (Some(directory.join(name)), vec![Part { target: WASI, package }]),
            Kind::Connector => (Some(components.connector.clone()), vec![connector]),
            Kind::Program(package) => (None, vec![connector, Part { target: bills.host(), package }]),
        };
        if let Some(made) = made {
            let component = fs::read(&made).with_context(|| made.display().to_string())?;
            write(name, &origin.label(&component, name.trim_end_matches(".wasm"), about)?)?;
        }
        let bill = serde_json::to_vec_pretty(&bills.of(name, about, &parts)?)?;
        write(&format!("sbom/{name}.cdx.json"), &bill)?;
    }
    Ok(())
}
