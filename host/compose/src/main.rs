//! Builds the components and puts them together: `mqtt-connector-compose DIRECTORY [DISTRIBUTION]`, run in the workspace by
//! `make component` and `make dist`.
//!
//! | in DIRECTORY | exports | made of |
//! |---|---|---|
//! | `mqtt-connector.wasm` | `wasi:cli/run`, `flint:mqtt/connector` | connector, publisher, command |
//! | `mqtt-connector-http.wasm` | `wasi:http/incoming-handler` | connector, publisher, http |
//!
//! Cargo builds below DIRECTORY as well. In DISTRIBUTION, which has to exist, are both once more, and `connector.wasm`, the connector
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
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use build::{Components, WASI};
use label::Origin;
use sbom::{Bills, Part};
use wasm_cargo::TARGET;

/// What a platform calls.
const CONNECTOR: &str = "flint:mqtt/connector@0.2.0";

/// A component that is made of others, and exports what one of them does.
struct Artifact<'a> {
    name: &'static str,
    /// The component that is started.
    entry: &'a [u8],
    /// Whether the interface `connector` is exported too.
    is_connector: bool,
}

/// The artifacts that are composed.
const NAMES: [&str; 2] = ["mqtt-connector.wasm", "mqtt-connector-http.wasm"];

/// The connector, as all have it inside.
const CONNECTOR_PART: Part = Part { target: TARGET, packages: &["mqtt-connector-guest"] };

/// What is distributed: a name, what it is, and what is in it besides the connector.
const DISTRIBUTED: [(&str, &str, &[&str]); 6] = [
    (
        NAMES[0],
        "Sends MQTT messages and answers when they are acknowledged: wasi:cli/run, and the interface flint:mqtt/connector",
        &["mqtt-connector-wasi-publisher", "mqtt-connector-command"],
    ),
    (
        NAMES[1],
        "Sends MQTT messages and answers when they are acknowledged: wasi:http/incoming-handler",
        &["mqtt-connector-wasi-publisher", "mqtt-connector-http"],
    ),
    (
        "connector.wasm",
        "Makes MQTT publications of JSON documents: the interface flint:mqtt/connector over flint:mqtt/publisher",
        &[],
    ),
    ("mqtt-connector", "Sends MQTT messages and answers when they are acknowledged", &["mqtt-connector-cli"]),
    ("mqtt-connector-serve", "The service that mqtt-connector serve starts", &["mqtt-connector-serve"]),
    ("mqtt-connector-compile", "Compiles components for mqtt-connector", &["mqtt-connector-compile"]),
];

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let (directory, distribution) = match &arguments[..] {
        [directory] => (directory, None),
        [directory, distribution] => (directory, Some(distribution)),
        _ => bail!("usage: mqtt-connector-compose DIRECTORY [DISTRIBUTION]"),
    };
    let (workspace, directory) = (env::current_dir()?, std::path::absolute(directory)?);
    let components = Components::build(&workspace, &directory)?;
    if !NAMES.iter().all(|name| components.are_older_than(&directory.join(name))) {
        compose_all(&components, &directory)?;
    }
    match distribution {
        Some(distribution) => distribute(&workspace, &components, &directory, distribution),
        None => Ok(()),
    }
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
    for (name, about, packages) in DISTRIBUTED {
        let is_component = name.ends_with(".wasm");
        if is_component {
            let made =
                if NAMES.contains(&name) { directory.join(name) } else { components.connector.clone() };
            let component = fs::read(&made).with_context(|| made.display().to_string())?;
            write(name, &origin.label(&component, name.trim_end_matches(".wasm"), about)?)?;
        }
        let mut parts = vec![CONNECTOR_PART];
        if !packages.is_empty() {
            parts.push(Part { target: if is_component { WASI } else { bills.host() }, packages });
        }
        let bill = serde_json::to_vec_pretty(&bills.of(name, about, &parts)?)?;
        write(&format!("sbom/{name}.cdx.json"), &bill)?;
    }
    Ok(())
}

/// Composes both artifacts and leaves them in `directory`.
fn compose_all(components: &Components, directory: &Path) -> Result<()> {
    let read = |path: &Path| -> Result<Vec<u8>> {
        let component = fs::read(path).with_context(|| path.display().to_string())?;
        smaller::smaller(&component, directory).with_context(|| path.display().to_string())
    };
    let parts = Parts { publisher: read(&components.publisher)?, connector: read(&components.connector)? };
    let (command, http) = (read(&components.command)?, read(&components.http)?);
    for artifact in [
        Artifact { name: NAMES[0], entry: &command, is_connector: true },
        Artifact { name: NAMES[1], entry: &http, is_connector: false },
    ] {
        let path = directory.join(artifact.name);
        let composed = compose(&parts, &artifact).with_context(|| artifact.name)?;
        fs::write(&path, &composed).with_context(|| path.display().to_string())?;
        println!("{}: {} bytes", path.display(), composed.len());
    }
    Ok(())
}

/// What every artifact is made of.
struct Parts {
    publisher: Vec<u8>,
    connector: Vec<u8>,
}

/// The bytes of the artifact. What its components import and none of them exports, it imports: WASI.
fn compose(parts: &Parts, artifact: &Artifact<'_>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let publisher = add(&mut graph, "publisher", &parts.publisher, &[])?;
    let connector = add(&mut graph, "connector", &parts.connector, &[publisher])?;
    let entry = add(&mut graph, "entry", artifact.entry, &[publisher, connector])?;
    for name in exports(&graph, entry) {
        let export = graph.alias_instance_export(entry, &name)?;
        graph.export(export, &name)?;
    }
    if artifact.is_connector {
        let export = graph.alias_instance_export(connector, CONNECTOR)?;
        graph.export(export, CONNECTOR)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}

/// Instantiates the component. What it imports is taken from `sources`, where one exports it.
fn add(graph: &mut CompositionGraph, name: &str, component: &[u8], sources: &[NodeId]) -> Result<NodeId> {
    let package = Package::from_bytes(&format!("mqtt:{name}"), None, component, graph.types_mut())?;
    let imports: Vec<String> = graph.types()[package.ty()].imports.keys().cloned().collect();
    let package = graph.register_package(package)?;
    let instance = graph.instantiate(package);
    for &source in sources {
        for name in exports(graph, source).into_iter().filter(|name| imports.contains(name)) {
            let export = graph.alias_instance_export(source, &name)?;
            graph.set_instantiation_argument(instance, &name, export)?;
        }
    }
    Ok(instance)
}

/// The names of what an instance exports.
fn exports(graph: &CompositionGraph, instance: NodeId) -> Vec<String> {
    let package = graph[instance].package();
    package
        .map(|package| graph.types()[graph[package].ty()].exports.keys().cloned().collect())
        .unwrap_or_default()
}
