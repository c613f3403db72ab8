//! Cargo, to build a crate into a component: what it needs for that on this machine, and none of an outer build's
//! settings. The test harness has this file, too.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target that has no WASI: a component imports what its world says and nothing else.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The cargo that builds a library for [`TARGET`] in `directory`, with `rustc`, and links it to a component in one step,
/// whatever crate types its manifest names. Of which package is the caller's to add.
///
/// # Errors
///
/// In words: the target is not installed, or the compiler cannot be asked.
pub(crate) fn wasm_cargo(directory: &Path, cargo: &OsStr, rustc: &OsStr) -> Result<Command, String> {
    let ask = |arguments: &[&str]| {
        let asked = Command::new(rustc).args(arguments).current_dir(directory).output();
        let answer = asked.map_err(|error| format!("{} could not be run: {error}", rustc.display()))?;
        String::from_utf8(answer.stdout).map_err(|_| format!("{} did not answer with text", rustc.display()))
    };
    let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?.trim());
    let version = ask(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| format!("{} does not say for which machine it is", rustc.display()))?;
    let tools = sysroot.join("lib/rustlib").join(host).join("bin");
    let mut command = if sysroot.join("lib/rustlib").join(TARGET).is_dir() {
        let mut command = Command::new(cargo);
        command.env("RUSTC", rustc).arg("rustc");
        command
    } else if Path::new("/usr/lib/rustlib/src/rust/library").exists() {
        // Debian's packages `rustc-web`, `cargo-web` and `rust-web-src`, where rustup cannot download the target: they
        // build the standard library from its source.
        let mut command = Command::new("/usr/bin/cargo");
        command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
        command.args(["rustc", "-Zbuild-std=std,panic_abort"]);
        command
    } else {
        return Err(format!(
            "the Rust target {TARGET} is not installed; `rustup target add {TARGET}` or `make wasm-target` installs it"
        ));
    };
    without_outer_settings(&mut command);
    // Links to a component in one step, without WASI.
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", tools.join("wasm-component-ld"));
    let mut path = OsString::from(tools.join("gcc-ld"));
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    command.env("PATH", path).current_dir(directory);
    command.args(["--lib", "--crate-type", "cdylib", "--target", TARGET]);
    Ok(command)
}

/// Takes the settings of an outer build from `cargo`: what it runs is a build of its own.
pub(crate) fn without_outer_settings(cargo: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let outer =
            ["CARGO_", "RUSTFLAGS", "RUSTC_W", "RUSTDOC", "CLIPPY_"].iter().any(|p| text.starts_with(p));
        if outer && text != "CARGO_HOME" && text != "CARGO_NET_OFFLINE" {
            cargo.env_remove(&name);
        }
    }
}
