//! What `make dist` leaves, pushed to an OCI registry on loopback, pulled back, and run: `make publish-check`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod registry;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::Value;

use registry::Registry;

/// Long enough for anything that is going to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is pushed: the file in `dist/`, and the repository and tag that it gets.
const PUSHED: [(&str, &str, &str); 5] = [
    ("connector.wasm", "flint/connector", "0.1.0"),
    ("publisher.wasm", "flint/publisher", "0.1.0"),
    ("mqtt-connector.wasm", "flint/mqtt-connector", "0.1.0"),
    ("mqtt-connector-http.wasm", "flint/mqtt-connector-http", "0.1.0"),
    ("flint-mqtt.wasm", "flint/mqtt", "0.2.0"),
];

#[test]
fn what_was_pushed_comes_back_and_runs() {
    let (registry, directory) = (Registry::start(), tempfile::tempdir().unwrap());
    for (name, repository, tag) in PUSHED {
        let (file, pulled) = (distribution(name), directory.path().join(name));
        let reference = format!("{}/{repository}:{tag}", registry.address());
        let oci = |action: &str| {
            let mut wkg = wkg(directory.path());
            wkg.args(["oci", action, "--insecure", &registry.address().to_string(), &reference]);
            wkg
        };
        run(oci("push").arg(&file));
        run(oci("pull").arg("--output").arg(&pulled));
        assert!(fs::read(&pulled).unwrap() == fs::read(&file).unwrap(), "{name} has come back otherwise");

        let manifest: Value = serde_json::from_slice(&registry.manifest(repository, tag)).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        let media_types = [&manifest["mediaType"], &manifest["config"]["mediaType"], &layers[0]["mediaType"]];
        assert_eq!(
            media_types,
            [
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.wasm.config.v0+json",
                "application/wasm"
            ],
            "{manifest:#}"
        );
        assert_eq!(layers.len(), 1, "{manifest:#}");
        assert_eq!(layers[0]["size"], fs::metadata(&file).unwrap().len(), "{manifest:#}");
    }

    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let mut wasmtime = Command::new(built("tools/wasmtime-48/wasmtime", "wasmtime"));
    wasmtime.args(["run", "-S", "inherit-network"]).arg(directory.path().join("mqtt-connector.wasm"));
    wasmtime.args(["send", "--broker", &format!("tcp://{}", broker.address()), "--client-id", "sender"]);
    let said = run(wasmtime.args(["--topic", "t", "--content", "hello"]));
    let sent = r#"{"meta":{"exit-code":0,"message":"Sent with QoS 2 to topic \"t\" at tcp://127.0.0.1:# in # ms."}}"#;
    assert!(fits(said.trim_end(), sent), "{said}");
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"hello");
}

/// `docs/packages.md` has a row for each file, and no other.
#[test]
fn the_page_names_what_is_there() {
    let page = there(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/packages.md"), "dist");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("## What is in `dist/`").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let rows: Vec<String> = cells
        .flat_map(|(names, _)| names.split('`').step_by(2))
        .filter(|name| !name.is_empty())
        .map(|name| name.replace("FILE", "…").replace('*', "…"))
        .collect();
    let sums = fs::read_to_string(distribution("SHA256SUMS")).unwrap();
    let names = sums.lines().map(|line| line.split_once("  ").unwrap().1);
    let files: Vec<&str> = names.chain(["SHA256SUMS"]).collect();
    for file in &files {
        assert!(rows.iter().any(|row| fits(file, row)), "{file} is not on the page");
    }
    for row in &rows {
        assert!(files.iter().any(|file| fits(file, row)), "{row} is not there");
    }
    run(Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(distribution("SHA256SUMS").parent().unwrap()));
}

/// As somebody does who builds a component for this contract: by the name of the package.
#[test]
fn contract_is_found_by_its_name() {
    let (registry, directory) = (Registry::start(), tempfile::tempdir().unwrap());
    let address = registry.address();
    let config = directory.path().join("config.toml");
    let text = format!(
        "[namespace_registries]\n\
         flint = {{ registry = \"{address}\", metadata = {{ preferredProtocol = \"oci\", \
         oci = {{ registry = \"{address}\", namespacePrefix = \"\" }} }} }}\n\
         [registry.\"{address}\".oci]\n\
         protocol = \"http\"\n"
    );
    fs::write(&config, text).unwrap();
    let wkg = |arguments: &[&str]| {
        let mut wkg = wkg(directory.path());
        wkg.args(arguments).arg("--config").arg(&config).arg("--cache").arg(directory.path().join("cache"));
        wkg
    };
    run(wkg(&["publish"]).arg(distribution("flint-mqtt.wasm")));
    run(&mut wkg(&["get", "flint:mqtt@0.2.0", "--output", "./contract.wasm", "--format", "wasm"]));
    let found = fs::read(directory.path().join("contract.wasm")).unwrap();
    assert!(
        found == fs::read(distribution("flint-mqtt.wasm")).unwrap(),
        "the contract has come back otherwise"
    );
    let text = run(&mut wkg(&["get", "flint:mqtt@0.2.0", "--output", "./contract.wit", "--format", "wit"]));
    assert_eq!(text, "");
    let contract = fs::read_to_string(directory.path().join("contract.wit")).unwrap();
    assert!(contract.contains("package flint:mqtt@0.2.0;") && contract.contains("interface publisher"));
}

/// `wkg` in `directory`, without the settings of whoever runs the tests.
fn wkg(directory: &Path) -> Command {
    let mut wkg = Command::new(built("tools/bin/wkg", "wkg"));
    wkg.current_dir(directory).env("DOCKER_CONFIG", directory).env("XDG_CONFIG_HOME", directory);
    wkg
}

/// What it has said on standard output when it ended well.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A file that `make dist` leaves.
#[track_caller]
fn distribution(name: &str) -> PathBuf {
    there(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist").join(name), "dist")
}

/// A file below the target directory.
#[track_caller]
fn built(name: &str, how: &str) -> PathBuf {
    there(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(name), how)
}

#[track_caller]
fn there(path: PathBuf, how: &str) -> PathBuf {
    assert!(path.exists(), "{} is not there; `make {how}` leaves it", path.display());
    path.canonicalize().unwrap()
}
