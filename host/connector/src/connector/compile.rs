//! From WebAssembly to machine code (cargo feature `compiler`).

use std::num::NonZero;
use std::thread::available_parallelism;

use wasmtime::component::Component;
use wasmtime::{Config, Engine};

use super::Connector;
use super::config::config;
use super::engines::Images;
use super::load_error::LoadError;
use crate::publisher::Shortage;

/// How a WebAssembly file begins.
const WASM: &[u8] = b"\0asm";
/// How a core module begins: a component has another version and kind.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Compiles a component to be run in this process.
pub(super) fn compile(wasm: &[u8], images: Images) -> Result<Component, LoadError> {
    Ok(Component::from_binary(&Engine::new(&config_for_compiling(images))?, check(wasm)?)?)
}

/// Compiles a component: see [`Connector::precompile`].
pub(super) fn precompile(wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    let config = config_for_compiling(Images::of_this_process());
    Ok(Engine::new(&config)?.precompile_component(check(wasm)?)?)
}

/// The configuration of an engine that compiles, with a thread for each processor. Where the system refuses so many threads, the
/// library that starts them would panic: the engine compiles without them then.
fn config_for_compiling(images: Images) -> Config {
    let mut config = config();
    let threads = available_parallelism().map_or(1, NonZero::get);
    config.parallel_compilation(Shortage::of_threads(threads).is_none());
    config.memory_init_cow(images == Images::InFiles);
    config
}

/// Looks at what is going to be compiled before the compiler does.
fn check(wasm: &[u8]) -> Result<&[u8], LoadError> {
    if !wasm.starts_with(WASM) {
        return Err(LoadError::NotAComponent { what: "something else" });
    }
    if wasm.starts_with(MODULE) {
        return Err(LoadError::NotAComponent { what: "a core module, which wasm-tools can make into one" });
    }
    if wasm.len() > Connector::LARGEST {
        return Err(LoadError::TooLarge { size: wasm.len() });
    }
    Ok(wasm)
}
