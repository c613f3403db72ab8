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

/// Where the components are.
pub(crate) struct Components {
    /// The connector alone, which imports no WASI.
    pub(crate) connector: PathBuf,
    /// Where those are that import WASI.
    wasi: PathBuf,
}

impl Components {
    /// Builds the connector of `workspace` below `target`, and those of its `packages` that are components which import WASI.
    ///
    /// # Errors
    ///
    /// In words: a target is not installed, or a component does not compile.
    pub(crate) fn build(workspace: &Path, target: &Path, packages: &[&str]) -> Result<Self> {
        let [cargo, rustc] = [("CARGO", "cargo"), ("RUSTC", "rustc")]
            .map(|(variable, name)| env::var_os(variable).unwrap_or_else(|| OsString::from(name)));
        let connector = guest::build(workspace, &target.join("guest"), &cargo, &rustc)
            .map_err(|reason| anyhow!(reason))?;
        let mut build = Command::new(&cargo);
        without_outer_settings(&mut build);
        // Beside the flags of `.cargo/config.toml`, in whose place a variable would put them.
        let flags = guest::remapped(workspace).map(|flag| format!("{flag:?}")).join(",");
        build
            .current_dir(workspace)
            .args(["build", "--locked", "--target", WASI, "--profile", PROFILE, "--target-dir"])
            .arg(target)
            .args(["--config", &format!("target.{WASI}.rustflags=[{flags}]")])
            .args(packages.iter().flat_map(|package| ["--package", package]));
        let status = build.status()?;
        ensure!(status.success(), "building the components for {WASI} failed: {status}");
        Ok(Self { connector, wasi: target.join(WASI).join(PROFILE) })
    }

    /// Where the component of a package is.
    pub(crate) fn of(&self, package: &str) -> PathBuf {
        // Cargo calls a library by the name of its crate, and a program by that of its package.
        let program = self.wasi.join(format!("{package}.wasm"));
        if program.exists() { program } else { self.wasi.join(package.replace('-', "_") + ".wasm") }
    }
}

/// Whether what is at `made` was made after what is at `built`, and after this program.
pub(crate) fn is_newer(made: &Path, built: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    let Some(at) = changed(made) else { return false };
    let program = env::current_exe().unwrap_or_default();
    [built, &program].into_iter().all(|other| changed(other).is_some_and(|changed| changed < at))
}
