//! What the system answers, in words of ours.

use std::fmt;
use std::io::{self, ErrorKind};

/// What was wrong, in words of ours, where the system's kind of error would say too little.
#[derive(Debug)]
pub(crate) struct Words(pub(crate) &'static str);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Words {}

/// An error of the system, displayed as a clause: without the library's words and without its number, which are for the
/// log.
pub(crate) struct System<'a>(pub(crate) &'a io::Error);

impl fmt::Display for System<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = self.0.get_ref().and_then(|inner| inner.downcast_ref::<Words>());
        if let Some(Words(words)) = ours {
            return f.write_str(words);
        }
        let words = match self.0.kind() {
            ErrorKind::NotFound => "no such file or directory",
            ErrorKind::PermissionDenied => "permission denied",
            ErrorKind::ConnectionRefused => "the connection was refused",
            ErrorKind::ConnectionReset => "it was reset by the other side",
            ErrorKind::ConnectionAborted => "it was aborted",
            ErrorKind::HostUnreachable => "the host is unreachable",
            ErrorKind::NetworkUnreachable => "the network is unreachable",
            ErrorKind::NetworkDown => "the network is down",
            ErrorKind::NotConnected => "it is connected no more",
            ErrorKind::AddrInUse => "the address is in use",
            ErrorKind::AddrNotAvailable => "this machine has no such address to connect from",
            ErrorKind::BrokenPipe => "the other side reads no more",
            ErrorKind::AlreadyExists => "it exists already",
            ErrorKind::WouldBlock => "it is not ready",
            ErrorKind::NotADirectory => "a part of the path is not a directory",
            ErrorKind::IsADirectory => "it is a directory",
            ErrorKind::DirectoryNotEmpty => "the directory is not empty",
            ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
            ErrorKind::StaleNetworkFileHandle => "the network file system has lost the file",
            ErrorKind::InvalidInput => "the system does not take such a value",
            ErrorKind::InvalidData => "the data is malformed",
            ErrorKind::TimedOut => "the other side did not answer in time",
            ErrorKind::WriteZero => "nothing more could be written",
            ErrorKind::StorageFull => "the disk is full",
            ErrorKind::NotSeekable => "it has no position to go to",
            ErrorKind::QuotaExceeded => "the disk quota is used up",
            ErrorKind::FileTooLarge => "the file is too large",
            ErrorKind::ResourceBusy => "it is busy",
            ErrorKind::ExecutableFileBusy => "the program is running",
            ErrorKind::Deadlock => "the file is locked",
            ErrorKind::TooManyLinks => "there are too many links",
            ErrorKind::InvalidFilename => "the name is too long or malformed",
            ErrorKind::Interrupted => "it was interrupted",
            ErrorKind::Unsupported => "the system does not support it",
            ErrorKind::UnexpectedEof => "it ended early",
            ErrorKind::OutOfMemory => "there is not enough memory",
            // `ErrorKind` is not exhaustive, and some of its kinds are not to be matched yet.
            _ => match self.0.raw_os_error() {
                Some(libc::ELOOP) => "there are too many symbolic links",
                Some(libc::EMFILE) => "this process has too many files and connections open",
                Some(libc::ENFILE) => "this machine has too many files and connections open",
                // Of whatever has failed a stream, WASI 0.2 says no more than that it has.
                Some(libc::EIO) if cfg!(target_os = "wasi") => "it failed, and the host does not say why",
                Some(libc::EIO) => "the device failed",
                Some(libc::ENXIO | libc::ENODEV) => "there is no such device",
                Some(libc::ENOBUFS) => "the system has no buffers left",
                Some(libc::EPROTO) => "the protocol of the network failed",
                Some(libc::EAFNOSUPPORT) => "this machine does not support that kind of address",
                Some(libc::ENETRESET) => "the network dropped the connection",
                Some(number) => return write!(f, "the system answered with error {number}"),
                None => "the system gave no reason",
            },
        };
        f.write_str(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_answers_have_words_and_no_number() {
        for (number, words) in [
            (libc::ENOENT, "no such file or directory"),
            (libc::EACCES, "permission denied"),
            (libc::ENOTDIR, "a part of the path is not a directory"),
            (libc::ECONNREFUSED, "the connection was refused"),
            (libc::ECONNRESET, "it was reset by the other side"),
            (libc::EHOSTUNREACH, "the host is unreachable"),
            (libc::ENETUNREACH, "the network is unreachable"),
            (libc::ETIMEDOUT, "the other side did not answer in time"),
            (libc::EMFILE, "this process has too many files and connections open"),
            (libc::ELOOP, "there are too many symbolic links"),
            (libc::EUCLEAN, "the system answered with error 117"),
        ] {
            assert_eq!(System(&io::Error::from_raw_os_error(number)).to_string(), words);
        }
        assert_eq!(System(&io::Error::other("a library's words")).to_string(), "the system gave no reason");
        assert_eq!(System(&io::Error::other(Words("words of ours"))).to_string(), "words of ours");
    }
}
