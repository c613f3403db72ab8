//! The examples of the workspace, as programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of an example. Cargo builds examples for `cargo test` and not for `cargo test --test NAME`, so that it is asked
/// here, as the Makefile asks it: nothing is compiled twice.
///
/// # Panics
///
/// If the example does not compile; cargo has said why, on standard error.
#[track_caller]
pub(crate) fn example(name: &str) -> PathBuf {
    // This test is TARGET/PROFILE/deps/NAME; the profile `dev` has the directory `debug`.
    let test = env::current_exe().unwrap();
    let [directory, target] = [2, 3].map(|parent| test.ancestors().nth(parent).unwrap());
    let profile = directory.file_name().unwrap().to_str().unwrap();
    // What cargo says to this test of its package, it does not say to a build: crates would be compiled again because of it.
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in env::vars().filter(|(name, _)| of_package(name)) {
        cargo.env_remove(name);
    }
    let status = cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(["build", "--quiet", "--locked", "--workspace", "--features", "mqtt-connector-cli/demo"])
        .args(["--example", name, "--profile", if profile == "debug" { "dev" } else { profile }])
        .arg("--target-dir")
        .arg(target)
        .status()
        .unwrap();
    assert!(status.success(), "cargo could not build the example {name}");
    directory.join("examples").join(name)
}
