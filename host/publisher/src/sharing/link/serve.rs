//! The task of a link: connects, exchanges packets, connects again, closes.

use std::future::{Future as _, poll_fn};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::back_off;
use super::back_off::BackOff;
use super::search::{Known, hint, hint_at_takeover};
use super::{Link, State};
use crate::dial::egress::Resolver;
use crate::error::Error;
use crate::mqtt::connection::{Connection, LINGER};
use crate::stage::{Stage, WRITING};
use crate::telemetry;

/// What the tasks of all links share.
pub(crate) struct Surroundings {
    pub(crate) resolver: Arc<dyn Resolver>,
    /// How long a connection stays open that nobody needs.
    pub(crate) idle: Duration,
}

impl Link {
    /// Serves the calls that join, until the link is idle, fails for good, or has nobody left who waits.
    pub(crate) async fn serve(self: Arc<Self>, surroundings: Arc<Surroundings>) {
        let _end = End(&self);
        let abandoned = poll_fn(|context| {
            let mut state = self.lock();
            if state.abandoned {
                return Poll::Ready(());
            }
            match &mut state.task {
                Some(task) => task.clone_from(context.waker()),
                task => *task = Some(context.waker().clone()),
            }
            Poll::Pending
        });
        let connections = pin!(self.connections(&surroundings));
        tokio::select! {
            biased;
            () = abandoned => {}
            () = self.tenant.quotas().serve(connections) => {}
        }
    }

    /// One connection after the other, for as long as somebody needs them.
    async fn connections(&self, surroundings: &Surroundings) {
        let mut known = Known::default();
        loop {
            self.lock().begin_attempt();
            let Err(error) = self.search(&mut known, surroundings).await else { return };
            let Some(earliest) = self.lost(&error) else { return };
            self.back_off(earliest).await;
        }
    }

    /// The messages, and DISCONNECT when nobody needs the connection any more.
    pub(super) async fn exchange(
        &self,
        mut connection: Connection,
        attempt: telemetry::Attempt,
        surroundings: &Surroundings,
    ) -> Result<(), Error> {
        let _open = attempt.accepted();
        {
            let mut state = self.lock();
            state.enter(Stage::Acknowledgement);
            state.suspect = false;
            state.delivery.connected(connection.limits().clone(), random_identifier());
            state.wake_settled();
        }
        self.deliver(&mut connection, surroundings).await?;
        connection.close(|| self.parted.cancel()).await;
        Ok(())
    }

    /// Exchanges packets until the connection is idle and is to close; from then on nobody joins.
    async fn deliver(&self, connection: &mut Connection, surroundings: &Surroundings) -> Result<(), Error> {
        let quotas = self.tenant.quotas();
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut wanted = pin!(quotas.connection_wanted());
        let mut settled_since = None;
        poll_fn(|context| {
            let mut guard = self.lock();
            let state = &mut *guard;
            if state.abandoned {
                return Poll::Pending;
            }
            loop {
                state.delivery.handle_timeout(Instant::now().into_std());
                let failed = connection.poll_exchange(context, &mut state.delivery);
                state.heard = connection.heard();
                if state.wake_settled() {
                    // A message of QoS 0 is settled before anybody sees that it was not.
                    settled_since = None;
                }
                if let Poll::Ready(error) = failed {
                    return Poll::Ready(Err(error));
                }
                let now = Instant::now();
                let due = if !state.delivery.is_settled() {
                    if settled_since.take().is_some() {
                        wanted.set(quotas.connection_wanted());
                    }
                    state.delivery.next_timeout().map(Instant::from_std)
                } else if connection.is_flushed() {
                    let since: Instant = *settled_since.get_or_insert(now);
                    let until = since.checked_add(surroundings.idle);
                    if state.is_closed()
                        || until.is_some_and(|until| until <= now)
                        || wanted.as_mut().poll(context).is_ready()
                    {
                        state.ended = true;
                        return Poll::Ready(Ok(()));
                    }
                    until
                } else {
                    // What was given up while it was on its way: there has to be an end to that, too.
                    let until = *settled_since.get_or_insert(now) + LINGER;
                    if until <= now {
                        state.ended = true;
                        return Poll::Ready(Err(Error::Lost("the broker does not read any more".to_owned())));
                    }
                    Some(until)
                };
                let ping = connection.next_ping();
                if ping.is_some_and(|ping| ping <= now) {
                    connection.ping()?;
                    continue;
                }
                let Some(due) = due.into_iter().chain(ping).min() else { return Poll::Pending };
                // One that is early is as good: the timer is not set anew for every message.
                if timer.is_elapsed() || timer.deadline() > due {
                    timer.as_mut().reset(due);
                }
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// The connection is lost, or was not made. When the next one may be tried at the earliest; `None` when nobody waits
    /// for it.
    fn lost(&self, error: &Error) -> Option<Instant> {
        let mut guard = self.lock();
        let State { delivery, calls, stage, suspect, .. } = &mut *guard;
        let accepted = *stage == Stage::Acknowledgement;
        let hint = match error {
            Error::Lost(_) | Error::Closed(_) if !accepted => hint(&self.options, delivery.broker(), *stage),
            Error::Closed(_) => hint_at_takeover(&self.options),
            _ => "",
        };
        let touched = match error {
            // On a connection that the broker had accepted: no further one has failed.
            Error::Tls { reason, .. } if accepted => Error::Lost(reason.clone()),
            error => while_at(error, stage.words(), if accepted { hint } else { "" }),
        };
        delivery.disconnected(self.options.clean_session, &touched);
        *suspect = false;
        let now = Instant::now();
        let untouched =
            if accepted { while_at(error, WRITING, hint) } else { while_at(error, stage.words(), hint) };
        let share = back_off::share(random());
        let mut has_to_wait = false;
        for (&batch, call) in calls {
            if delivery.has_settled(batch) {
                continue;
            }
            let came_late = std::mem::take(&mut call.came_late);
            let next_try = now + call.back_off.wait(share);
            let is_untouched = delivery.is_untouched(batch);
            let reason = if is_untouched { &untouched } else { &touched };
            // What the broker has against another call's message, it may not have against those that wait.
            let is_over = match error {
                Error::Disconnected(_) if is_untouched => false,
                error => !error.may_pass(),
            };
            if is_over {
                delivery.fail_batch(batch, reason);
            } else if came_late && is_untouched {
                // Nothing was tried for it yet.
                call.stages.found_nothing();
            } else if !call.takes_part && !accepted {
                has_to_wait = true;
            } else if call.retries == 0 || next_try >= call.deadline {
                delivery.fail_batch(batch, reason);
            } else {
                let retries = call.retries;
                call.span.in_scope(|| tracing::debug!(%error, retries, "another connection will be tried"));
                call.retries -= 1;
                call.next_try = next_try;
                call.back_off.lengthen();
                call.stages.failed(reason.to_string());
                has_to_wait = true;
            }
        }
        let goes_on = !delivery.is_settled();
        guard.wake_settled();
        guard.ended |= !goes_on;
        goes_on.then_some(if has_to_wait { now + BackOff::SHORTEST } else { now })
    }

    /// Waits until the next connection is due for one of the calls, those that come meanwhile among them.
    async fn back_off(&self, earliest: Instant) {
        let due = |state: &State| state.next_try().map_or(earliest, |next| next.max(earliest));
        let mut timer = {
            let mut state = self.lock();
            let due = due(&state);
            if due <= Instant::now() {
                return;
            }
            state.enter(Stage::BackOff);
            pin!(sleep_until(due))
        };
        poll_fn(|context| {
            let due = due(&self.lock());
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            timer.as_mut().poll(context)
        })
        .await;
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.lock().enter(stage);
    }

    /// When the last of the calls answers.
    pub(super) fn deadline(&self) -> Instant {
        let state = self.lock();
        state.calls.values().map(|call| call.deadline).max().unwrap_or_else(Instant::now)
    }
}

/// Ends a link when its task ends, also when that is because the runtime does.
struct End<'a>(&'a Link);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.parted.cancel();
        let mut state = self.0.lock();
        state.ended = true;
        let State { delivery, calls, .. } = &mut *state;
        for batch in calls.keys() {
            delivery.fail_batch(*batch, &Error::Lost("the runtime of the connection has ended".to_owned()));
        }
        state.wake_settled();
    }
}

/// Adds to a lost connection what it was lost at, and a hint.
fn while_at(error: &Error, words: &str, hint: &str) -> Error {
    match error {
        Error::Lost(reason) | Error::Closed(reason) => Error::Lost(format!("{reason}, while {words}{hint}")),
        other => other.clone(),
    }
}

fn random_identifier() -> u16 {
    (random() & 0xffff) as u16
}

/// From the keys that the standard library takes from the system for its hash maps.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
