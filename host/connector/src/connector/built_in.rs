//! The machine code of the built-in component, which is run where it lies in the program: copied, it would take a page of
//! memory for every 4 KiB, and a tenth of the time of a process that sends one message.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::Component;
use wasmtime::{CustomCodeMemory, Engine};

use super::engines::without_compiler;

/// What the build script made of `guest/`.
static CODE: &PageAligned<[u8]> = &PageAligned(*include_bytes!(concat!(env!("OUT_DIR"), "/connector.cwasm")));

/// Whether the code has been run in its place, or could not be: the engine knows each piece of code by its address, so
/// that only one component can have it there.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Where machine code can be made executable by itself. Where pages are larger, it may not be; it is copied then.
#[repr(align(4096))]
struct PageAligned<T: ?Sized>(T);

/// The built-in component in an engine of its own: in its place if it can be, otherwise a copy.
pub(super) fn load() -> wasmtime::Result<Component> {
    if cfg!(target_os = "linux")
        && !TAKEN.swap(true, Ordering::Relaxed)
        && let Ok(component) = in_place()
    {
        return Ok(component);
    }
    copied(&Engine::new(&without_compiler())?)
}

/// A copy of the built-in component.
#[expect(unsafe_code, reason = "native code is loaded")]
pub(super) fn copied(engine: &Engine) -> wasmtime::Result<Component> {
    // SAFETY: the code is what the build script made of the built-in component.
    unsafe { Component::deserialize(engine, &CODE.0) }
}

#[expect(unsafe_code, reason = "native code is loaded")]
fn in_place() -> wasmtime::Result<Component> {
    let mut config = without_compiler();
    config.with_custom_code_memory(Some(Arc::new(InProgram)));
    // SAFETY: the code is what the build script made of the built-in component; it is there for as long as the program,
    // and is not mapped writable.
    unsafe { Component::deserialize_raw(&Engine::new(&config)?, NonNull::from(&CODE.0)) }
}

/// Makes code executable that is a part of this program's read-only data.
struct InProgram;

impl CustomCodeMemory for InProgram {
    /// What the system needs it checks itself.
    fn required_alignment(&self) -> usize {
        1
    }

    #[expect(unsafe_code, reason = "native code is made executable")]
    fn publish_executable(&self, code: *const u8, length: usize) -> wasmtime::Result<()> {
        // SAFETY: the engine has no other code than `CODE`, of which this is a part that begins a page. It stays readable,
        // and does not become writable.
        let done =
            unsafe { libc::mprotect(code.cast_mut().cast(), length, libc::PROT_READ | libc::PROT_EXEC) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error().into()) }
    }

    /// It stays: nothing else will lie there.
    fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_run_where_it_lies_once_and_copied_for_others() {
        let in_program = CODE.0.as_ptr_range();
        let is_in_place = |component: &Component| in_program.contains(&component.image_range().start);
        // No other test of this process loads it.
        let components: Vec<_> = (0..3).map(|_| load().unwrap()).collect();
        let in_place: Vec<_> = components.iter().map(is_in_place).collect();
        assert_eq!(in_place, [cfg!(target_os = "linux"), false, false]);
    }
}
