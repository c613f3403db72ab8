//! What a tenant has under way, and its limits on that. The calls of one tenant share it; nothing
//! of it is shared with another tenant, so that tenants never wait for each other.

mod rate_limiter;
mod turnstile;

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::limits::Limits;
use crate::error::Error;
use crate::telemetry::Waiting;
use rate_limiter::{RateLimiter, Schedule};
use turnstile::Turnstile;

/// Threads of the runtime that a tenant may keep busy at a time with what blocks: look-ups of the system's resolver
/// and certificate files. The runtime's pool (512 threads by default) serves all tenants, and a look-up whose server
/// does not answer, or a file on a disk that does not, can keep its thread long after the send has given up.
const BLOCKING: usize = 8;

/// What one tenant has under way.
#[derive(Debug)]
pub struct Quotas {
    sends: Permits,
    connections: Permits,
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
    permit: Option<SemaphorePermit<'a>>,
    of: Option<&'a Permits>,
}

/// So many permits as a limit says, which may change.
#[derive(Debug)]
struct Permits {
    semaphore: Semaphore,
    limit: Mutex<usize>,
    /// How many are given out beyond the limit: they are not given out again.
    surplus: AtomicUsize,
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
            sends: Permits::new(limits.concurrent_sends),
            connections: Permits::new(limits.connections),
            wanted: AtomicUsize::new(0),
            want: Notify::new(),
            blocking: Arc::new(Semaphore::new(BLOCKING)),
            pace: RateLimiter::new(limits.messages_per_second),
            turnstile: Turnstile::new(width),
            computing: Semaphore::new(width.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Other limits hold from now on.
    pub(crate) fn set_limits(&self, limits: &Limits) {
        self.sends.set_limit(limits.concurrent_sends);
        self.connections.set_limit(limits.connections);
        self.pace.set_rate(limits.messages_per_second);
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
        if let Some(permit) = self.sends.try_acquire() {
            return Ok(permit);
        }
        let _waiting = Waiting::begin(tenant.to_owned(), "concurrent-sends");
        timeout_at(deadline, self.sends.acquire()).await.map_err(|_| denied())
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
        Permit { permit: self.computing.acquire().await.ok(), of: None }
    }

    /// Permit for one more connection, if there is any now.
    pub(crate) fn try_connection(&self) -> Option<Permit<'_>> {
        self.connections.try_acquire()
    }

    /// Waits until one more connection may be opened, and makes an idle one give way.
    pub(crate) async fn connection(&self) -> Permit<'_> {
        let _wanted = Wanted::new(&self.wanted);
        self.want.notify_one();
        self.connections.acquire().await
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

impl Permits {
    fn new(limit: u32) -> Self {
        let limit = limit as usize;
        Self { semaphore: Semaphore::new(limit), limit: Mutex::new(limit), surplus: AtomicUsize::new(0) }
    }

    fn set_limit(&self, limit: u32) {
        let mut before = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = limit as usize;
        let fewer = before.saturating_sub(limit);
        self.surplus.fetch_add(fewer - self.semaphore.forget_permits(fewer), Ordering::SeqCst);
        let more = limit.saturating_sub(*before);
        let kept = (0..more).take_while(|_| self.take_surplus()).count();
        self.semaphore.add_permits(more - kept);
        *before = limit;
    }

    /// Whether there was one more permit given out than the limit allows; it counts no more.
    fn take_surplus(&self) -> bool {
        let one_less = |surplus: usize| surplus.checked_sub(1);
        self.surplus.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }

    async fn acquire(&self) -> Permit<'_> {
        Permit { permit: self.semaphore.acquire().await.ok(), of: Some(self) }
    }

    fn try_acquire(&self) -> Option<Permit<'_>> {
        let permit = self.semaphore.try_acquire().ok()?;
        Some(Permit { permit: Some(permit), of: Some(self) })
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.of.is_some_and(Permits::take_surplus)
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
        }
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
