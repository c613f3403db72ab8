//! What a tenant has under way, and its limits on that. The calls of one tenant share it, through its `Arc`; nothing
//! of it is shared with another tenant, so that tenants never wait for each other.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::rate_limiter::{RateLimiter, Schedule};
use super::turnstile::Turnstile;
use crate::error::Error;
use crate::tenant::Limits;

/// Threads of the runtime that a tenant may keep busy at a time with what blocks: look-ups of the system's resolver
/// and certificate files. The runtime's pool (512 threads by default) serves all tenants, and a look-up whose server
/// does not answer, or a file on a disk that does not, can keep its thread long after the send has given up.
const BLOCKING: usize = 8;

/// What one tenant has under way.
#[derive(Debug)]
pub struct Quotas {
    sends: Semaphore,
    connections: Semaphore,
    /// How many wait for room for a connection, and what tells one that is idle.
    wanted: AtomicUsize,
    want: Notify,
    blocking: Arc<Semaphore>,
    pace: RateLimiter,
    turnstile: Turnstile,
    computing: Semaphore,
}

/// Permit for one more; dropping it makes room for another.
#[derive(Debug)]
pub struct Permit<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

impl Quotas {
    pub(crate) fn new(limits: &Limits) -> Self {
        // Half of the processors, so that the other half is there for others.
        Self::with_width(limits, (available_parallelism().map_or(1, NonZero::get) / 2).max(1))
    }

    /// For a tenant that has the machine for itself.
    pub(crate) fn alone(limits: &Limits) -> Self {
        Self::with_width(limits, usize::MAX)
    }

    fn with_width(limits: &Limits, width: usize) -> Self {
        Self {
            sends: Semaphore::new(limits.concurrent_sends as usize),
            connections: Semaphore::new(limits.connections as usize),
            wanted: AtomicUsize::new(0),
            want: Notify::new(),
            blocking: Arc::new(Semaphore::new(BLOCKING)),
            pace: RateLimiter::new(limits.messages_per_second),
            turnstile: Turnstile::new(width),
            computing: Semaphore::new(width.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Waits until one of the tenant's calls may begin, or `deadline`. To be held for as long as anything of the call
    /// is, the memory of its instance above all.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`], with the limit's name.
    pub async fn send(&self, tenant: &str, limits: &Limits, deadline: Instant) -> Result<Permit<'_>, Error> {
        let began = Instant::now();
        let denied = || {
            Error::Denied(format!(
                "concurrent-sends: tenant {tenant} may have {} sends under way, and none of them ended within {} ms",
                limits.concurrent_sends,
                deadline.saturating_duration_since(began).as_millis()
            ))
        };
        timeout_at(deadline, self.sends.acquire()).await.map_err(|_| denied()).map(Permit::new)
    }

    /// Runs `call`, of which the tenant has as many as it may. At one moment, only some of them do something: they leave
    /// the runtime's threads to others.
    pub async fn run<F: Future>(&self, call: F) -> F::Output {
        self.turnstile.pass(call).await
    }

    /// Runs `task`, which serves the tenant's calls, likewise.
    pub(crate) async fn serve<F: Future>(&self, task: F) -> F::Output {
        self.turnstile.pass_as_servant(task).await
    }

    /// Waits until one more of the tenant's calls may stand in line to compute for long.
    pub async fn computing(&self) -> Permit<'_> {
        Permit::new(self.computing.acquire().await)
    }

    /// Permit for one more connection, if there is any now.
    pub(crate) fn try_connection(&self) -> Option<Permit<'_>> {
        self.connections.try_acquire().ok().map(|permit| Permit::new(Ok(permit)))
    }

    /// Waits until one more connection may be opened, and makes an idle one give way.
    pub(crate) async fn connection(&self) -> Permit<'_> {
        let _wanted = Wanted::new(&self.wanted);
        self.want.notify_one();
        Permit::new(self.connections.acquire().await)
    }

    /// Waits until an idle connection is to give way to one that waits for room.
    pub(crate) async fn connection_wanted(&self) {
        while self.wanted.load(Ordering::SeqCst) == 0 {
            self.want.notified().await;
        }
    }

    /// Gives as many of `messages` a turn as can have one until `latest`.
    pub(crate) fn schedule(&self, messages: usize, latest: Instant) -> Schedule {
        self.pace.reserve(messages, Instant::now(), latest)
    }

    /// Waits until one more thread may be kept busy; held by whatever runs on that thread.
    pub(crate) async fn blocking(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.blocking).acquire_owned().await.ok()
    }
}

/// One who waits for room, for as long as it is there.
struct Wanted<'a>(&'a AtomicUsize);

impl<'a> Wanted<'a> {
    fn new(wanted: &'a AtomicUsize) -> Self {
        wanted.fetch_add(1, Ordering::SeqCst);
        Self(wanted)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<'a> Permit<'a> {
    fn new(permit: Result<SemaphorePermit<'a>, AcquireError>) -> Self {
        Self { _permit: permit.ok() }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_connection_that_has_to_wait_makes_an_idle_one_give_way() {
        let quotas = Quotas::new(&Limits { connections: 1, ..Limits::default() });
        let mut context = Context::from_waker(Waker::noop());
        let mut idle = pin!(quotas.connection_wanted());
        assert!(idle.as_mut().poll(&mut context).is_pending());
        let room = quotas.try_connection().unwrap();
        assert!(quotas.try_connection().is_none());
        let mut waiting = pin!(quotas.connection());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(idle.poll(&mut context).is_ready(), "one that was idle before");
        assert!(pin!(quotas.connection_wanted()).poll(&mut context).is_ready(), "one that is idle now");
        drop(room);
        assert!(waiting.as_mut().poll(&mut context).is_ready());
        assert!(pin!(quotas.connection_wanted()).poll(&mut context).is_pending(), "nobody waits any more");
    }

    #[tokio::test]
    async fn send_begins_when_another_ends_or_says_which_limit_holds_it_back() {
        let limits = Limits { concurrent_sends: 1, ..Limits::default() };
        let quotas = Quotas::new(&limits);
        let soon = || Instant::now() + Duration::from_millis(20);
        let late = Instant::now() + Duration::from_secs(60);
        let first = quotas.send("acme", &limits, late).await.unwrap();

        let denied = quotas.send("acme", &limits, soon()).await.unwrap_err().to_string();
        let expected = |ms| {
            format!(
                "concurrent-sends: tenant acme may have 1 sends under way, and none of them ended within {ms} ms"
            )
        };
        assert!([expected(19), expected(20)].contains(&denied), "{denied}");

        let mut second = std::pin::pin!(quotas.send("acme", &limits, late));
        tokio::select! {
            biased;
            _ = &mut second => panic!("there was no room"),
            () = tokio::task::yield_now() => drop(first),
        }
        second.await.unwrap();
    }
}
