//! What the machine has too little of, as the engine's errors tell it.

use std::io;

use crate::publisher::Shortage;

/// The shortage that an error of the engine speaks of, if it speaks of one.
pub(super) fn of_engine(error: &wasmtime::Error) -> Option<Shortage> {
    if let Some(shortage) = error.downcast_ref::<Shortage>() {
        return Some(*shortage);
    }
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            // The engine writes no file but what only the memory holds. Elsewhere it is an error of whose file it is.
            let is_too_large = error.raw_os_error() == Some(libc::EFBIG);
            return is_too_large.then_some(Shortage::FileSize).or_else(|| Shortage::of(error));
        }
        if let Some(code) = cause.downcast_ref::<rustix::io::Errno>() {
            return Shortage::of_code(code.raw_os_error());
        }
        cause.is::<wasmtime::OutOfMemory>().then_some(Shortage::Memory)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_engine_are_told_apart() {
        for (code, shortage) in [
            (libc::EMFILE, Some(Shortage::Descriptors)),
            (libc::ENFILE, Some(Shortage::OpenFiles)),
            (libc::ENOMEM, Some(Shortage::Memory)),
            (libc::ENOBUFS, Some(Shortage::Memory)),
            (libc::ENOENT, None),
            (libc::ECONNREFUSED, None),
            (libc::EAGAIN, None),
        ] {
            let errno = rustix::io::Errno::from_raw_os_error(code);
            let engine = wasmtime::Error::from(errno).context("mmap failed to allocate 0x1000 bytes");
            assert_eq!(of_engine(&engine), shortage, "{engine:#}");
            let error = io::Error::from_raw_os_error(code);
            let engine = wasmtime::Error::from(error).context("a place could not be made");
            assert_eq!(of_engine(&engine), shortage, "{engine:#}");
        }
        let engine = wasmtime::Error::msg("no more").context(Shortage::Memory);
        assert_eq!(of_engine(&engine), Some(Shortage::Memory));
        assert_eq!(of_engine(&wasmtime::Error::msg("it trapped")), None);
    }
}
