//! The machine code of the built-in component, which the build script makes.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::engines::{Images, config_for_loading};

/// Machine code for engines whose memories begin as an image in a file that only the memory holds.
static CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector.cwasm"));
/// Machine code for engines that copy what their memories begin with: for a process that may not write such a file.
static CODE_WITHOUT_IMAGES: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/connector-without-images.cwasm"));

/// Loads the built-in component into an engine of its own.
///
/// # Errors
///
/// The engine does not run on this machine.
pub(super) fn load(images: Images) -> wasmtime::Result<Component> {
    load_into(&Engine::new(&config_for_loading(images))?, images)
}

/// Loads the built-in component into `engine`, which was made with this setting of `images`.
///
/// # Errors
///
/// The engine has too little of something.
#[expect(unsafe_code, reason = "machine code is loaded")]
pub(super) fn load_into(engine: &Engine, images: Images) -> wasmtime::Result<Component> {
    let code = match images {
        Images::InFiles => CODE,
        Images::None => CODE_WITHOUT_IMAGES,
    };
    // SAFETY: the build script has made this code of the built-in component.
    unsafe { Component::deserialize(engine, code) }
}
