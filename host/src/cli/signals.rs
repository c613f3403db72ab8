//! SIGINT (Ctrl-C) and SIGTERM: a send that they end still answers.

use std::future::Future;
use std::pin::pin;

use tokio::signal::unix::{SignalKind, signal};

/// Waits for `answer`. The first signal makes it come at once, through `interrupt`; a second one ends the process as if
/// nobody had caught it.
pub(super) async fn answered<T>(answer: impl Future<Output = T>, interrupt: impl Fn()) -> T {
    let mut answer = pin!(answer);
    let (Ok(mut keyboard), Ok(mut termination)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return answer.await;
    };
    let mut interrupted = false;
    loop {
        let number = tokio::select! {
            biased;
            answer = &mut answer => return answer,
            _ = keyboard.recv() => SignalKind::interrupt(),
            _ = termination.recv() => SignalKind::terminate(),
        };
        if interrupted {
            std::process::exit(128 + number.as_raw_value());
        }
        interrupted = true;
        interrupt();
    }
}
