//! How much of the runtime's threads a tenant's calls keep busy at a moment.
//!
//! A runtime runs what is ready in the order in which it became ready: behind fifty calls of one tenant that have
//! something to do, a call of another would wait for all fifty. So the calls of a tenant go through its turnstile, some
//! at a time; those that wait stand in its own queue, not in the runtime's.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::task::{Id, try_id};

/// The turnstile of one tenant.
#[derive(Debug)]
pub(crate) struct Turnstile {
    /// How many may be inside.
    width: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many are inside, or have been let in and will come.
    inside: usize,
    /// Those who wait, in order.
    queue: VecDeque<(u64, Waker)>,
    /// Those who were let in from the queue and have not come yet.
    admitted: Vec<u64>,
    /// Who was inside last.
    last: u64,
    /// The task of that call, if it has come to its end after it had to wait for something.
    ended: Option<Id>,
    /// Names given so far.
    names: u64,
}

/// One call, or one that serves calls, at the turnstile.
struct Visitor<'a> {
    turnstile: &'a Turnstile,
    name: u64,
    is_servant: bool,
    place: Place,
    /// It has been inside before.
    has_waited: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Queue,
    Inside,
}

impl Turnstile {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, state: Mutex::default() }
    }

    /// Runs `future`, a call, which is inside only while it does something.
    pub(crate) async fn pass<F: Future>(&self, future: F) -> F::Output {
        self.pass_as(false, future).await
    }

    /// Runs `future`, which serves calls: it never does much at a time, so that nobody is let go before it, nor before a
    /// call that comes after it.
    pub(crate) async fn pass_as_servant<F: Future>(&self, future: F) -> F::Output {
        self.pass_as(true, future).await
    }

    async fn pass_as<F: Future>(&self, is_servant: bool, future: F) -> F::Output {
        let mut future = pin!(future);
        let name = {
            let mut state = self.lock();
            state.names += 1;
            state.names
        };
        let mut visitor =
            Visitor { turnstile: self, name, is_servant, place: Place::Outside, has_waited: false };
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

impl Visitor<'_> {
    /// Whether it is inside now; if not, `waker` is woken when it may come.
    fn enter(&mut self, waker: &Waker) -> bool {
        let mut state = self.turnstile.lock();
        match self.place {
            Place::Inside => true,
            Place::Queue => {
                if let Some(at) = state.admitted.iter().position(|name| *name == self.name) {
                    state.admitted.swap_remove(at);
                    self.place = Place::Inside;
                } else if let Some((_, queued)) = state.queue.iter_mut().find(|(name, _)| *name == self.name)
                {
                    queued.clone_from(waker);
                }
                self.place == Place::Inside
            }
            Place::Outside if state.inside < self.turnstile.width && state.queue.is_empty() => {
                state.inside += 1;
                self.place = Place::Inside;
                // Where calls of one tenant follow each other, whoever stands between them in the runtime's queue is
                // let go first. A task with one call after the other has let them go while it waited.
                let follows = !self.has_waited && state.ended.is_some() && state.ended == try_id();
                let go_first = state.last != self.name && state.last != 0 && !self.is_servant && !follows;
                drop(state);
                if go_first {
                    waker.wake_by_ref();
                }
                !go_first
            }
            Place::Outside => {
                state.queue.push_back((self.name, waker.clone()));
                self.place = Place::Queue;
                false
            }
        }
    }

    /// `for_good`: its call has come to its end.
    fn leave(&mut self, for_good: bool) {
        self.place = Place::Outside;
        let mut state = self.turnstile.lock();
        if !self.is_servant {
            state.last = self.name;
            state.ended = if for_good && self.has_waited { try_id() } else { None };
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
    /// Lets the first of the queue in.
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
        match self.place {
            Place::Outside => {}
            Place::Queue if admitted.is_none() => state.queue.retain(|(name, _)| *name != self.name),
            Place::Queue | Place::Inside => {
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
                    place: Place::Outside,
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
