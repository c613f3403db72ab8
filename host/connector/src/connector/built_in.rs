//! The machine code of the built-in component, which the build script makes.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::engines::{Images, config_for_loading, config_for_one_shot};

/// Machine code for engines whose memories begin as an image in a file that only the memory holds.
static CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector.cwasm"));
/// Machine code for engines that copy what their memories begin with: for a process that may not write such a file.
static CODE_WITHOUT_IMAGES: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/connector-without-images.cwasm"));

/// Machine code for a process that makes one call: see [`config_for_one_shot`].
static CODE_FOR_ONE_SHOT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector-one-shot.cwasm"));

/// Loads the built-in component into an engine of its own.
///
/// # Errors
///
/// The engine does not run on this machine.
pub(super) fn load(images: Images) -> wasmtime::Result<Component> {
    load_into(&Engine::new(&config_for_loading(images))?, images)
}

/// Loads the built-in component into an engine of its own, for one call, in which nothing interrupts it.
///
/// # Errors
///
/// The engine does not run on this machine.
pub(super) fn load_for_one_shot() -> wasmtime::Result<Component> {
    deserialize(&Engine::new(&config_for_one_shot())?, CODE_FOR_ONE_SHOT)
}

/// Loads the built-in component into `engine`, which was made with this setting of `images`.
///
/// # Errors
///
/// The engine has too little of something.
pub(super) fn load_into(engine: &Engine, images: Images) -> wasmtime::Result<Component> {
    let code = match images {
        Images::InFiles => CODE,
        Images::None => CODE_WITHOUT_IMAGES,
    };
    deserialize(engine, code)
}

#[expect(unsafe_code, reason = "machine code is loaded")]
fn deserialize(engine: &Engine, code: &'static [u8]) -> wasmtime::Result<Component> {
    // SAFETY: the build script has made this code of the built-in component, of which alone this module has any.
    unsafe { Component::deserialize(engine, code) }
}
