//! The build of `guest/connector`, the component that the library embeds and that others are composed with.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::wasm_cargo::{TARGET, wasm_cargo};

/// 64 KiB instead of 1 MiB for the component's stack, which lies before its data: all that a send touches is close
/// together. Nothing in the component recurses, and a stack that overflows is a trap.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

/// Builds the component from `workspace` into the directory `target`, with the programs `cargo` and `rustc`; answers where it is.
///
/// # Errors
///
/// In words: the target is not installed, cargo cannot be run, or the component does not compile.
pub(crate) fn build(
    workspace: &Path,
    target: &Path,
    cargo: &OsStr,
    rustc: &OsStr,
) -> Result<PathBuf, String> {
    let mut cargo = wasm_cargo(workspace, cargo, rustc)?;
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", [remapped(workspace).join("\x1f"), STACK.to_owned()].join("\x1f"))
        .args(["--locked", "--package", "mqtt-connector-guest", "--profile", "component", "--target-dir"])
        .arg(target);
    let status = cargo.status().map_err(|error| format!("cargo could not be run: {error}"))?;
    if !status.success() {
        return Err(format!("building the guest failed: {status}"));
    }
    Ok(target.join(TARGET).join("component/mqtt_connector_guest.wasm"))
}

/// Flags of the compiler. Panic messages name source files; the machine that built them is nobody's business, and two machines
/// are to build the same bytes.
pub(crate) fn remapped(workspace: &Path) -> [String; 2] {
    let home = env::var_os("CARGO_HOME")
        .map_or_else(|| PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo"), PathBuf::from);
    [(workspace, "."), (home.as_path(), "cargo")]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
}
