//! What a program may rely on that depends on the libraries: its own types are read as they were before.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::process::Command;

use dependent::{Either, Event, Reading, Value};
use mqtt_connector_publisher::Tenants;

#[test]
fn numbers_are_read_through_buffers() {
    let reading = Reading { sensor: "a".to_owned(), value: Value { celsius: 21.5 } };
    assert_eq!(serde_json::from_str::<Reading>(r#"{"sensor": "a", "celsius": 21.5}"#).unwrap(), reading);
    assert_eq!(serde_json::from_str::<Either>("21.5").unwrap(), Either::Number(21.5));
    assert_eq!(
        serde_json::from_str::<Event>(r#"{"kind": "Door", "open": 0.5}"#).unwrap(),
        Event::Door { open: 0.5 }
    );
}

#[test]
fn objects_are_sorted_as_without_the_libraries() {
    let object: serde_json::Value = serde_json::from_str(r#"{"z": 1, "a": 2}"#).unwrap();
    assert_eq!(object.to_string(), r#"{"a":2,"z":1}"#);
}

#[test]
fn configurations_keep_their_order_and_their_digits() {
    let json = r#"{"acme": {"config": {"z": 1.50, "a": 12345678901234567890123}}}"#;
    let tenants: Tenants = serde_json::from_str(json).unwrap();
    assert_eq!(tenants.get("acme").unwrap().config(), r#"{"z": 1.50, "a": 12345678901234567890123}"#);
    let tenants: Tenants = "[tenants.acme.config]\nz = 1.5\na.y = 1\nb = 'x'\na.c = 2".parse().unwrap();
    assert_eq!(tenants.get("acme").unwrap().config(), r#"{"z":1.5,"a":{"y":1,"c":2},"b":"x"}"#);
}

/// Of both libraries, with everything that they can turn on for a program but `wasi` and `compiler`.
#[test]
fn nothing_is_turned_on_that_changes_what_others_do() {
    let features = |of: &str| {
        let tree = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--locked",
                "--all-features",
                "--edges",
                "features,normal",
                "--prefix",
                "none",
                "--invert",
                of,
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let start = format!("{of} feature ");
        let tree = String::from_utf8(tree.stdout).unwrap();
        let features = tree.lines().filter_map(|line| line.strip_prefix(&start));
        features
            .map(|feature| feature.replace(['"', '(', '*', ')'], "").trim().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    // raw_value is a further type; it changes nothing of the others.
    assert_eq!(features("serde_json"), set(&["default", "raw_value", "std"]));
    // preserve_order would change the order of everybody's tables.
    assert_eq!(features("toml"), set(&["parse", "serde", "std"]));
}
