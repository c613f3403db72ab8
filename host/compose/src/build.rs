//! The components, built from their crates.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, anyhow, ensure};

use crate::guest;
use crate::wasm_cargo::without_outer_settings;

/// The target of the components that import WASI.
pub(crate) const WASI: &str = "wasm32-wasip2";
/// Their profile, of the workspace's `Cargo.toml`.
const PROFILE: &str = "wasi";

/// Where each component is.
pub(crate) struct Components {
    pub(crate) connector: PathBuf,
    pub(crate) publisher: PathBuf,
    pub(crate) command: PathBuf,
    pub(crate) http: PathBuf,
}

impl Components {
    /// Builds the components of `workspace` below `target`.
    ///
    /// # Errors
    ///
    /// In words: a target is not installed, or a component does not compile.
    pub(crate) fn build(workspace: &Path, target: &Path) -> Result<Self> {
        let [cargo, rustc] = [("CARGO", "cargo"), ("RUSTC", "rustc")]
            .map(|(variable, name)| env::var_os(variable).unwrap_or_else(|| OsString::from(name)));
        let connector = guest::build(workspace, &target.join("guest"), &cargo, &rustc)
            .map_err(|reason| anyhow!(reason))?;
        let mut build = Command::new(&cargo);
        without_outer_settings(&mut build);
        // Whether each is a program, and not a library.
        let packages = [
            ("mqtt-connector-wasi-publisher", false),
            ("mqtt-connector-command", true),
            ("mqtt-connector-http", false),
        ];
        // Beside the flags of `.cargo/config.toml`, in whose place a variable would put them.
        let flags = guest::remapped(workspace).map(|flag| format!("{flag:?}")).join(",");
        build
            .current_dir(workspace)
            .args(["build", "--locked", "--target", WASI, "--profile", PROFILE, "--target-dir"])
            .arg(target)
            .args(["--config", &format!("target.{WASI}.rustflags=[{flags}]")])
            .args(packages.iter().flat_map(|(package, _)| ["--package", package]));
        let status = build.status()?;
        ensure!(status.success(), "building the components for {WASI} failed: {status}");
        let built = target.join(WASI).join(PROFILE);
        let [publisher, command, http] =
            packages.map(|(package, is_program)| built.join(file_name(package, is_program)));
        Ok(Self { connector, publisher, command, http })
    }

    /// Whether what is at `artifact` was made after all of them, and after this program.
    pub(crate) fn are_older_than(&self, artifact: &Path) -> bool {
        let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
        let Some(made) = changed(artifact) else { return false };
        let program = env::current_exe().unwrap_or_default();
        let parts = [&self.connector, &self.publisher, &self.command, &self.http, &program];
        parts.into_iter().all(|part| changed(part).is_some_and(|changed| changed < made))
    }
}

/// What cargo calls the component of a package.
fn file_name(package: &str, is_program: bool) -> String {
    let name = if is_program { package.to_owned() } else { package.replace('-', "_") };
    name + ".wasm"
}
