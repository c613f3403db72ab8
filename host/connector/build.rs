//! Builds `guest/` into the component that the library embeds, and compiles that to machine code, so that no compiler is
//! run when a connector starts.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasmtime::Engine;

#[path = "src/connector/config.rs"]
mod config;

const TARGET: &str = "wasm32-unknown-unknown";

/// 64 KiB instead of 1 MiB for the component's stack, which lies before its data: all that a send touches is close
/// together. Nothing in the component recurses, and a stack that overflows is a trap.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    for input in [
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
    let target = out.ancestors().nth(4).unwrap_or(&out).join("guest");
    let mut cargo = guest_cargo()?;
    // Panic messages name source files; the machine that built them is nobody's business, and two machines are to
    // build the same bytes.
    let home = env::var_os("CARGO_HOME")
        .map_or_else(|| PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo"), PathBuf::from);
    let remapped = [(workspace.as_path(), "."), (home.as_path(), "cargo")]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", [remapped.join("\x1f"), STACK.to_owned()].join("\x1f"))
        .current_dir(&workspace)
        .args(["build", "--locked", "--package", "mqtt-connector-guest", "--profile", "component"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target);
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!("building the guest failed: {status}").into());
    }
    let built = target.join(TARGET).join("component/mqtt_connector_guest.wasm");
    std::fs::copy(&built, out.join("connector.wasm"))?;
    // For the target by name: without, the code is for this very machine's processor.
    let mut config = config::config();
    config.target(&env::var("TARGET")?)?;
    let code = Engine::new(&config)?.precompile_component(&std::fs::read(&built)?)?;
    std::fs::write(out.join("connector.cwasm"), code)?;
    Ok(())
}

/// Cargo with what it takes to build for the wasm target on this machine, and none of the outer build's settings.
fn guest_cargo() -> Result<Command, Box<dyn Error>> {
    let rustc = variable("RUSTC")?;
    let sysroot = Command::new(&rustc).args(["--print", "sysroot"]).output()?.stdout;
    let sysroot = PathBuf::from(String::from_utf8(sysroot)?.trim());
    let tools = sysroot.join("lib/rustlib").join(env::var("HOST")?).join("bin");
    let mut cargo = if sysroot.join("lib/rustlib").join(TARGET).is_dir() {
        let mut cargo = Command::new(variable("CARGO")?);
        cargo.env("RUSTC", &rustc);
        cargo
    } else if Path::new("/usr/lib/rustlib/src/rust/library").exists() {
        debian_cargo()
    } else {
        return Err(format!(
            "the Rust target {TARGET} is not installed; `rustup target add {TARGET}` or `make wasm-target` installs it"
        )
        .into());
    };
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let outer =
            ["CARGO_", "RUSTFLAGS", "RUSTC_W", "RUSTDOC", "CLIPPY_"].iter().any(|p| text.starts_with(p));
        if outer && text != "CARGO_HOME" && text != "CARGO_NET_OFFLINE" {
            cargo.env_remove(&name);
        }
    }
    // Links to a component in one step, without WASI.
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", tools.join("wasm-component-ld"));
    let mut path = OsString::from(tools.join("gcc-ld"));
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    cargo.env("PATH", path);
    Ok(cargo)
}

/// Debian's packages `rustc-web`, `cargo-web` and `rust-web-src`, where rustup cannot download the target: they build
/// the standard library from its source.
fn debian_cargo() -> Command {
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
    cargo
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}
