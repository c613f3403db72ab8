//! The bar: how far the lines are, on a terminal, which may stop without stopping anything else.

use std::io::{IsTerminal as _, Result, stderr};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::output::frame;

/// Between two pictures of the bar.
const PAUSE: Duration = Duration::from_millis(100);

/// How many pictures a second are made at most.
const PICTURES: u8 = 20;

/// Goes to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[2K";

/// How far the lines are.
pub(super) struct Bar {
    bar: ProgressBar,
    is_shown: bool,
}

impl Bar {
    /// Starts a bar if somebody sees it; `size` is how many bytes of lines there are, if that is known.
    pub(super) fn start(size: Option<u64>) -> Self {
        let is_shown = stderr().is_terminal();
        let bar = if is_shown { bar(size) } else { ProgressBar::hidden() };
        Self { bar, is_shown }
    }

    /// So many bytes of lines are answered.
    pub(super) fn set(&self, bytes: u64, message: String) {
        self.bar.set_position(bytes);
        self.bar.set_message(message);
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
        if self.is_shown {
            frame(CLEAR.into(), true);
        }
    }
}

fn bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{wide_bar} {percent} %  {msg}  {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    };
    bar.set_draw_target(ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::default()), PICTURES));
    // It panics where there is no thread for it.
    if thread::Builder::new().spawn(|| {}).is_ok() {
        bar.enable_steady_tick(PAUSE);
    }
    // A template that is wrong leaves the bar as it is.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Standard error, which is written by a thread of its own.
#[derive(Debug)]
struct Terminal {
    term: Term,
    picture: Mutex<String>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { term: Term::stderr(), picture: Mutex::default() }
    }
}

impl Terminal {
    fn add(&self, text: &str) -> Result<()> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }

    /// Moves the cursor; 0 would be 1.
    fn go(&self, steps: usize, direction: char) -> Result<()> {
        if steps == 0 { Ok(()) } else { self.add(&format!("\x1b[{steps}{direction}")) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> Result<()> {
        self.go(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> Result<()> {
        self.go(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> Result<()> {
        self.go(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> Result<()> {
        self.go(columns, 'D')
    }

    fn write_line(&self, text: &str) -> Result<()> {
        self.add(text)?;
        self.add("\n")
    }

    fn write_str(&self, text: &str) -> Result<()> {
        self.add(text)
    }

    fn clear_line(&self) -> Result<()> {
        self.add(CLEAR)
    }

    fn flush(&self) -> Result<()> {
        let picture = std::mem::take(&mut *self.picture.lock().unwrap_or_else(PoisonError::into_inner));
        if !picture.is_empty() {
            frame(picture.into_bytes(), false);
        }
        Ok(())
    }
}
