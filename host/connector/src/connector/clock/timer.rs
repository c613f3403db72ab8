//! A clock without a thread: the system's timer of the time that this process computes (`ITIMER_PROF`, `SIGPROF`). While the
//! process waits, it stands still.

use std::io::{Error, ErrorKind, Result};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::OnceLock;

use libc::{
    ITIMER_PROF, SA_ONSTACK, SA_RESTART, SIGPROF, c_int, itimerval, sighandler_t, suseconds_t, timeval,
};
use wasmtime::Engine;

use super::TICK;

/// What the signal advances.
static ENGINES: OnceLock<Vec<Engine>> = OnceLock::new();

/// Starts the timer for `engines`; it goes on until the process ends.
///
/// # Errors
///
/// It has been started before, or the system refuses it.
#[expect(unsafe_code, reason = "the system is told what to do at a signal")]
pub(super) fn start(engines: Vec<Engine>) -> Result<()> {
    ENGINES.set(engines).map_err(|_| Error::from(ErrorKind::AlreadyExists))?;
    // SAFETY: all zeroes is a `sigaction`: no signal is blocked by it.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = tick as extern "C" fn(c_int) as sighandler_t;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    // SAFETY: `tick` does only what may be done at any moment of a program, and the pointers are valid or null.
    check(unsafe { libc::sigaction(SIGPROF, &raw const action, null_mut()) })?;
    let tick = timeval { tv_sec: 0, tv_usec: TICK.as_micros() as suseconds_t };
    let timer = itimerval { it_interval: tick, it_value: tick };
    // SAFETY: the pointers are valid or null.
    check(unsafe { libc::setitimer(ITIMER_PROF, &raw const timer, null_mut()) })
}

/// Advances the epochs: an atomic addition for each engine.
extern "C" fn tick(_: c_int) {
    if let Some(engines) = ENGINES.get() {
        engines.iter().for_each(Engine::increment_epoch);
    }
}

fn check(done: c_int) -> Result<()> {
    if done == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}
