//! What `make component` leaves: how large it is, and what it says about itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use mqtt_connector_contract::WIT;
use mqtt_connector_guest::schema::schema;

use crate::support::{Run, VERSIONS, artifact};

/// The most bytes of an artifact, and of one that is compressed.
const MOST: u64 = 2 << 20;
const MOST_COMPRESSED: usize = 700_000;

#[test]
fn artifacts_are_no_larger_than_promised() {
    for name in ["mqtt-connector.wasm", "mqtt-connector-http.wasm"] {
        let path = artifact(name);
        let size = path.metadata().unwrap().len();
        let gzip =
            Command::new("gzip").args(["-9", "-c"]).arg(&path).stderr(Stdio::inherit()).output().unwrap();
        assert!(gzip.status.success());
        let compressed = gzip.stdout.len();
        assert!(
            size <= MOST && compressed <= MOST_COMPRESSED,
            "{name}: {size} bytes, {compressed} compressed"
        );
    }
}

/// Two machines are to build the same bytes, and where they were built is nobody's business.
#[test]
fn artifacts_do_not_say_where_they_were_built() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let home = PathBuf::from(env::var_os("HOME").unwrap());
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    for name in ["mqtt-connector.wasm", "mqtt-connector-http.wasm"] {
        let bytes = fs::read(artifact(name)).unwrap();
        for path in [&workspace, &cargo] {
            let text = path.as_os_str().as_encoded_bytes();
            assert!(!bytes.windows(text.len()).any(|part| part == text), "{name} names {}", path.display());
        }
    }
}

#[test]
fn contract_and_schema_are_those_of_the_connector() {
    for version in VERSIONS {
        assert_eq!(Run::new(version, &[], &["wit"]).run().printed(), WIT);
        assert_eq!(Run::new(version, &[], &["schema"]).run().printed(), schema() + "\n");
    }
}
