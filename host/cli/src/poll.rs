//! Whether something can be read or written without waiting.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What a file is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Write,
}

/// Which of `files` are ready: at once, or, with `wait`, when one of them is. What has failed or ended is ready too: who
/// reads or writes it is told so.
pub(super) fn ready<const N: usize>(files: [(BorrowedFd<'_>, Wish); N], wait: bool) -> [bool; N] {
    let mut asked = files.each_ref().map(|(file, wish)| {
        let events = match wish {
            Wish::Read => PollFlags::IN,
            Wish::Write => PollFlags::OUT,
        };
        PollFd::new(file, events)
    });
    let at_once = Timespec::default();
    while poll(&mut asked, if wait { None } else { Some(&at_once) }) == Err(Errno::INTR) {}
    asked.map(|file| !file.revents().is_empty())
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
        // That it has ended, the system may say a moment later.
        assert_eq!(ready([(reader.as_fd(), Wish::Read)], true), [true]);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
}
