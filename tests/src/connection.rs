//! One connection of a scripted broker: carries out its steps and records what happens.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use socket2::SockRef;

use crate::encode;
use crate::packet::{Packet, PacketType};
use crate::process::{FOREVER, Watched};
use crate::record::{Conversation, End, hex};
use crate::script::State;
use crate::step::{Action, Step};
use crate::stream::Stream;
use crate::websocket::{self, Decoder, Opcode};

mod layers;
mod reading;

use reading::Patience;

/// How long an end of ours waits for the client's.
const LINGER: Duration = Duration::from_secs(1);

/// What carries out the steps of one connection.
pub(crate) struct Connection {
    number: usize,
    state: Arc<Watched<State>>,
    tls: Option<Arc<ServerConfig>>,
    step_timeout: Duration,
    /// `None` after a step ended the connection.
    stream: Option<Stream>,
    /// How many of the received bytes earlier steps have dealt with.
    cursor: usize,
    pace: Option<(usize, Duration)>,
    /// Once WebSocket has begun.
    websocket: Option<Decoder>,
    /// Bytes of HTTP, and what came behind them, before WebSocket has begun.
    http: Vec<u8>,
    /// How many control frames earlier steps have dealt with.
    control_frames: usize,
    /// Whether a Close frame was sent.
    said_close: bool,
}

/// Why a step did not succeed: what happened instead.
type Mismatch = String;

impl Connection {
    pub(crate) fn new(
        number: usize,
        socket: TcpStream,
        state: Arc<Watched<State>>,
        tls: Option<Arc<ServerConfig>>,
        step_timeout: Duration,
    ) -> Self {
        // Writes of a script are meant to arrive as they are made.
        let _ = socket.set_nodelay(true);
        let _ = socket.set_write_timeout(Some(step_timeout));
        Self {
            number,
            state,
            tls,
            step_timeout,
            stream: Some(Stream::Plain(socket)),
            cursor: 0,
            pace: None,
            websocket: None,
            http: Vec::new(),
            control_frames: 0,
            said_close: false,
        }
    }

    /// Carries out `steps`, then reads on in silence; records the first step that fails, and closes the connection.
    pub(crate) fn run(mut self, steps: &[Step]) {
        for (position, step) in steps.iter().enumerate() {
            let done = if self.stream.is_some() {
                self.step(&step.0)
            } else {
                Err("never reached: the step before it ends the connection, and each connection has a script of its own"
                    .to_owned())
            };
            if let Err(mismatch) = done {
                let number = self.number;
                self.state.change(|state| {
                    if !state.aborted {
                        let problem = format!("connection {number}, step {position}: {step}: {mismatch}");
                        state.record.problems.push(problem);
                    }
                });
                self.hang_up();
                return;
            }
        }
        if self.stream.is_some() {
            self.silence();
        }
        self.hang_up();
    }

    /// Closes a connection that the script does not know of, and says so.
    pub(crate) fn refuse(mut self) {
        let number = self.number;
        self.state.change(|state| {
            state.record.problems.push(format!("connection {number} is not in the script"));
        });
        self.hang_up();
    }

    fn step(&mut self, action: &Action) -> Result<(), Mismatch> {
        match action {
            Action::Expect(expected) => {
                let packet = self.next_packet(Patience::Step)?;
                if expected.matches(&packet) { Ok(()) } else { Err(format!("got {packet}")) }
            }
            Action::ExpectBytes(expected) => {
                let bytes = self.next_bytes(expected.len())?;
                if bytes == *expected { Ok(()) } else { Err(format!("got {}", hex(&bytes))) }
            }
            Action::ExpectEnd => self.expect_end(),
            Action::Receive(count) => self.next_bytes(*count).map(drop),
            Action::Pace { chunk, pause } => {
                self.pace = Some((*chunk, *pause));
                Ok(())
            }
            Action::Send { bytes, chunk, pause } => {
                for (number, piece) in bytes.chunks(*chunk).enumerate() {
                    if number > 0 {
                        self.pause(*pause);
                    }
                    self.send(piece)?;
                }
                Ok(())
            }
            Action::SendBeneathWebSocket(bytes) => self.on_stream(|stream| stream.write_all(bytes)),
            Action::SendBeneathTls(bytes) => self.on_stream(|stream| stream.write_beneath(bytes)),
            Action::FatalAlert => self.on_stream(Stream::fatal_alert),
            Action::Accept { session_present } => self.send(&match self.look(Conversation::level) {
                5 => encode::connack_v5(*session_present, 0, &[]),
                _ => encode::connack(*session_present, 0),
            }),
            Action::Respond { kind, id, reason } => {
                let id = self
                    .look(|conversation| conversation.packet_id(*id, self.cursor))
                    .ok_or("no packet with an identifier has come")?;
                self.send(&match reason {
                    None => encode::ack(*kind, id),
                    Some(reason) => encode::ack_v5(*kind, id, *reason),
                })
            }
            Action::Answer(answer) => {
                // Outside the lock: the answer is the test's code and may take its time.
                let conversation = self.look(Clone::clone);
                self.send(&answer(&conversation))
            }
            Action::Pause(time) => {
                self.pause(*time);
                Ok(())
            }
            Action::WaitFor(gate) => {
                let deadline = Instant::now() + self.step_timeout;
                while !gate.wait(Duration::from_millis(20)) {
                    if Instant::now() > deadline || self.state.read(|state| state.aborted) {
                        return Err(format!("it was not opened within {:?}", self.step_timeout));
                    }
                }
                Ok(())
            }
            Action::StartTls => self.handshake(),
            Action::ExpectTlsFailure => match self.handshake() {
                Ok(()) => Err("it succeeded".to_owned()),
                Err(_) => Ok(()),
            },
            Action::ExpectUpgrade => self.expect_upgrade(),
            Action::SwitchToWebSocket => {
                self.switch_to_websocket();
                Ok(())
            }
            Action::StartWebSocket => self.start_websocket(),
            Action::ExpectControl { opcode, payload } => self.expect_control(*opcode, payload),
            Action::Serve => self.serve(),
            Action::HalfClose => {
                self.say_close();
                if let Some(stream) = &mut self.stream {
                    stream.close_notify();
                    let _ = stream.socket().shutdown(Shutdown::Write);
                }
                Ok(())
            }
            Action::Close { notify } => {
                if *notify {
                    self.say_close();
                }
                if let Some(stream) = &mut self.stream
                    && *notify
                {
                    stream.close_notify();
                }
                self.hang_up();
                Ok(())
            }
            Action::Reset => {
                if let Some(stream) = &self.stream {
                    let _ = SockRef::from(stream.socket()).set_linger(Some(Duration::ZERO));
                }
                self.forget_socket();
                self.end(End::ByScript);
                Ok(())
            }
            Action::Silence => {
                self.silence();
                Ok(())
            }
            Action::Deaf => {
                self.state.wait(FOREVER, |state| state.finishing.then_some(()));
                self.hang_up();
                Ok(())
            }
        }
    }

    fn look<R>(&self, look: impl FnOnce(&Conversation) -> R) -> R {
        self.state.read(|state| look(&state.record.conversations[self.number]))
    }

    fn note<R>(&self, change: impl FnOnce(&mut Conversation) -> R) -> R {
        self.state.change(|state| change(&mut state.record.conversations[self.number]))
    }

    fn end(&self, end: End) {
        self.note(|conversation| {
            conversation.ended.get_or_insert_with(|| (Instant::now(), end));
        });
    }

    /// Drops every handle of the socket, which is what closes it.
    fn forget_socket(&mut self) {
        self.state.change(|state| state.sockets.remove(&self.number));
        self.stream = None;
    }

    /// Closes the connection with FIN, after taking in what has already come: the kernel sends RST when bytes are
    /// left unread.
    fn hang_up(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.socket().shutdown(Shutdown::Write);
        }
        // Not before: a test that waits for it relies on the client's being told.
        self.end(End::ByScript);
        self.pace = None;
        let deadline = Instant::now() + LINGER;
        if self.stream.is_some() {
            while matches!(self.fill(Duration::from_millis(1)), Ok(true)) && Instant::now() < deadline {}
        }
        self.forget_socket();
    }

    fn pause(&self, time: Duration) {
        if !time.is_zero() {
            self.state.wait(time, |state| state.aborted.then_some(()));
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        // Noted before it is written: the client's answer must not stand before it in the record.
        self.note(|conversation| conversation.sent.push((Instant::now(), bytes.to_vec())));
        let framed = self.websocket.is_some().then(|| websocket::frame(Opcode::Binary, bytes));
        self.on_stream(|stream| stream.write_all(framed.as_deref().unwrap_or(bytes)))
    }

    fn on_stream(&mut self, send: impl FnOnce(&mut Stream) -> io::Result<()>) -> Result<(), Mismatch> {
        let stream = self.stream.as_mut().ok_or("the connection is closed")?;
        send(stream).map_err(|error| format!("could not send: {error}"))
    }

    /// Reads until the client ends the connection, or the test does.
    fn silence(&mut self) {
        let _ = self.read_until(Patience::Test, |_, _| None::<()>);
        self.end(End::ByScript);
        self.forget_socket();
    }

    fn serve(&mut self) -> Result<(), Mismatch> {
        loop {
            let Ok(packet) = self.next_packet(Patience::Test) else {
                self.end(End::ByScript);
                self.forget_socket();
                return Ok(());
            };
            let answer = match &packet {
                Packet::Connect(connect) if connect.level == 5 => encode::connack_v5(false, 0, &[]),
                Packet::Connect(_) => encode::connack(false, 0),
                Packet::Publish(publish) => match (publish.qos, publish.packet_id) {
                    (1, Some(id)) => encode::puback(id),
                    (2, Some(id)) => encode::pubrec(id),
                    _ => continue,
                },
                Packet::Ack(ack) if ack.kind == PacketType::PubRel => encode::pubcomp(ack.packet_id),
                Packet::Other { kind: PacketType::PingReq, .. } => encode::pingresp(),
                Packet::Disconnect { .. } => continue,
                unexpected => return Err(format!("got {unexpected}")),
            };
            self.send(&answer)?;
        }
    }
}
