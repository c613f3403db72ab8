//! What a scripted broker does on a connection, one [`Step`] after the other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::expect::Expect;
use crate::packet::PacketType;
use crate::process::Watched;
use crate::record::{Conversation, hex};
use crate::websocket::Opcode;

/// One step of a script. The bytes to send are made with [`encode`](crate::encode).
#[derive(Clone)]
#[must_use]
pub struct Step(pub(crate) Action);

type Answer = Arc<dyn Fn(&Conversation) -> Vec<u8> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Action {
    Expect(Expect),
    ExpectBytes(Vec<u8>),
    ExpectEnd,
    Receive(usize),
    Pace { chunk: usize, pause: Duration },
    Send { bytes: Vec<u8>, chunk: usize, pause: Duration },
    SendBeneathWebSocket(Vec<u8>),
    SendBeneathTls(Vec<u8>),
    FatalAlert,
    Accept { session_present: bool },
    Respond { kind: PacketType, id: PacketId, reason: Option<u8> },
    Answer(Answer),
    Pause(Duration),
    WaitFor(Gate),
    StartTls,
    ExpectTlsFailure,
    ExpectUpgrade,
    SwitchToWebSocket,
    StartWebSocket,
    ExpectControl { opcode: Opcode, payload: Vec<u8> },
    Serve,
    HalfClose,
    Close { notify: bool },
    Reset,
    Silence,
    Deaf,
}

/// Which packet identifier an acknowledgement carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketId {
    /// That of the last packet with one among those that the steps before have waited for: the right one in an
    /// ordinary exchange.
    Last,
    /// That of the n-th PUBLISH with an identifier received on this connection, from 0: for answers out of order.
    OfPublish(usize),
    /// One that the client does not use: the last one plus 1000.
    Other,
    /// This one.
    Exactly(u16),
}

impl Step {
    /// Waits for the next packet, which must be as expected.
    pub fn expect(expected: Expect) -> Self {
        Self(Action::Expect(expected))
    }

    /// Waits for as many bytes as these, which must be these.
    pub fn expect_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Action::ExpectBytes(bytes.into()))
    }

    /// Waits until the client ends the connection, in whatever way; nothing more may come before.
    pub fn expect_end() -> Self {
        Self(Action::ExpectEnd)
    }

    /// Waits for `count` bytes, whatever they are: to stop in the midst of a packet.
    pub fn receive(count: usize) -> Self {
        Self(Action::Receive(count))
    }

    /// From here on reads at most `chunk` bytes at a time and pauses after each.
    pub fn read_slowly(chunk: usize, pause: Duration) -> Self {
        Self(Action::Pace { chunk, pause })
    }

    /// Sends bytes, in one write, with WebSocket in one frame. What the client is to get even if it closes the connection after the first part, such
    /// as an acknowledgement twice, must be one step: to send on a closed connection is a problem.
    pub fn send(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Action::Send { bytes: bytes.into(), chunk: usize::MAX, pause: Duration::ZERO })
    }

    /// Sends bytes in pieces of `chunk`, each a write (with TLS a record, with WebSocket a frame) of its own, with a pause between them.
    pub fn send_slowly(bytes: impl Into<Vec<u8>>, chunk: usize, pause: Duration) -> Self {
        Self(Action::Send { bytes: bytes.into(), chunk: chunk.max(1), pause })
    }

    /// Sends bytes as they are, past WebSocket, but within TLS: frames of choice, made with [`frame`](crate::websocket::frame)
    /// and [`frame_with`](crate::websocket::frame_with). The record of the conversation does not hold them.
    pub fn send_beneath_websocket(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Action::SendBeneathWebSocket(bytes.into()))
    }

    /// Sends bytes as they are, past TLS: what the client then finds where it looks for a record. Without TLS it is
    /// [`send`](Self::send), but that the record of the conversation does not hold it.
    pub fn send_beneath_tls(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Action::SendBeneathTls(bytes.into()))
    }

    /// Has TLS send the fatal alert `bad_record_mac`, as it does when a record was changed on its way. Nothing can be sent
    /// afterwards, and no `close_notify` follows. Without TLS it is a problem.
    pub fn fatal_alert() -> Self {
        Self(Action::FatalAlert)
    }

    /// Accepts the connection: CONNACK with code 0, in the version of the CONNECT that came.
    pub fn accept(session_present: bool) -> Self {
        Self(Action::Accept { session_present })
    }

    /// Acknowledges the last packet that has an identifier: `kind` is PUBACK, PUBREC or PUBCOMP.
    pub fn respond(kind: PacketType) -> Self {
        Self::respond_with_id(kind, PacketId::Last)
    }

    /// Acknowledges with an identifier of choice.
    pub fn respond_with_id(kind: PacketType, id: PacketId) -> Self {
        Self(Action::Respond { kind, id, reason: None })
    }

    /// Acknowledges the last packet that has an identifier with a reason code of MQTT 5.
    pub fn respond_v5(kind: PacketType, reason: u8) -> Self {
        Self(Action::Respond { kind, id: PacketId::Last, reason: Some(reason) })
    }

    /// Sends what `answer` makes of the conversation so far.
    pub fn answer(answer: impl Fn(&Conversation) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self(Action::Answer(Arc::new(answer)))
    }

    /// Does nothing for this time, not even read.
    pub fn pause(time: Duration) -> Self {
        Self(Action::Pause(time))
    }

    /// Does nothing until the test opens the gate.
    pub fn wait_for(gate: &Gate) -> Self {
        Self(Action::WaitFor(gate.clone()))
    }

    /// Does the TLS handshake here; for
    /// [`raw_connection`](crate::script::ScriptedBrokerBuilder::raw_connection).
    pub fn start_tls() -> Self {
        Self(Action::StartTls)
    }

    /// Does the TLS handshake here, which must fail, on whichever side; for
    /// [`raw_connection`](crate::script::ScriptedBrokerBuilder::raw_connection).
    pub fn expect_tls_failure() -> Self {
        Self(Action::ExpectTlsFailure)
    }

    /// Waits for the request that begins a WebSocket, which must be sound, and says nothing: the next step is the answer.
    /// For [`raw_connection`](crate::script::ScriptedBrokerBuilder::raw_connection).
    pub fn expect_upgrade() -> Self {
        Self(Action::ExpectUpgrade)
    }

    /// Speaks WebSocket from here on, without a word: after an answer of the script's own.
    pub fn switch_to_websocket() -> Self {
        Self(Action::SwitchToWebSocket)
    }

    /// Begins WebSocket here: waits for the request, unless that was done, and accepts it; for
    /// [`raw_connection`](crate::script::ScriptedBrokerBuilder::raw_connection).
    pub fn start_websocket() -> Self {
        Self(Action::StartWebSocket)
    }

    /// Waits for the next Close, Ping or Pong, which must be this one. Ping and Close are answered whether or not a script
    /// waits for them.
    pub fn expect_control(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        Self(Action::ExpectControl { opcode, payload: payload.into() })
    }

    /// Behaves as a sound broker until the client ends the connection: accepts it, acknowledges every message,
    /// answers pings. It knows no subscriptions.
    pub fn serve() -> Self {
        Self(Action::Serve)
    }

    /// Ends the broker's direction of the connection (FIN; with TLS `close_notify` before it, with WebSocket a
    /// Close frame before that) and goes on reading.
    pub fn half_close() -> Self {
        Self(Action::HalfClose)
    }

    /// Closes the connection in order: FIN, with TLS `close_notify` before it, with WebSocket a Close frame before that.
    pub fn close() -> Self {
        Self(Action::Close { notify: true })
    }

    /// Closes the connection with FIN, with TLS without `close_notify`, with WebSocket without a Close frame, as a crash or an attacker would.
    pub fn close_without_notify() -> Self {
        Self(Action::Close { notify: false })
    }

    /// Breaks the connection off: RST.
    pub fn reset() -> Self {
        Self(Action::Reset)
    }

    /// Says nothing more, reads and records what comes, until the client ends the connection or the test ends. This is
    /// also what happens after the last step of a script.
    pub fn silence() -> Self {
        Self(Action::Silence)
    }

    /// Neither says nor reads anything more until the test ends, so that the client's send buffer fills up.
    pub fn deaf() -> Self {
        Self(Action::Deaf)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Action::Expect(expected) => write!(f, "expect {expected}"),
            Action::ExpectBytes(bytes) => write!(f, "expect bytes {}", hex(bytes)),
            Action::ExpectEnd => f.write_str("expect the end of the connection"),
            Action::Receive(count) => write!(f, "receive {count} bytes"),
            Action::Pace { chunk, pause } => write!(f, "read {chunk} bytes every {pause:?}"),
            Action::Send { bytes, .. } => write!(f, "send {}", hex(bytes)),
            Action::SendBeneathWebSocket(bytes) => write!(f, "send beneath WebSocket {}", hex(bytes)),
            Action::SendBeneathTls(bytes) => write!(f, "send beneath TLS {}", hex(bytes)),
            Action::FatalAlert => f.write_str("fatal alert"),
            Action::Accept { session_present } => write!(f, "accept, session present: {session_present}"),
            Action::Respond { kind, id, .. } => write!(f, "respond {kind} with identifier {id:?}"),
            Action::Answer(_) => f.write_str("answer"),
            Action::Pause(time) => write!(f, "pause {time:?}"),
            Action::WaitFor(_) => f.write_str("wait for the gate"),
            Action::StartTls => f.write_str("TLS handshake"),
            Action::ExpectTlsFailure => f.write_str("expect a TLS handshake that fails"),
            Action::ExpectUpgrade => f.write_str("expect the request for a WebSocket"),
            Action::SwitchToWebSocket => f.write_str("switch to WebSocket"),
            Action::StartWebSocket => f.write_str("WebSocket handshake"),
            Action::ExpectControl { opcode, payload } => write!(f, "expect {opcode:?} {}", hex(payload)),
            Action::Serve => f.write_str("serve"),
            Action::HalfClose => f.write_str("half-close"),
            Action::Close { notify: true } => f.write_str("close"),
            Action::Close { notify: false } => f.write_str("close without close_notify"),
            Action::Reset => f.write_str("reset"),
            Action::Silence => f.write_str("silence"),
            Action::Deaf => f.write_str("deaf"),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Holds a script back until the test lets it go on; see [`Step::wait_for`].
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Watched<bool>>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it, for good.
    pub fn open(&self) {
        self.0.change(|open| *open = true);
    }

    /// Whether it is open, or was opened within `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        self.0.wait(timeout, |open| open.then_some(())).is_some()
    }
}
