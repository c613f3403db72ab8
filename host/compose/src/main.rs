//! Builds the components and puts them together: `mqtt-connector-compose DIRECTORY`, run in the workspace by `make component`.
//!
//! | in DIRECTORY | exports | made of |
//! |---|---|---|
//! | `mqtt-connector.wasm` | `wasi:cli/run`, `flint:mqtt/connector` | connector, publisher, command |
//! | `mqtt-connector-http.wasm` | `wasi:http/incoming-handler` | connector, publisher, http |
//!
//! Cargo builds below DIRECTORY as well.

#![deny(unsafe_code)]

mod build;
#[path = "../../connector/build/guest.rs"]
mod guest;
mod smaller;
#[path = "../../connector/build/wasm_cargo.rs"]
mod wasm_cargo;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use build::Components;

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

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    ensure!(arguments.len() == 1, "usage: mqtt-connector-compose DIRECTORY");
    let directory = std::path::absolute(&arguments[0])?;
    let components = Components::build(&env::current_dir()?, &directory)?;
    let names = ["mqtt-connector.wasm", "mqtt-connector-http.wasm"];
    if names.iter().all(|name| components.are_older_than(&directory.join(name))) {
        return Ok(());
    }
    let read = |path: &Path| -> Result<Vec<u8>> {
        let component = fs::read(path).with_context(|| path.display().to_string())?;
        smaller::smaller(&component, &directory).with_context(|| path.display().to_string())
    };
    let parts = Parts { publisher: read(&components.publisher)?, connector: read(&components.connector)? };
    let (command, http) = (read(&components.command)?, read(&components.http)?);
    for artifact in [
        Artifact { name: names[0], entry: &command, is_connector: true },
        Artifact { name: names[1], entry: &http, is_connector: false },
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
