//! `publisher.wasm`, which `make component` leaves, put together with a connector: what authors of connectors do with it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

const CONNECTOR: &str = "flint:mqtt/connector@0.2.0";
const PUBLISHER: &str = "flint:mqtt/publisher@0.2.0";

/// What comes of it needs nothing but WASI.
#[test]
fn publisher_is_what_a_connector_imports() -> Result<()> {
    let mut graph = CompositionGraph::new();
    let (publisher, _) = instance(&mut graph, "publisher", "publisher.wasm")?;
    let built = "guest/wasm32-unknown-unknown/component/mqtt_connector_guest.wasm";
    let (connector, imports) = instance(&mut graph, "connector", built)?;
    assert_eq!(imports, [PUBLISHER]);
    let export = graph.alias_instance_export(publisher, PUBLISHER)?;
    graph.set_instantiation_argument(connector, PUBLISHER, export)?;
    let export = graph.alias_instance_export(connector, CONNECTOR)?;
    graph.export(export, CONNECTOR)?;
    let composed = graph.encode(EncodeOptions::default())?;

    let mut graph = CompositionGraph::new();
    let composed = Package::from_bytes("mqtt:composed", None, composed, graph.types_mut())?;
    let world = &graph.types()[composed.ty()];
    assert_eq!(world.exports.keys().collect::<Vec<_>>(), [CONNECTOR]);
    let others: Vec<_> = world.imports.keys().filter(|name| !name.starts_with("wasi:")).collect();
    assert_eq!(others, Vec::<&String>::new());
    Ok(())
}

/// An instance of a component below `target/`, and the names of what it imports.
fn instance(graph: &mut CompositionGraph, name: &str, file: &str) -> Result<(NodeId, Vec<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(file);
    let component =
        fs::read(&path).with_context(|| format!("{}; `make component` leaves it", path.display()))?;
    let package = Package::from_bytes(&format!("mqtt:{name}"), None, component, graph.types_mut())?;
    let imports = graph.types()[package.ty()].imports.keys().cloned().collect();
    let package = graph.register_package(package)?;
    Ok((graph.instantiate(package), imports))
}
