//! The task of a shared connection: connects, exchanges packets for the calls, connects again, closes.

use std::future::{Future as _, poll_fn};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::SharedConnection;
use super::back_off;
use super::back_off::BackOff;
use super::connect::{Connected, Known};
use super::hints;
use super::state::State;
use crate::error::Error;
use crate::mqtt::connection::{Connection, LINGER};
use crate::sharing::pool_config::PoolConfig;
use crate::stage::{Stage, WRITING};

impl SharedConnection {
    /// Serves the calls that join, until no message has needed the connection for a while, no connection can be made, or every
    /// call has left.
    pub(crate) async fn serve(self: Arc<Self>, config: Arc<PoolConfig>) {
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
        let connections = pin!(self.connections(&config));
        tokio::select! {
            biased;
            () = abandoned => {}
            () = self.tenant.quotas().serve(connections) => {}
        }
    }

    /// One connection after the other, for as long as a call needs them.
    async fn connections(&self, config: &PoolConfig) {
        let mut known = Known::default();
        let mut timer = pin!(sleep(LINGER));
        // A timer that ends before all others makes the runtime wake itself, by a call of the system. This one begins before any
        // other of the connection, and ends no later: of connections that follow each other, only the first has that call.
        poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_ready())).await;
        loop {
            self.lock().begin_attempt();
            let served = match self.connect(&mut known, config).await {
                Ok(connected) => self.exchange(connected, timer.as_mut(), config).await,
                Err(error) => Err(error),
            };
            let Err(error) = served else { return };
            let Some(earliest) = self.lost(&error) else { return };
            self.back_off(earliest).await;
        }
    }

    /// Delivers messages on a connection, and ends it with DISCONNECT when no message needs it any more.
    ///
    /// # Errors
    ///
    /// Why the connection was lost.
    async fn exchange(
        &self,
        connected: Connected<'_>,
        timer: Pin<&mut Sleep>,
        config: &PoolConfig,
    ) -> Result<(), Error> {
        // In this order, so that the connection is closed before it counts no more.
        let Connected { permit: _permit, open: _open, mut connection } = connected;
        {
            let mut state = self.lock();
            state.enter(Stage::Acknowledgement);
            state.suspect = false;
            state.delivery.connected(connection.limits().clone(), random_identifier());
            state.wake_settled();
        }
        self.deliver(&mut connection, timer, config).await?;
        connection.close(|| self.disconnected.cancel()).await;
        Ok(())
    }

    /// Exchanges packets until the connection is to close because no message needs it. It takes no further work then.
    async fn deliver(
        &self,
        connection: &mut Connection,
        mut timer: Pin<&mut Sleep>,
        config: &PoolConfig,
    ) -> Result<(), Error> {
        let quotas = self.tenant.quotas();
        let mut wanted = pin!(quotas.connection_wanted());
        let mut settled_since = None;
        poll_fn(|context| {
            let mut guard = self.lock();
            let state = &mut *guard;
            if state.abandoned {
                return Poll::Pending;
            }
            loop {
                let now = Instant::now();
                state.delivery.handle_timeout(now.into_std());
                let failed = connection.poll_exchange(context, now, &mut state.delivery);
                state.heard = connection.heard();
                if state.wake_settled() {
                    // This also begins the idle time anew after a message of QoS 0, which is settled at once.
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
                    let until = since.checked_add(config.idle);
                    if !state.takes_work()
                        || until.is_some_and(|until| until <= now)
                        || wanted.as_mut().poll(context).is_ready()
                    {
                        state.ended = true;
                        return Poll::Ready(Ok(()));
                    }
                    until
                } else {
                    // Bytes of messages that were given up are still on their way. A broker that does not read them must not
                    // keep the connection open.
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
                // A timer that fires too early does no harm. So it is not set anew for every message.
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

    /// The connection is lost, or was not made. Returns the earliest time for the next one; `None` when no call waits for it.
    fn lost(&self, error: &Error) -> Option<Instant> {
        let mut guard = self.lock();
        let State { delivery, calls, stage, suspect, .. } = &mut *guard;
        let accepted = *stage == Stage::Acknowledgement;
        let hint = match error {
            Error::Lost(_) | Error::Closed(_) if !accepted => {
                hints::while_connecting(&self.options, delivery.broker(), *stage)
            }
            Error::Closed(_) => hints::after_connack(&self.options),
            _ => "",
        };
        let touched = match error {
            // The broker had accepted this connection, so that it was lost, and no handshake has failed.
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
            // The broker may have closed the connection because of another call's message. That is no reason against these.
            let is_over = match error {
                Error::Disconnected(_) if is_untouched => false,
                error => !error.is_transient(),
            };
            if is_over {
                delivery.fail_batch(batch, reason);
            } else if came_late && is_untouched {
                // The connection was opened for other calls: none was tried for this one yet.
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

    /// Waits until the next connection is due for one of the calls, which may be one that comes meanwhile.
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
}

/// Ends a connection when its task ends, also when the task is dropped because its runtime ends.
struct End<'a>(&'a SharedConnection);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.disconnected.cancel();
        let mut state = self.0.lock();
        state.ended = true;
        let State { delivery, calls, .. } = &mut *state;
        for batch in calls.keys() {
            delivery.fail_batch(*batch, &Error::Lost("the runtime of the connection has ended".to_owned()));
        }
        state.wake_settled();
    }
}

/// Adds to the error of a lost connection what was going on, and a hint.
fn while_at(error: &Error, words: &str, hint: &str) -> Error {
    match error {
        Error::Lost(reason) | Error::Closed(reason) => Error::Lost(format!("{reason}, while {words}{hint}")),
        other => other.clone(),
    }
}

fn random_identifier() -> u16 {
    (random() & 0xffff) as u16
}

/// A random number, from the keys that the standard library takes from the system for its hash maps.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
