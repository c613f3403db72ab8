//! The component under test, built from its crate.

mod wasm_cargo;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use wasm_cargo::{TARGET, wasm_cargo};

/// Builds the library of the package in `directory` into a component, and returns its bytes.
/// In a test of that package, `directory` is `env!("CARGO_MANIFEST_DIR")`.
///
/// It is the optimised build, for `wasm32-unknown-unknown`: the component imports what its world says, and no WASI. It is
/// built below the target directory of the test, in `guest`, where the next test finds what has not changed.
///
/// # Panics
///
/// If it does not compile (cargo has said why, on standard error), if the Rust target is not installed (`rustup target add
/// wasm32-unknown-unknown`), or if `directory` holds no package.
#[must_use]
pub fn build(directory: impl AsRef<Path>) -> Vec<u8> {
    build_with_profile(directory, "release")
}

/// As [`build`], with a profile of one's own, as in `[profile.component]` of the workspace's `Cargo.toml`.
///
/// # Panics
///
/// As [`build`], and if there is no such profile.
#[must_use]
pub fn build_with_profile(directory: impl AsRef<Path>, profile: &str) -> Vec<u8> {
    let directory = directory.as_ref();
    let program = |variable: &str, name: &str| env::var_os(variable).unwrap_or_else(|| OsString::from(name));
    let name = package(directory);
    let target = target_directory().join("guest");
    let mut cargo = match wasm_cargo(directory, &program("CARGO", "cargo"), &program("RUSTC", "rustc")) {
        Ok(cargo) => cargo,
        Err(reason) => panic!("the component {name} cannot be built: {reason}"),
    };
    let cargo = cargo.args(["--package", &name, "--profile", profile, "--target-dir"]).arg(&target);
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("the component {name} does not compile; cargo ended with {status}"),
        Err(error) => panic!("cargo could not be run: {error}"),
    }
    let file = target.join(TARGET).join(profile).join(format!("{}.wasm", name.replace('-', "_")));
    match fs::read(&file) {
        Ok(component) => component,
        Err(error) => panic!("{}: {error}", file.display()),
    }
}

/// The name of the package whose manifest is in `directory`: the first `name` in it.
fn package(directory: &Path) -> String {
    let manifest = directory.join("Cargo.toml");
    let text = match fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) => panic!("{}: {error}", manifest.display()),
    };
    let value = |line: &str| {
        let value = line.strip_prefix("name")?.trim_start().strip_prefix('=')?.trim();
        Some(value.strip_prefix('"')?.split('"').next()?.to_owned())
    };
    text.lines().find_map(value).unwrap_or_else(|| panic!("{} names no package", manifest.display()))
}

/// Where the test itself was built: it is TARGET/PROFILE/deps/NAME.
fn target_directory() -> PathBuf {
    let test = env::current_exe().ok();
    let target = test.as_deref().and_then(|test| test.ancestors().nth(3)).map(Path::to_owned);
    target.unwrap_or_else(|| panic!("it is not known where this test was built"))
}
