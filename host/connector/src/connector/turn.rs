//! Calls that compute for long take turns, so that the other calls need not wait.
//!
//! A worker of the runtime that always has a task to run looks at its sockets and timers only now and then. If each of these
//! tasks is a component that computes until the clock's next tick, all sends wait, those included that hardly compute. So a
//! call that has computed for a tick goes on only when it has a turn. At most half of a runtime's workers compute for long at the
//! same time, and each of them first runs the other tasks that are ready and looks at its sockets.
//!
//! Why there are turns beside the turnstile of a tenant and the permits of its limits, the crate `mqtt-connector-publisher` says,
//! in `tenant/quotas/turnstile.rs`.

use std::future::{Future, poll_fn};
use std::num::NonZero;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::thread::available_parallelism;

use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

use super::budget::Meter;
use super::clock::TICK;
use crate::publisher::{Permit, Quotas};

/// The turns of each runtime in which a call computes for long. They belong to the runtime and not to a [`Connector`], because all
/// connectors share the runtime's workers.
///
/// [`Connector`]: super::Connector
static TURNS: Mutex<Vec<(Id, Weak<Semaphore>)>> = Mutex::new(Vec::new());

/// The turn of a call. Dropping it gives it to the next call.
struct Turn<'a> {
    _runtime: Option<OwnedSemaphorePermit>,
    _tenant: Permit<'a>,
}

impl<'a> Turn<'a> {
    /// Waits for a turn, first among the calls of the tenant and then among all calls. So the many calls of one tenant are not
    /// all ahead of the single call of another.
    async fn wait(turns: &Arc<Semaphore>, quotas: &'a Quotas) -> Self {
        let tenant = quotas.computing().await;
        let runtime = Arc::clone(turns).acquire_owned().await.ok();
        // The runtime comes back to this task when it has run the other tasks that are ready and has looked at its sockets.
        yield_now().await;
        Self { _runtime: runtime, _tenant: tenant }
    }
}

/// Runs `call`, a call of the tenant with `quotas`, of which `meter` tells how long it has computed.
pub(super) async fn in_turns<F: Future>(quotas: &Quotas, meter: &Meter, call: F) -> F::Output {
    let mut call = pin!(call);
    let mut turns = None;
    loop {
        let turn = if meter.used() < TICK {
            None
        } else {
            Some(Turn::wait(turns.get_or_insert_with(of_this_runtime), quotas).await)
        };
        let polled = poll_fn(|context| {
            meter.resume();
            Poll::Ready(call.as_mut().poll(context))
        })
        .await;
        // The call waits for something, so that it does not compute and needs no turn.
        drop(turn);
        if let Poll::Ready(output) = polled {
            return output;
        }
        // Until `call` wakes this task.
        let mut woken = false;
        poll_fn(|_| if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// The turns of the runtime that this runs in.
fn of_this_runtime() -> Arc<Semaphore> {
    let runtime = Handle::current();
    let mut all = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|(_, turns)| turns.strong_count() > 0);
    let known = all.iter().find(|(id, _)| *id == runtime.id());
    if let Some(turns) = known.and_then(|(_, turns)| turns.upgrade()) {
        return turns;
    }
    let processors = available_parallelism().map_or(1, NonZero::get);
    let turns = Arc::new(Semaphore::new((runtime.metrics().num_workers().min(processors) / 2).max(1)));
    all.push((runtime.id(), Arc::downgrade(&turns)));
    turns
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::publisher::Tenant;

    #[test]
    fn each_runtime_has_turns_of_its_own_while_somebody_needs_them() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (first, second) = (runtime(), runtime());
        let turns = |runtime: &tokio::runtime::Runtime| runtime.block_on(async { of_this_runtime() });
        let of_first = turns(&first);
        assert!(Arc::ptr_eq(&of_first, &turns(&first)));
        assert!(!Arc::ptr_eq(&of_first, &turns(&second)));
        assert_eq!(of_first.available_permits(), 1, "a runtime with one worker has one");
        drop(of_first);
        turns(&second);
        let known = |id| TURNS.lock().unwrap().iter().any(|(known, _)| *known == id);
        assert!(!known(first.handle().id()), "what nobody needs is forgotten");
    }

    #[tokio::test]
    async fn only_who_has_computed_for_long_waits_for_a_turn() {
        let tenant = Tenant::builder("acme").build();
        let turns = of_this_runtime();
        let taken = Arc::clone(&turns).acquire_owned().await.unwrap();
        let (short, long) = (Meter::new(Duration::MAX), Meter::new(Duration::MAX));
        in_turns(tenant.quotas(), &short, yield_now()).await;
        long.resume();
        let start = Instant::now();
        while start.elapsed() < TICK {
            std::hint::spin_loop();
        }
        long.count().unwrap();
        let mut waits = pin!(in_turns(tenant.quotas(), &long, async {
            let inside = turns.available_permits();
            yield_now().await;
            inside
        }));
        tokio::select! {
            biased;
            _ = &mut waits => panic!("there was no turn"),
            () = yield_now() => drop(taken),
        }
        assert_eq!(waits.await, 0);
        assert_eq!(turns.available_permits(), 1);
    }

    #[tokio::test]
    async fn who_waits_for_something_else_gives_the_turn_back() {
        let tenant = Tenant::builder("acme").build();
        let turns = of_this_runtime();
        let meter = Meter::new(Duration::MAX);
        meter.resume();
        std::thread::sleep(TICK);
        meter.count().unwrap();
        let (answer, awaited) = tokio::sync::oneshot::channel();
        let call = tokio::spawn(async move { in_turns(tenant.quotas(), &meter, awaited).await });
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(turns.available_permits(), 1);
        answer.send(7).unwrap();
        assert_eq!(call.await.unwrap(), Ok(7));
    }
}
