//! Builds `guest/` into the component that the library embeds, and compiles that to machine code, so that no compiler is
//! run when a connector starts.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wasmtime::Engine;

#[path = "src/connector/config.rs"]
mod config;
#[path = "build/guest.rs"]
mod guest;
#[path = "build/wasm_cargo.rs"]
mod wasm_cargo;

fn main() -> Result<(), Box<dyn Error>> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let workspace = package.join("../..").canonicalize()?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    // A package from a registry has no guest beside it, and brings the component instead.
    let built = if workspace.join("guest/connector/Cargo.toml").exists() {
        build(&workspace, &out)?
    } else {
        package.join("component/connector.wasm")
    };
    std::fs::copy(&built, out.join("connector.wasm"))?;
    // For the target by name: without, the code is for this very machine's processor.
    let target = env::var("TARGET")?;
    let component = std::fs::read(&built)?;
    // What each is for, `src/connector/built_in.rs` says.
    for (name, has_images, is_interrupted) in [
        ("connector.cwasm", true, true),
        ("connector-without-images.cwasm", false, true),
        ("connector-one-shot.cwasm", false, false),
    ] {
        let mut config = config::config();
        config.target(&target)?;
        config.memory_init_cow(has_images);
        config.epoch_interruption(is_interrupted);
        std::fs::write(out.join(name), Engine::new(&config)?.precompile_component(&component)?)?;
    }
    Ok(())
}

/// Builds the component from the workspace.
fn build(workspace: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    for input in [
        "host/connector/build",
        "host/connector/src/connector/config.rs",
        "guest/connector/src",
        "guest/connector/Cargo.toml",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    println!("cargo::rerun-if-env-changed=PATH");

    // Beside the outer target directory, whose lock the outer cargo holds: OUT_DIR is TARGET/PROFILE/build/NAME/out.
    let target = out.ancestors().nth(4).unwrap_or(out).join("guest");
    Ok(guest::build(workspace, &target, &variable("CARGO")?, &variable("RUSTC")?)?)
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}
