//! What `make component` leaves: how large it is, and what it says about itself.

use std::process::{Command, Stdio};

use mqtt_connector_contract::WIT;
use mqtt_connector_guest::schema::schema;

use crate::support::{Run, VERSIONS, artifact};

/// The most bytes of an artifact, and of one that is compressed.
const MOST: u64 = 2 << 20;
const MOST_COMPRESSED: usize = 830_000;

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

#[test]
fn contract_and_schema_are_those_of_the_connector() {
    for version in VERSIONS {
        assert_eq!(Run::new(version, &[], &["wit"]).run().printed(), WIT);
        assert_eq!(Run::new(version, &[], &["schema"]).run().printed(), schema() + "\n");
    }
}
