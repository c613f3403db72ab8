//! Standard error: notes, logs and the bar. A thread writes them, once there is something to write, so that a reader who does
//! not read, a full disk or a stopped terminal holds up nothing.

use std::collections::VecDeque;
use std::io::{ErrorKind, Result, Write, stderr};
use std::os::fd::AsFd as _;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::poll::{Wish, ready};

/// The most bytes that wait to be written; what comes then is dropped.
const ROOM: usize = 4 * 1024 * 1024;

/// How long the end of the program waits for a reader who reads nothing.
const GRACE: Duration = Duration::from_millis(500);

static QUEUE: Queue = Queue::new();

/// What waits to be written.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    texts: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Log lines that found no room, or could not be written, since that was last said.
    dropped: u64,
    /// Writes that have ended.
    writes: u64,
    is_writing: bool,
    has_thread: bool,
    as_json: bool,
}

/// Writes a line for people.
pub fn note(text: &str) {
    let line = format!("{text}\n").into_bytes();
    let mut state = QUEUE.lock();
    if let Err(line) = QUEUE.push(&mut state, line) {
        drop(state);
        // There is no thread to be had. It may have to wait, but it is not lost.
        let _ = write(&line);
    }
}

/// Writes a picture of the bar, unless something else still waits: the next one comes soon.
pub(crate) fn frame(picture: Vec<u8>, is_last: bool) {
    let mut state = QUEUE.lock();
    if is_last || state.texts.is_empty() {
        let _ = QUEUE.push(&mut state, picture);
    }
}

/// Logs are JSON: what is said of them is, too.
pub(crate) fn log_as_json() {
    QUEUE.lock().as_json = true;
}

/// Waits until all has been written, for as long as somebody reads.
pub(crate) fn drain() {
    let mut state = QUEUE.lock();
    while !state.texts.is_empty() || state.is_writing {
        let before = state.writes;
        let waited = QUEUE.changed.wait_timeout(state, GRACE);
        let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        state = now;
        if timeout.timed_out() && state.writes == before {
            return;
        }
    }
}

/// Takes log lines, one in each call.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        let mut state = QUEUE.lock();
        if QUEUE.push(&mut state, line.to_vec()).is_err() {
            state.dropped += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Queue {
    const fn new() -> Self {
        let state = State {
            texts: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            writes: 0,
            is_writing: false,
            has_thread: false,
            as_json: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands `text` to the thread, and gives it back when there is no room or no thread.
    fn push(&'static self, state: &mut State, text: Vec<u8>) -> std::result::Result<(), Vec<u8>> {
        if state.bytes + text.len() > ROOM {
            return Err(text);
        }
        if !state.has_thread {
            let builder = thread::Builder::new().name("stderr".to_owned()).stack_size(64 * 1024);
            if builder.spawn(|| self.write()).is_err() {
                return Err(text);
            }
            state.has_thread = true;
        }
        state.bytes += text.len();
        state.texts.push_back(text);
        self.changed.notify_all();
        Ok(())
    }

    fn write(&self) {
        let mut state = self.lock();
        loop {
            let Some(text) = state.texts.pop_front() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.is_writing = true;
            drop(state);
            let written = write(&text);
            state = self.lock();
            state.is_writing = false;
            state.bytes -= text.len();
            state.writes += 1;
            if written.is_err() {
                state.dropped += 1;
            } else if state.texts.is_empty() && state.dropped > 0 {
                let line = state.dropped_line();
                state.bytes += line.len();
                state.texts.push_back(line);
                state.dropped = 0;
            }
            self.changed.notify_all();
        }
    }
}

impl State {
    /// Says how many log lines were dropped.
    fn dropped_line(&self) -> Vec<u8> {
        let Self { dropped, as_json, .. } = self;
        let text = if *as_json {
            format!(
                "{{\"level\":\"WARN\",\"fields\":{{\"message\":\"log lines were dropped\",\"count\":{dropped}}},\"target\":\"mqtt_connector\"}}\n"
            )
        } else {
            format!(
                "mqtt-connector: {dropped} log lines were dropped: standard error did not take them in time\n"
            )
        };
        text.into_bytes()
    }
}

fn write(text: &[u8]) -> Result<()> {
    let mut rest = text;
    while !rest.is_empty() {
        match stderr().write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ready([(stderr().as_fd(), Wish::Write)], true);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
