//! The machine code of the built-in component, which the build script makes.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::mm::{MprotectFlags, mprotect};
use wasmtime::component::Component;
use wasmtime::{CustomCodeMemory, Engine};

use super::engines::{Images, config_for_loading, config_for_one_shot};

/// Machine code for engines whose memories begin as an image in a file that only the memory holds.
static CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector.cwasm"));
/// Machine code for engines that copy what their memories begin with: for a process that may not write such a file.
static CODE_WITHOUT_IMAGES: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/connector-without-images.cwasm"));

/// Machine code for a process that makes one call: see [`config_for_one_shot`]. It runs where it lies in the program's file, in
/// pages of its own: to copy it takes a process for one message a sixth of its time.
static CODE_FOR_ONE_SHOT: &InPages<[u8]> =
    &InPages(*include_bytes!(concat!(env!("OUT_DIR"), "/connector-one-shot.cwasm")));

/// Begins at a page, of whichever size Linux has them.
#[repr(C, align(65536))]
struct InPages<T: ?Sized>(T);

/// Loads the built-in component into an engine of its own.
///
/// # Errors
///
/// The engine does not run on this machine.
pub(super) fn load(images: Images) -> wasmtime::Result<Component> {
    load_into(&Engine::new(&config_for_loading(images))?, images)
}

/// Loads the built-in component into an engine for connectors for one call, in which nothing interrupts it. It is loaded once, as it
/// is not copied.
///
/// # Errors
///
/// The engine does not run on this machine.
pub(super) fn load_for_one_shot() -> wasmtime::Result<Component> {
    static LOADED: Mutex<Option<Component>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(component) = &*loaded {
        return Ok(component.clone());
    }
    let mut config = config_for_one_shot();
    config.with_custom_code_memory(Some(Arc::new(InPlace)));
    let component = deserialize_in_place(&Engine::new(&config)?, &CODE_FOR_ONE_SHOT.0)?;
    Ok(loaded.insert(component).clone())
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

#[expect(unsafe_code, reason = "machine code is loaded")]
fn deserialize_in_place(engine: &Engine, code: &'static [u8]) -> wasmtime::Result<Component> {
    // SAFETY: as above; and the code is the program's own, which nobody changes.
    unsafe { Component::deserialize_raw(engine, NonNull::from(code)) }
}

/// Makes the program's own constants executable: pages of its file, which are readable and stay so.
struct InPlace;

impl CustomCodeMemory for InPlace {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    #[expect(unsafe_code, reason = "memory is made executable")]
    fn publish_executable(&self, code: *const u8, length: usize) -> wasmtime::Result<()> {
        // SAFETY: these are whole pages of `CODE_FOR_ONE_SHOT`, the only code that an engine with this has. They stay readable.
        let published =
            unsafe { mprotect(code.cast_mut().cast(), length, MprotectFlags::READ | MprotectFlags::EXEC) };
        Ok(published?)
    }

    /// Code that cannot change may stay executable.
    fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}
