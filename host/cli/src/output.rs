//! What the program writes: to standard output and to files whole lines, to standard error what nobody need read.

mod stderr;
mod whole;

use std::io::{IsTerminal, Result, stdout};
use std::os::fd::AsFd as _;
use std::thread;

use tokio::sync::oneshot;

use crate::poll::{Wish, ready};
use crate::signals::Signals;
pub use stderr::note;
pub(super) use stderr::{Log, drain, frame, log_as_json};
pub(super) use whole::ATOMIC;
pub use whole::WholeLines;

/// Writes a line to standard output, for as long as that takes.
///
/// # Errors
///
/// It cannot be written.
pub(super) fn print(line: &str) -> Result<()> {
    WholeLines::stdout().write(line.as_bytes())
}

/// Writes a line to standard output. That takes as long as its reader does, but for a signal, after which nobody waits for a
/// reader that does not read; `None` then.
///
/// # Errors
///
/// It cannot be written.
pub(super) async fn print_unless_ended(line: &str, signals: &mut Signals) -> Option<Result<()>> {
    if is_free_for(line) {
        return Some(print(line));
    }
    let (done, written) = oneshot::channel();
    let owned = line.to_owned();
    let write = move || {
        // Nobody asks any more once a signal has ended the wait.
        let _ = done.send(print(&owned));
    };
    if thread::Builder::new().name("output".to_owned()).spawn(write).is_err() {
        return Some(print(line));
    }
    let written = async { written.await.unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())) };
    signals.patiently(written).await
}

/// Whether standard output takes the line at once. A terminal is not asked: it may have room for a part.
fn is_free_for(line: &str) -> bool {
    let stdout = stdout();
    line.len() <= ATOMIC && !stdout.is_terminal() && ready([(stdout.as_fd(), Wish::Write)], false) == [true]
}

/// Whether `output` shows colours.
pub(crate) fn has_colours(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|wish| wish.is_empty())
}
