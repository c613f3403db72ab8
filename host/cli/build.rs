//! Tells the program which wasmtime it runs components with, for `--version`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lock = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let versions = std::fs::read_to_string(lock)?;
    let wasmtime =
        versions.split_once("name = \"wasmtime\"\nversion = \"").and_then(|(_, rest)| rest.split('"').next());
    println!("cargo::rustc-env=WASMTIME_VERSION={}", wasmtime.ok_or("Cargo.lock names no wasmtime")?);
    Ok(())
}
