//! SIGINT (Ctrl-C), SIGTERM and SIGHUP: what they end still answers, with the truth, from the first moment to the last.

use std::future::{Future, poll_fn};
use std::mem::MaybeUninit;
use std::pin::pin;
use std::ptr::null;
use std::task::Poll;
use std::time::{Duration, Instant};

use mqtt_connector::Response;
use mqtt_connector_contract::exit_code::TIMED_OUT;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::response::response;

/// How long what has to be done at the end may take after a signal.
const GRACE: Duration = Duration::from_secs(1);

/// A file that may not grow any more (`ulimit -f`) is an error for who writes it then, and not the end of the program.
#[expect(unsafe_code, reason = "the standard library has no function for it")]
pub(super) fn ignore_file_size_limit() {
    // SAFETY: no handler is called.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// The signals that end the program. The first is answered; a second one ends the process as if nobody had caught it.
pub(super) struct Signals {
    streams: Vec<(SignalKind, Signal)>,
    since: Instant,
    has_ended: bool,
}

impl Signals {
    /// Hears the signals from now on, inside a runtime. What the system has no room for is not caught.
    pub(super) fn listen() -> Self {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // `nohup` says that a terminal that is gone is no reason to end.
        if !is_ignored(SignalKind::hangup()) {
            kinds.push(SignalKind::hangup());
        }
        let listen = |kind| Some((kind, signal(kind).ok()?));
        Self {
            streams: kinds.into_iter().filter_map(listen).collect(),
            since: Instant::now(),
            has_ended: false,
        }
    }

    /// Waits for a signal.
    pub(super) async fn received(&mut self) {
        let kind = poll_fn(|context| {
            for (kind, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return Poll::Ready(*kind);
                }
            }
            Poll::Pending
        })
        .await;
        if self.has_ended {
            std::process::exit(128 + kind.as_raw_value());
        }
        self.has_ended = true;
    }

    /// Waits for `answer`. A signal makes it come at once, through `interrupt`.
    pub(super) async fn answered<T>(&mut self, answer: impl Future<Output = T>, interrupt: impl Fn()) -> T {
        let mut answer = pin!(answer);
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = self.received() => interrupt(),
            }
        }
    }

    /// Waits for what leaves nothing half done.
    ///
    /// # Errors
    ///
    /// The response: a signal has come before, or meanwhile; `doing` is what was done.
    pub(super) async fn unless_ended<T>(
        &mut self,
        doing: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, Response> {
        let done = tokio::select! {
            biased;
            done = work => done,
            () = self.received() => return Err(self.interrupted(doing)),
        };
        // One that has come while the thread computed is heard when the runtime is asked.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = self.received() => Err(self.interrupted(doing)),
            () = std::future::ready(()) => Ok(done),
        }
    }

    /// Waits for what has to be done at the end; once a signal has come, only for a while. `None` when it was given up.
    pub(super) async fn patiently<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        if !self.has_ended {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = self.received() => {}
            }
        }
        tokio::select! {
            biased;
            done = tokio::time::timeout(GRACE, work) => done.ok(),
            () = self.received() => None,
        }
    }

    fn interrupted(&self, doing: &str) -> Response {
        let after = self.since.elapsed().as_millis();
        response(TIMED_OUT, format!("Nothing was sent: interrupted after {after} ms, while {doing}."))
    }
}

#[expect(unsafe_code, reason = "the standard library has no function for it")]
fn is_ignored(kind: SignalKind) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, the pointer is valid, and all zeroes is a `sigaction`.
    unsafe {
        libc::sigaction(kind.as_raw_value(), null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
