//! What may block: each on a thread of its own, so that the system may refuse one. The runtime's own threads for such work
//! are of no use here: where the system has none, the runtime panics.

use std::io;
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use crate::platform::Shortage;

/// A permit for each such thread that there may be at one time, in all; more wait.
static THREADS: Semaphore = Semaphore::const_new(512);

/// Does `work` on a thread of its own. It goes on when nobody waits for it any more.
///
/// # Errors
///
/// A [`Shortage`] of threads or of memory for one; or `work` panicked.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let permit = THREADS.acquire().await.map_err(io::Error::other)?;
    let (done, result) = oneshot::channel();
    let thread = move || {
        let result = work();
        drop(permit);
        // Perhaps nobody waits.
        let _ = done.send(result);
    };
    let thread = thread::Builder::new().name("mqtt-connector-files".to_owned()).spawn(thread);
    thread.map_err(|error| Shortage::of_thread(&error))?;
    result.await.map_err(|_| io::Error::other("what was done on a thread failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_and_may_fail() {
        let here = thread::current().id();
        assert_ne!(run(|| thread::current().id()).await.unwrap(), here);
        let failed = run(|| -> () { std::panic::resume_unwind(Box::new(())) }).await;
        assert_eq!(Shortage::of(&failed.unwrap_err()), None);
        assert_eq!(THREADS.available_permits(), 512);
    }
}
