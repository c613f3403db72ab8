//! The clock of the engines, which interrupts components that compute: a thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// How often a component that computes is interrupted: to let others run, and to count the time it has used.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// For how many ticks the clock goes on after the last component has run, so that a host with one send after another does
/// not wake the thread for each.
const LINGER: u32 = 2;

/// A thread that advances the epochs of the engines every [`TICK`] while a component runs, and sleeps otherwise. It ends when
/// this is dropped.
pub(super) struct Clock {
    state: Arc<ClockState>,
    thread: Thread,
}

#[derive(Default)]
struct ClockState {
    /// How many components are running at this moment; one that waits for the host is not.
    running: AtomicUsize,
    /// One has begun since the last tick. It may have ended by then: a send computes for a hundredth of a tick, and less than it
    /// takes to wake a thread.
    begun: AtomicBool,
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl Clock {
    /// Starts the thread for `engines`. It calls `sweep` at such intervals, for as long as that says that there is something
    /// left to be swept.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    pub(super) fn of(
        engines: Vec<Engine>,
        interval: Duration,
        sweep: impl Fn() -> bool + Send + 'static,
    ) -> std::io::Result<Self> {
        Self::start(move || engines.iter().for_each(Engine::increment_epoch), interval, sweep)
    }

    fn start(
        tick: impl Fn() + Send + 'static,
        interval: Duration,
        sweep: impl Fn() -> bool + Send + 'static,
    ) -> std::io::Result<Self> {
        let state = Arc::new(ClockState::default());
        let shared = Arc::clone(&state);
        let builder = thread::Builder::new().name("mqtt-connector-epoch".to_owned()).stack_size(256 * 1024);
        let thread = builder.spawn(move || shared.run(tick, interval, sweep))?.thread().clone();
        Ok(Self { state, thread })
    }

    /// Keeps the clock going until the answer is dropped.
    pub(super) fn running(&self) -> Running<'_> {
        self.state.begun.store(true, Ordering::Relaxed);
        self.state.running.fetch_add(1, Ordering::SeqCst);
        if self.state.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(&self.state)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl ClockState {
    fn run(&self, tick: impl Fn(), interval: Duration, sweep: impl Fn() -> bool) {
        let mut idle = 0;
        let mut swept = Instant::now();
        while !self.ended.load(Ordering::SeqCst) {
            if self.begun.swap(false, Ordering::Relaxed) || self.running.load(Ordering::SeqCst) > 0 {
                idle = 0;
            } else if idle < LINGER {
                idle += 1;
            } else {
                // Stored before `running` is looked at again: a call that begins after that look finds it, and wakes this thread.
                self.asleep.store(true, Ordering::SeqCst);
                let has_more = sweep();
                if self.running.load(Ordering::SeqCst) == 0 && !self.ended.load(Ordering::SeqCst) {
                    if has_more { thread::park_timeout(interval) } else { thread::park() }
                }
                self.asleep.store(false, Ordering::SeqCst);
                continue;
            }
            thread::sleep(TICK);
            tick();
            if swept.elapsed() >= interval {
                sweep();
                swept = Instant::now();
            }
        }
    }
}

/// A component that runs: while there is one, the clock ticks.
pub(super) struct Running<'a>(&'a ClockState);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn wait_until(condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(10), "it did not happen");
            thread::yield_now();
        }
    }

    /// A clock, and how often it has ticked.
    fn counted() -> (Clock, Arc<AtomicUsize>) {
        let ticks = Arc::new(AtomicUsize::new(0));
        let hand = Arc::clone(&ticks);
        let tick = move || {
            hand.fetch_add(1, Ordering::SeqCst);
        };
        (Clock::start(tick, Duration::from_secs(1), || false).unwrap(), ticks)
    }

    #[test]
    fn the_clock_sleeps_when_nothing_runs_and_wakes_when_something_does() {
        let (clock, ticks) = counted();
        for _ in 0..3 {
            wait_until(|| clock.state.asleep.load(Ordering::SeqCst));
            let before = ticks.load(Ordering::SeqCst);
            let _running = clock.running();
            wait_until(|| ticks.load(Ordering::SeqCst) >= before + 2 * LINGER as usize);
        }
        let state = Arc::clone(&clock.state);
        drop(clock);
        wait_until(|| Arc::strong_count(&state) == 1);
    }

    #[test]
    fn the_clock_goes_on_for_a_component_that_has_ended_before_the_thread_was_awake() {
        let (clock, ticks) = counted();
        for _ in 0..3 {
            wait_until(|| clock.state.asleep.load(Ordering::SeqCst));
            let before = ticks.load(Ordering::SeqCst);
            drop(clock.running());
            wait_until(|| ticks.load(Ordering::SeqCst) >= before + LINGER as usize);
        }
    }
}
