//! One connection of a [`Proxy`](super::Proxy): two sockets, and a thread for each direction.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use socket2::SockRef;

use super::Shared;
use super::faults::{self, Event};
use crate::process::{Watched, lock};

/// The two sockets of a connection.
#[derive(Debug)]
pub(super) struct Pair {
    /// Empty once it is closed.
    client: Mutex<Option<Arc<TcpStream>>>,
    /// Empty once it is closed.
    broker: Mutex<Option<Arc<TcpStream>>>,
    /// How it is to end, once that is decided.
    ending: Watched<Option<Ending>>,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug)]
struct Ending {
    client: End,
    broker: End,
    /// How much later the broker hears of it.
    held: Duration,
}

/// How one side of a connection is cut.
#[derive(Clone, Copy, Debug)]
enum End {
    Fin,
    Rst,
}

/// One direction, and what becomes of its bytes.
struct Half<'a> {
    shared: &'a Shared,
    pair: &'a Pair,
    number: usize,
    arrow: char,
    from: Arc<TcpStream>,
    to: Arc<TcpStream>,
    random: Rng,
    /// The most bytes between two events.
    reach: u32,
    /// Bytes until the next event.
    left: usize,
    /// The largest piece, and the longest pause after it, until the next event.
    pieces: Option<(usize, Duration)>,
}

impl Pair {
    pub(super) fn new(client: TcpStream, broker: TcpStream) -> Self {
        for socket in [&client, &broker] {
            // Pieces are to arrive as pieces.
            let _ = socket.set_nodelay(true);
        }
        let side = |socket| Mutex::new(Some(Arc::new(socket)));
        Self { client: side(client), broker: side(broker), ending: Watched::default() }
    }

    /// Ends it now, because the proxy ends.
    pub(super) fn break_off(&self) {
        self.cut(Ending { client: End::Rst, broker: End::Rst, held: Duration::ZERO });
        for socket in [&self.client, &self.broker] {
            // Wakes also a thread that writes to somebody who does not read.
            let _ = lock(socket).as_ref().map(|socket| socket.shutdown(Shutdown::Both));
        }
    }

    /// Decides how it ends, unless that is decided, and wakes both directions; neither peer notices yet.
    fn cut(&self, ending: Ending) {
        self.ending.change(|decided| *decided.get_or_insert(ending));
        for socket in [&self.client, &self.broker] {
            let _ = lock(socket).as_ref().map(|socket| socket.shutdown(Shutdown::Read));
        }
    }

    /// Waits; false when the connection is being cut meanwhile.
    fn pause(&self, time: Duration) -> bool {
        self.ending.wait(time, |ending| ending.map(drop)).is_none()
    }

    /// Moves bytes in both directions until the connection ends.
    pub(super) fn run(&self, shared: &Shared, number: usize, mut random: Rng) {
        {
            let (Some(client), Some(broker)) = (lock(&self.client).clone(), lock(&self.broker).clone())
            else {
                return;
            };
            let (reach, random_up) = (shared.faults.reach_to_broker, random.fork());
            let up = (Arc::clone(&client), Arc::clone(&broker));
            let up = Half::new(self, shared, number, ('>', reach), up, random_up);
            let down = (broker, client);
            let down =
                Half::new(self, shared, number, ('<', shared.faults.reach_to_client), down, random.fork());
            thread::scope(|scope| {
                scope.spawn(|| down.run());
                up.run();
            });
        }
        let ending = self.ending.read(|ending| *ending);
        let Ending { client, broker, held } =
            ending.unwrap_or(Ending { client: End::Fin, broker: End::Fin, held: Duration::ZERO });
        close(&self.client, client);
        if !held.is_zero() {
            let _ = shared.state.wait(held, |state| state.stopped.then_some(()));
        }
        close(&self.broker, broker);
    }
}

/// Closes one side.
fn close(side: &Mutex<Option<Arc<TcpStream>>>, how: End) {
    let Some(socket) = lock(side).take() else { return };
    match how {
        // Before it is closed: what was not read would turn FIN into RST.
        End::Fin => drop(socket.shutdown(Shutdown::Write)),
        End::Rst => drop(SockRef::from(&*socket).set_linger(Some(Duration::ZERO))),
    }
}

impl<'a> Half<'a> {
    fn new(
        pair: &'a Pair,
        shared: &'a Shared,
        number: usize,
        (arrow, reach): (char, u32),
        (from, to): (Arc<TcpStream>, Arc<TcpStream>),
        mut random: Rng,
    ) -> Self {
        let left = faults::up_to(&mut random, reach);
        Self { shared, pair, number, arrow, from, to, random, reach, left, pieces: None }
    }

    fn run(mut self) {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = (&*self.from).read(&mut buffer);
            if self.pair.ending.read(Option::is_some) {
                return;
            }
            match read {
                Ok(0) => {
                    self.note(&"end");
                    let _ = self.to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) if self.pass(&buffer[..count]) => {}
                Ok(_) => return,
                Err(error) => {
                    self.note(&error);
                    return self.pair.cut(Ending {
                        client: End::Rst,
                        broker: End::Rst,
                        held: Duration::ZERO,
                    });
                }
            }
        }
    }

    /// Moves `bytes`, with the events that come between them; false when the connection is being cut.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(self.left.min(bytes.len()));
            bytes = rest;
            self.left -= now.len();
            if !self.forward(now) || (self.left == 0 && !self.event()) {
                return false;
            }
        }
        true
    }

    fn forward(&mut self, bytes: &[u8]) -> bool {
        if self.shared.transcript.is_some() {
            let start = bytes[..bytes.len().min(120)].escape_ascii();
            self.note(&format_args!("{} bytes \"{start}\"", bytes.len()));
        }
        let (size, longest) = self.pieces.unwrap_or((bytes.len().max(1), Duration::ZERO));
        for piece in bytes.chunks(size) {
            if let Err(error) = (&*self.to).write_all(piece) {
                self.note(&error);
                self.pair.cut(Ending { client: End::Rst, broker: End::Rst, held: Duration::ZERO });
                return false;
            }
            if !longest.is_zero() && !self.pair.pause(faults::some_of(&mut self.random, longest)) {
                return false;
            }
        }
        true
    }

    /// What happens now; false when the connection is being cut.
    fn event(&mut self) -> bool {
        let faults = &self.shared.faults;
        self.left = faults::up_to(&mut self.random, self.reach);
        self.pieces = None;
        let event = faults.draw(&mut self.random);
        if event != Event::Nothing {
            self.note(&format_args!("{event:?}"));
        }
        match event {
            Event::Nothing => true,
            Event::Cut => {
                let ending = self.ending();
                self.pair.cut(ending);
                self.shared.count(|happened| happened.cuts += 1);
                false
            }
            Event::Swallow => {
                self.shared.count(|happened| happened.swallows += 1);
                // What is not read is not passed on.
                let unseen = faults::some_of(&mut self.random, faults.longest_hold);
                if self.pair.pause(unseen) {
                    let ending = self.ending();
                    self.pair.cut(ending);
                }
                false
            }
            Event::Stall => {
                self.shared.count(|happened| happened.stalls += 1);
                self.pair.pause(faults::some_of(&mut self.random, faults.longest_stall))
            }
            Event::Delay => self.pair.pause(faults::some_of(&mut self.random, Duration::from_millis(20))),
            Event::Throttle => {
                self.pieces = Some((self.random.usize(100..1000), Duration::from_millis(2)));
                true
            }
            Event::Split => {
                self.pieces = Some((self.random.usize(1..=8), Duration::ZERO));
                true
            }
        }
    }

    fn ending(&mut self) -> Ending {
        let mut end = || if self.random.bool() { End::Fin } else { End::Rst };
        let (client, broker) = (end(), end());
        let held = if self.random.bool() {
            Duration::ZERO
        } else {
            faults::some_of(&mut self.random, self.shared.faults.longest_hold)
        };
        Ending { client, broker, held }
    }

    fn note(&self, line: &dyn std::fmt::Display) {
        self.shared.note(&format_args!("{} {} {line}", self.number, self.arrow));
    }
}
