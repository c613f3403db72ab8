//! Whether something can be read or written without waiting.

use std::os::fd::{AsRawFd as _, BorrowedFd};

/// What a file is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Write,
}

/// Which of `files` are ready: at once, or, with `wait`, when one of them is. What has failed or ended is ready too: who
/// reads or writes it is told so.
pub(super) fn ready<const N: usize>(files: [(BorrowedFd<'_>, Wish); N], wait: bool) -> [bool; N] {
    let mut asked = files.map(|(file, wish)| libc::pollfd {
        fd: file.as_raw_fd(),
        events: match wish {
            Wish::Read => libc::POLLIN,
            Wish::Write => libc::POLLOUT,
        },
        revents: 0,
    });
    loop {
        let found = poll(&mut asked, if wait { -1 } else { 0 });
        let interrupted =
            found < 0 && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted;
        if !interrupted {
            break;
        }
    }
    asked.map(|file| file.revents != 0)
}

#[expect(unsafe_code, reason = "the standard library has no function for it")]
fn poll(files: &mut [libc::pollfd], milliseconds: libc::c_int) -> libc::c_int {
    // SAFETY: the pointer and the length are those of one slice, and the files are borrowed for longer than this call.
    unsafe { libc::poll(files.as_mut_ptr(), files.len() as libc::nfds_t, milliseconds) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _, pipe};
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_pipe_is_ready_when_it_has_something_or_has_ended() {
        let (mut reader, mut writer) = pipe().unwrap();
        let readable = |reader: &std::io::PipeReader| ready([(reader.as_fd(), Wish::Read)], false);
        assert_eq!(readable(&reader), [false]);
        assert_eq!(ready([(reader.as_fd(), Wish::Read), (writer.as_fd(), Wish::Write)], true), [false, true]);
        writer.write_all(b"x").unwrap();
        assert_eq!(readable(&reader), [true]);
        reader.read_exact(&mut [0]).unwrap();
        assert_eq!(readable(&reader), [false]);
        drop(writer);
        assert_eq!(readable(&reader), [true]);
    }
}
