//! How many of the runtime's threads the calls of one tenant keep busy at the same moment.
//!
//! A runtime polls tasks in the order in which they became ready. If fifty calls of one tenant are ready, a call of another
//! tenant waits until all fifty were polled. So each tenant has a turnstile: only some of its calls are polled at the same
//! time, and the others wait in the turnstile's queue, not in the runtime's.
//!
//! # Why there are three mechanisms
//!
//! Three things keep tenants from slowing each other down. None of them can do the work of another:
//!
//! - A *turnstile* holds a call for one poll, which takes microseconds. It orders polls within a tenant, and a call leaves it
//!   whenever it waits for anything, for a turn to compute among others. So it cannot bound what goes on for longer.
//! - The *turns* of a runtime (module `turn` of the crate `mqtt-connector`) are for calls that have computed for a tick of the
//!   engine's clock, all tenants together: the bound is about the runtime's threads, half of which stay free for sockets and
//!   timers. The queue of turns is one for all tenants, first come, first served. The semaphore `computing` of a tenant's
//!   [`Quotas`](super::Quotas) stands before it, so that only some calls of a tenant are in that queue: many calls of one
//!   tenant would be ahead of the single call of another.
//! - The *permits* of the limits (sends, connections, blocking threads) are held from the beginning of something to its end,
//!   mostly while it waits for the network. They bound how much there is, and say nothing about who is polled next.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::task::{Id, try_id};

/// The turnstile of one tenant.
#[derive(Debug)]
pub(crate) struct Turnstile {
    /// How many may be inside at the same time.
    width: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many are inside, counting those that were let in and have not been polled since.
    inside: usize,
    /// The names of those that wait, in order, and what wakes them.
    queue: VecDeque<(u64, Waker)>,
    /// The names of those that were let in from the queue and have not been polled since.
    admitted: Vec<u64>,
    /// The name of the call that was inside last; 0 before the first.
    last: u64,
    /// The task of that call, if the call has ended, and had waited for something before.
    ended: Option<Id>,
    /// How many names were given: the next one is this and one.
    names: u64,
}

/// A call at the turnstile, or a task that serves calls.
#[derive(Debug)]
struct Visitor<'a> {
    turnstile: &'a Turnstile,
    name: u64,
    is_servant: bool,
    position: Position,
    /// It has been inside before, and has waited for something since.
    has_waited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Outside,
    Queue,
    Inside,
}

impl Turnstile {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, state: Mutex::default() }
    }

    /// Runs `future`, a call, which is inside only while it is polled.
    pub(crate) async fn pass<F: Future>(&self, future: F) -> F::Output {
        self.pass_as(false, future).await
    }

    /// Runs `future`, which serves calls. It never does much in one poll. So it does not step back for other tasks, and a
    /// call that comes in after it need not step back because of it.
    pub(crate) async fn pass_as_servant<F: Future>(&self, future: F) -> F::Output {
        self.pass_as(true, future).await
    }

    /// A call that is inside now and then, and not each time that it is polled.
    pub(crate) fn visit(&self) -> Visit<'_> {
        Visit(self.visitor(false))
    }

    fn visitor(&self, is_servant: bool) -> Visitor<'_> {
        let name = {
            let mut state = self.lock();
            state.names += 1;
            state.names
        };
        Visitor { turnstile: self, name, is_servant, position: Position::Outside, has_waited: false }
    }

    async fn pass_as<F: Future>(&self, is_servant: bool, future: F) -> F::Output {
        let (mut future, mut visitor) = (pin!(future), self.visitor(is_servant));
        poll_fn(|context| {
            if !visitor.enter(context.waker()) {
                return Poll::Pending;
            }
            let polled = future.as_mut().poll(context);
            visitor.leave(polled.is_ready());
            polled
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that goes through the turnstile of its tenant several times: see [`Quotas::visit`](super::Quotas::visit).
#[derive(Debug)]
pub struct Visit<'a>(Visitor<'a>);

/// A call that may compute, until this is dropped: before it waits for anything, so that another call of the tenant may.
#[derive(Debug)]
#[must_use = "the call may compute until this is dropped"]
pub struct Inside<'v, 'a>(&'v mut Visitor<'a>);

impl<'a> Visit<'a> {
    /// Waits until the call may compute. If it may not at once, `waits` is called, when the call stands in line.
    pub async fn enter(&mut self, waits: impl FnOnce()) -> Inside<'_, 'a> {
        let mut waits = Some(waits);
        poll_fn(|context| {
            if self.0.enter(context.waker()) {
                return Poll::Ready(());
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            Poll::Pending
        })
        .await;
        Inside(&mut self.0)
    }
}

impl Drop for Inside<'_, '_> {
    fn drop(&mut self) {
        // Perhaps the call goes on. Until it has waited for something, it does not count as ended.
        self.0.leave(true);
    }
}

impl Visitor<'_> {
    /// Returns whether it is inside now. If it is not, `waker` is woken when it is to try again.
    fn enter(&mut self, waker: &Waker) -> bool {
        let mut state = self.turnstile.lock();
        match self.position {
            Position::Inside => true,
            Position::Queue => {
                if let Some(at) = state.admitted.iter().position(|name| *name == self.name) {
                    state.admitted.swap_remove(at);
                    self.position = Position::Inside;
                } else if let Some((_, queued)) = state.queue.iter_mut().find(|(name, _)| *name == self.name)
                {
                    queued.clone_from(waker);
                }
                self.position == Position::Inside
            }
            Position::Outside if state.inside < self.turnstile.width && state.queue.is_empty() => {
                state.inside += 1;
                self.position = Position::Inside;
                // When a call of a tenant comes in directly after another one, it steps back once to the end of the
                // runtime's queue, so that tasks of other tenants are polled between the two. It need not when both calls are of
                // one task, and the first has waited: other tasks were polled then.
                let follows = !self.has_waited && state.ended.is_some() && state.ended == try_id();
                let steps_back = state.last != self.name && state.last != 0 && !self.is_servant && !follows;
                drop(state);
                if steps_back {
                    waker.wake_by_ref();
                }
                !steps_back
            }
            Position::Outside => {
                state.queue.push_back((self.name, waker.clone()));
                self.position = Position::Queue;
                false
            }
        }
    }

    /// Lets the next one in. `has_ended` says that this call has come to its end.
    fn leave(&mut self, has_ended: bool) {
        self.position = Position::Outside;
        let mut state = self.turnstile.lock();
        if !self.is_servant {
            state.last = self.name;
            state.ended = if has_ended && self.has_waited { try_id() } else { None };
        }
        self.has_waited = true;
        state.inside -= 1;
        let next = state.admit();
        drop(state);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

impl State {
    /// Lets the first of the queue in, and returns what wakes it.
    fn admit(&mut self) -> Option<Waker> {
        let (name, waker) = self.queue.pop_front()?;
        self.inside += 1;
        self.admitted.push(name);
        Some(waker)
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let mut state = self.turnstile.lock();
        let admitted = state.admitted.iter().position(|name| *name == self.name);
        if let Some(at) = admitted {
            state.admitted.swap_remove(at);
        }
        match self.position {
            Position::Outside => {}
            Position::Queue if admitted.is_none() => state.queue.retain(|(name, _)| *name != self.name),
            Position::Queue | Position::Inside => {
                drop(state);
                self.leave(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Call<'a> {
        visitor: Visitor<'a>,
        woken: Arc<Woken>,
    }

    impl<'a> Call<'a> {
        fn new(turnstile: &'a Turnstile, name: u64) -> Self {
            Self {
                visitor: Visitor {
                    turnstile,
                    name,
                    is_servant: false,
                    position: Position::Outside,
                    has_waited: false,
                },
                woken: Arc::default(),
            }
        }

        fn enter(&mut self) -> bool {
            self.visitor.enter(&Arc::clone(&self.woken).into())
        }

        fn woken(&self) -> usize {
            self.woken.0.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn calls_of_one_tenant_come_one_by_one_and_let_others_go_between() {
        let turnstile = Turnstile::new(1);
        let [mut first, mut second, mut third] = [1, 2, 3].map(|name| Call::new(&turnstile, name));
        assert!(first.enter(), "nobody was there");
        assert!(!second.enter() && second.woken() == 0, "it waits in the queue");
        first.visitor.leave(false);
        assert_eq!(second.woken(), 1);
        assert!(!first.enter() && !third.enter(), "they do not overtake");
        assert!(second.enter());
        second.visitor.leave(false);
        assert_eq!((first.woken(), third.woken()), (1, 0));
        assert!(first.enter());
        first.visitor.leave(false);
        assert!(third.enter());
        third.visitor.leave(false);

        assert!(third.enter(), "nobody came between");
        third.visitor.leave(false);
        assert!(!first.enter() && first.woken() == 2, "it stands behind whoever is ready now");
        assert!(first.enter());
    }

    #[tokio::test]
    async fn only_a_call_after_one_of_the_same_task_that_waited_goes_on_at_once() {
        // How often the call of a task comes before it is inside, when another has gone before it.
        async fn comes(waits: bool, ends: bool, same_task: bool) -> usize {
            let turnstile = Arc::new(Turnstile::new(1));
            let first = Arc::clone(&turnstile);
            let before = async move {
                let mut first = Call::new(&first, 1);
                assert!(first.enter());
                if waits {
                    first.visitor.leave(false);
                    assert!(first.enter());
                }
                first.visitor.leave(ends);
            };
            let after = async move {
                let mut second = Call::new(&turnstile, 2);
                (1..).find(|_| second.enter()).unwrap()
            };
            if same_task {
                tokio::spawn(async {
                    before.await;
                    after.await
                })
                .await
                .unwrap()
            } else {
                tokio::spawn(before).await.unwrap();
                tokio::spawn(after).await.unwrap()
            }
        }
        assert_eq!(comes(true, true, true).await, 1);
        assert_eq!(comes(false, true, true).await, 2, "a task that only computes");
        assert_eq!(comes(true, false, true).await, 2, "a task with several calls");
        assert_eq!(comes(true, true, false).await, 2, "another task");
    }

    #[test]
    fn who_goes_away_keeps_nobody_waiting() {
        let turnstile = Turnstile::new(1);
        let [mut inside, mut admitted, mut queued, mut last] =
            [1, 2, 3, 4].map(|name| Call::new(&turnstile, name));
        assert!(inside.enter());
        assert!(!admitted.enter() && !queued.enter() && !last.enter());
        drop(inside);
        assert_eq!(admitted.woken(), 1);
        drop(queued);
        drop(admitted);
        assert_eq!(last.woken(), 1);
        assert!(last.enter());
        drop(last);
        let state = turnstile.lock();
        assert_eq!((state.inside, state.queue.len(), state.admitted.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn a_visit_stands_in_line_until_it_is_inside_and_comes_again() {
        let turnstile = Turnstile::new(1);
        let (mut first, mut second) = (turnstile.visit(), turnstile.visit());
        let inside = first.enter(|| panic!("nobody was there")).await;
        let mut waits = 0;
        {
            let mut entering = pin!(second.enter(|| waits += 1));
            for _ in 0..3 {
                assert!(poll_fn(|task| Poll::Ready(entering.as_mut().poll(task).is_pending())).await);
            }
        }
        assert_eq!(waits, 1);
        drop(inside);
        drop(second.enter(|| panic!("it stood in line")).await);
        let mut third = turnstile.visit();
        let mut waits = 0;
        drop(third.enter(|| waits += 1).await);
        assert_eq!(waits, 1, "it stepped back behind whoever was ready");
        drop(third.enter(|| panic!("nobody came between")).await);
        drop((first, second, third));
        assert_eq!(turnstile.lock().inside, 0);
    }

    #[tokio::test]
    async fn what_passes_comes_to_its_end() {
        let turnstile = Turnstile::new(1);
        let call = |number: usize| {
            turnstile.pass(async move {
                for _ in 0..number {
                    tokio::task::yield_now().await;
                }
                number
            })
        };
        assert_eq!(tokio::join!(call(3), call(0), call(5), call(1)), (3, 0, 5, 1));
    }
}
