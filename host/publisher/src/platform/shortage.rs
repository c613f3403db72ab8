//! What the machine has too little of: how that is told apart from everything else that an error may mean.

use std::hint::black_box;
use std::io;

use super::target::resources;

/// What this machine, or this process on it, has too little of.
///
/// `Display` goes on after "this machine has".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Shortage {
    /// This process may open no further file or socket (`EMFILE`).
    #[error("too few file descriptors left (see ulimit -n)")]
    Descriptors,
    /// All processes together may open no further file or socket (`ENFILE`).
    #[error("too few open files left for all its processes (see fs.file-max)")]
    OpenFiles,
    /// Memory, or addresses for it (`ENOMEM`, `ENOBUFS`).
    #[cfg_attr(not(target_os = "wasi"), error("too little memory left (see ulimit -v)"))]
    #[cfg_attr(target_os = "wasi", error("too little memory left (wasmtime: -W max-memory-size)"))]
    Memory,
    /// This user may start no further thread (`EAGAIN`).
    #[error("too few threads left (see ulimit -u)")]
    Threads,
    /// This process may write no file as large as one that the engine keeps in memory (`EFBIG`).
    #[error("too small a limit on the size of files (see ulimit -f)")]
    FileSize,
}

impl Shortage {
    /// Descriptors that a look-up needs at one time: for its own files, and a socket to a name server.
    const DESCRIPTORS: usize = 4;

    /// Bytes that a look-up needs at one time: for what the C library loads for it.
    const MEMORY: usize = 4 * 1024 * 1024;

    /// Bytes with which no thread is refused for want of memory.
    const PLENTY: usize = 16 * 1024 * 1024;

    /// The shortage that `error` speaks of, if it speaks of one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        if let Some(shortage) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return Some(*shortage);
        }
        if error.kind() == io::ErrorKind::OutOfMemory {
            return Some(Self::Memory);
        }
        error.raw_os_error().and_then(Self::of_code)
    }

    /// The shortage that this number of the system speaks of (`errno`), if it speaks of one.
    #[must_use]
    pub fn of_code(code: i32) -> Option<Self> {
        match code {
            libc::EMFILE => Some(Self::Descriptors),
            libc::ENFILE => Some(Self::OpenFiles),
            libc::ENOMEM | libc::ENOBUFS => Some(Self::Memory),
            _ => None,
        }
    }

    /// The shortage because of which no thread could be started: the system answers the same to a user with too many of
    /// them and to a process with no room for a stack.
    #[must_use]
    pub fn of_thread(error: &io::Error) -> Self {
        match Self::of(error) {
            Some(shortage) => shortage,
            None if !Self::has_memory(Self::PLENTY) => Self::Memory,
            None => Self::Threads,
        }
    }

    /// Looks for a shortage because of which a look-up may have found nothing: the C library does not say so.
    #[must_use]
    pub fn found() -> Option<Self> {
        let memory = || (!Self::has_memory(Self::MEMORY)).then_some(Self::Memory);
        Self::of_descriptors(Self::DESCRIPTORS).or_else(memory)
    }

    /// The shortage because of which so many descriptors are not to be had, if they are not.
    #[must_use]
    pub fn of_descriptors(count: usize) -> Option<Self> {
        resources::open_descriptors(count).err().and_then(|error| Self::of(&error))
    }

    /// Whether so many bytes of memory are to be had. They are not used.
    #[must_use]
    pub fn has_memory(bytes: usize) -> bool {
        Self::reserve(bytes).is_some()
    }

    /// So many bytes of memory, if they are to be had. Nothing is in them, so that they cost only addresses.
    #[must_use]
    pub fn reserve(bytes: usize) -> Option<Vec<u8>> {
        let mut memory = Vec::new();
        let reserved = memory.try_reserve_exact(bytes);
        // Without this the compiler may leave the allocation out, because nothing uses the memory.
        black_box(&memory);
        reserved.ok().map(|()| memory)
    }

    /// The shortage that may have caused a panic: one that [`found`](Self::found) looks for, or one of threads.
    #[must_use]
    pub fn found_behind_panic() -> Option<Self> {
        Self::found().or_else(|| Self::of_threads(1))
    }

    /// The shortage because of which so many threads are not to be had at one time, if they are not.
    #[must_use]
    pub fn of_threads(count: usize) -> Option<Self> {
        resources::start_threads(count).err().map(|error| Self::of_thread(&error))
    }
}

impl From<Shortage> for io::Error {
    fn from(shortage: Shortage) -> Self {
        Self::other(shortage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_apart() {
        for (code, shortage) in [
            (libc::EMFILE, Some(Shortage::Descriptors)),
            (libc::ENFILE, Some(Shortage::OpenFiles)),
            (libc::ENOMEM, Some(Shortage::Memory)),
            (libc::ENOBUFS, Some(Shortage::Memory)),
            (libc::ENOENT, None),
            (libc::ECONNREFUSED, None),
            (libc::EAGAIN, None),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(Shortage::of(&error), shortage, "{error}");
        }
        assert_eq!(Shortage::of(&Shortage::Threads.into()), Some(Shortage::Threads));
    }

    #[test]
    fn no_thread_is_a_shortage_of_threads_unless_there_is_no_memory_for_it() {
        let again = io::Error::from_raw_os_error(libc::EAGAIN);
        assert_eq!(Shortage::of_thread(&again), Shortage::Threads);
        let memory = io::Error::from_raw_os_error(libc::ENOMEM);
        assert_eq!(Shortage::of_thread(&memory), Shortage::Memory);
        assert!(Shortage::has_memory(1) && !Shortage::has_memory(isize::MAX as usize));
        assert_eq!(Shortage::of_descriptors(1), None);
        assert_eq!(Shortage::of_threads(2), None);
    }
}
