//! [`Quotas`]: how much a tenant has under way, and what holds it to its limits. All calls of a tenant share its quotas, and no
//! other tenant does, so that tenants never wait for each other.

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
pub use turnstile::{Inside, Visit};

/// Threads of the runtime that a tenant may keep busy at a time with what blocks: look-ups of the system's resolver
/// and certificate files. The runtime's pool (512 threads by default) serves all tenants, and a look-up whose server
/// does not answer, or a file on a disk that does not, can keep its thread long after the send has given up.
const BLOCKING: usize = 8;

/// How much one tenant has under way.
#[derive(Debug)]
pub struct Quotas {
    sends: Permits,
    connections: Permits,
    /// How many wait until they may open a connection.
    waiting: AtomicUsize,
    /// Tells an idle connection that one is waiting.
    wanted: Notify,
    blocking: Arc<Semaphore>,
    rate_limiter: RateLimiter,
    turnstile: Turnstile,
    /// For calls that have computed for long: see [`computing`](Self::computing).
    computing: Semaphore,
}

/// Counts a send, a connection or a computation against the tenant's limit. Dropping it lets the next one begin.
#[derive(Debug)]
pub struct Permit<'a> {
    permit: Option<SemaphorePermit<'a>>,
    of: Option<&'a Permits>,
}

/// As many permits as a limit says. The limit may change.
#[derive(Debug)]
struct Permits {
    semaphore: Semaphore,
    limit: Mutex<usize>,
    /// How many permits are in use beyond the limit, since it was lowered. They are not given to others when they are dropped.
    surplus: AtomicUsize,
}

impl Quotas {
    pub(crate) fn new(limits: &Limits) -> Self {
        // Half of the processors, so that the other half is there for others.
        Self::with_width(limits, (available_parallelism().map_or(1, NonZero::get) / 2).max(1))
    }

    /// Quotas of a tenant that has the machine for itself.
    pub(crate) fn alone(limits: &Limits) -> Self {
        Self::with_width(limits, usize::MAX)
    }

    fn with_width(limits: &Limits, width: usize) -> Self {
        Self {
            sends: Permits::new(limits.concurrent_sends),
            connections: Permits::new(limits.connections),
            waiting: AtomicUsize::new(0),
            wanted: Notify::new(),
            blocking: Arc::new(Semaphore::new(BLOCKING)),
            rate_limiter: RateLimiter::new(limits.messages_per_second),
            turnstile: Turnstile::new(width),
            computing: Semaphore::new(width.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// How many sends and checks are under way, of [`Limits::concurrent_sends`].
    #[must_use]
    pub fn sends_under_way(&self) -> usize {
        self.sends.in_use()
    }

    /// How many connections are open, of [`Limits::connections`].
    #[must_use]
    pub fn connections_open(&self) -> usize {
        self.connections.in_use()
    }

    /// Other limits hold from now on.
    pub(crate) fn set_limits(&self, limits: &Limits) {
        self.sends.set_limit(limits.concurrent_sends);
        self.connections.set_limit(limits.connections);
        self.rate_limiter.set_rate(limits.messages_per_second);
    }

    /// Waits until one more call of the tenant may begin, `deadline` at the latest. The permit is to be held until nothing of
    /// the call is left, in particular not the memory of its instance.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`], with the limit's name.
    pub async fn send(&self, tenant: &str, limits: &Limits, deadline: Instant) -> Result<Permit<'_>, Error> {
        if let Some(permit) = self.sends.try_acquire() {
            return Ok(permit);
        }
        let began = Instant::now();
        let denied = || {
            Error::Denied(format!(
                "concurrent-sends: tenant {tenant} may have {} sends under way, and none of them ended within {} ms",
                limits.concurrent_sends,
                deadline.saturating_duration_since(began).as_millis()
            ))
        };
        let _waiting = Waiting::begin(tenant.to_owned(), "concurrent-sends");
        timeout_at(deadline, self.sends.acquire()).await.map_err(|_| denied())
    }

    /// Runs `call`, one of the tenant's calls. Only some of them keep threads of the runtime busy at the same moment; the
    /// other threads are left to other tenants.
    pub async fn run<F: Future>(&self, call: F) -> F::Output {
        self.turnstile.pass(call).await
    }

    /// For a call that computes now and then, and does what takes no time to speak of in between: it keeps a thread busy, as
    /// [`run`](Self::run) has it, only while it is [inside](Visit::enter).
    #[must_use]
    pub fn visit(&self) -> Visit<'_> {
        self.turnstile.visit()
    }

    /// Runs `task`, which serves the tenant's calls, in the same way.
    pub(crate) async fn serve<F: Future>(&self, task: F) -> F::Output {
        self.turnstile.pass_as_servant(task).await
    }

    /// Waits until one more of the tenant's calls may wait for its turn to compute for long, among the calls of all tenants.
    pub async fn computing(&self) -> Permit<'_> {
        Permit { permit: self.computing.acquire().await.ok(), of: None }
    }

    /// A permit for one more connection, unless the tenant has as many as it may.
    pub(crate) fn try_connection(&self) -> Option<Permit<'_>> {
        self.connections.try_acquire()
    }

    /// Waits until one more connection may be opened, and lets an idle one know that it is to close.
    pub(crate) async fn connection(&self) -> Permit<'_> {
        let _claim = OpeningClaim::new(&self.waiting);
        self.wanted.notify_one();
        self.connections.acquire().await
    }

    /// Waits until an idle connection is to close because another one waits to be opened.
    pub(crate) async fn connection_wanted(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            self.wanted.notified().await;
        }
    }

    /// Gives as many of `messages` a turn as can have one from `now` until `latest`.
    pub(crate) fn schedule(&self, messages: usize, now: Instant, latest: Instant) -> Schedule {
        self.rate_limiter.reserve(messages, now, latest)
    }

    /// Waits until one more thread may be kept busy. The permit is to be held by what runs on that thread.
    pub(crate) async fn blocking(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.blocking).acquire_owned().await.ok()
    }
}

/// Counts one that waits until it may open a connection, while it lives.
struct OpeningClaim<'a>(&'a AtomicUsize);

impl<'a> OpeningClaim<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for OpeningClaim<'_> {
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

    fn in_use(&self) -> usize {
        // While it is looked at, the limit does not change.
        let limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = self.surplus.load(Ordering::SeqCst);
        (*limit + surplus).saturating_sub(self.semaphore.available_permits())
    }

    /// Takes one permit from the surplus; returns whether there was a surplus.
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
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;

    /// Steps back behind the other tasks that are ready.
    async fn step_back() {
        let mut has_stepped_back = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_stepped_back, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[tokio::test]
    async fn another_tenant_is_polled_between_the_calls_of_one_however_many_are_ready() {
        const CALLS: usize = 50;
        let (many, single) =
            (Arc::new(Quotas::with_width(&Limits::default(), 1)), Quotas::with_width(&Limits::default(), 1));
        let polled = Arc::new(AtomicUsize::new(0));
        for _ in 0..CALLS {
            let (many, polled) = (Arc::clone(&many), Arc::clone(&polled));
            tokio::spawn(async move {
                let call = async {
                    loop {
                        polled.fetch_add(1, Ordering::SeqCst);
                        step_back().await;
                    }
                };
                many.run(call).await
            });
        }
        let other = tokio::spawn(async move {
            let call = async {
                let mut most = 0;
                for _ in 0..CALLS {
                    let before = polled.load(Ordering::SeqCst);
                    step_back().await;
                    most = most.max(polled.load(Ordering::SeqCst) - before);
                }
                (most, polled.load(Ordering::SeqCst))
            };
            single.run(call).await
        });
        let (most, all) = other.await.unwrap();
        assert!(most <= 2, "{most} calls of one tenant were polled between two polls of another");
        assert!(all >= CALLS / 2, "they are polled: {all}");
    }

    #[tokio::test]
    async fn what_is_in_use_is_counted_also_when_the_limit_changes() {
        let permits = Permits::new(4);
        let mut held = vec![permits.acquire().await, permits.acquire().await, permits.acquire().await];
        assert_eq!(permits.in_use(), 3);
        permits.set_limit(1);
        assert_eq!(permits.in_use(), 3);
        held.pop();
        assert_eq!(permits.in_use(), 2);
        permits.set_limit(8);
        assert_eq!(permits.in_use(), 2);
        held.clear();
        assert_eq!(permits.in_use(), 0);
    }

    #[test]
    fn a_connection_that_has_to_wait_makes_an_idle_one_give_way() {
        let quotas = Quotas::new(&Limits { connections: 1, ..Limits::default() });
        let mut context = Context::from_waker(Waker::noop());
        let mut idle = pin!(quotas.connection_wanted());
        assert!(idle.as_mut().poll(&mut context).is_pending());
        let permit = quotas.try_connection().unwrap();
        assert!(quotas.try_connection().is_none());
        let mut waiting = pin!(quotas.connection());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(idle.poll(&mut context).is_ready(), "one that was idle before");
        assert!(pin!(quotas.connection_wanted()).poll(&mut context).is_ready(), "one that is idle now");
        drop(permit);
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
            _ = &mut second => panic!("it was over the limit"),
            () = tokio::task::yield_now() => drop(first),
        }
        second.await.unwrap();
    }
}
