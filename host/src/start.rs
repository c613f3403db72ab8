//! The start of the program where the C library is GNU's, in place of the standard library's.
//!
//! That one reads the table of all memory that the process has, to find out where the stack ends, so that a stack that
//! overflows is called by its name; that costs a process that sends one message some 4 % of its time. Without, such a
//! process ends with SIGSEGV and no words. What else it does is done here.

use std::env::args_os;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::mem::forget;
use std::os::fd::AsRawFd as _;
use std::panic::catch_unwind;

use crate::cli;

/// Exit status of a panic that nobody could answer for.
const PANIC: u8 = 70;

/// What the C library calls. The arguments are those that the standard library was given by the loader.
#[expect(unsafe_code, reason = "the C library knows it by this name, and nothing else of the program has it")]
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    open_standard_files();
    ignore_broken_pipes();
    let status = catch_unwind(|| cli::run(args_os())).unwrap_or(PANIC);
    std::process::exit(status.into())
}

/// Opens those of the three standard files that are closed: otherwise a connection would be one of them, and be written to
/// what is meant for a reader.
fn open_standard_files() {
    while let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        if null.as_raw_fd() > libc::STDERR_FILENO {
            break;
        }
        forget(null);
    }
}

/// Writing to a pipe that nobody reads is an error then, and not the end.
#[expect(unsafe_code, reason = "the standard library has no function for it")]
fn ignore_broken_pipes() {
    // SAFETY: no other thread has been started, and no handler is called.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// The one function that the program has of the C library's mathematics, for estimates of progress: a whole library less to
/// load at each start.
#[expect(unsafe_code, reason = "who needs it knows it by this name")]
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}
