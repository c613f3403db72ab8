//! What lies beneath MQTT: TLS and WebSocket, how they begin, frames, and how they end.

use std::net::Shutdown;
use std::time::Instant;

use super::reading::{GLANCE, Patience};
use super::{Connection, LINGER, Mismatch};
use crate::record::{End, hex};
use crate::websocket::{self, Decoder, Frame, Opcode, Upgrade};

impl Connection {
    /// Does the server's part of the TLS handshake.
    pub(super) fn handshake(&mut self) -> Result<(), Mismatch> {
        let config = self.tls.clone().ok_or("the broker was built without TLS")?;
        let stream = self.stream.take().ok_or("the connection is closed")?;
        let deadline = Instant::now() + self.step_timeout;
        let over = || Instant::now() > deadline || self.state.read(|state| state.aborted);
        let (mut stream, outcome) = stream.handshake(config, over);
        match &outcome {
            Ok(()) => self.note(|conversation| conversation.tls = stream.tls_facts()),
            Err(error) => {
                self.note(|conversation| conversation.tls_error = Some(error.clone()));
                // Were it closed at once, with bytes unread, the RST could overtake the alert that says why.
                let _ = stream.socket().shutdown(Shutdown::Write);
                stream.drain(LINGER);
                self.end(End::ByScript);
            }
        }
        self.stream = outcome.is_ok().then_some(stream);
        if self.stream.is_none() {
            self.forget_socket();
        }
        outcome
    }

    /// Waits for the request, which must be sound; says nothing.
    pub(super) fn expect_upgrade(&mut self) -> Result<(), Mismatch> {
        let started = Instant::now();
        let end = loop {
            if let Some(at) = self.http.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let aborted = self.state.read(|state| state.aborted);
            match self.read_once(GLANCE) {
                Ok(Some(bytes)) => self.http.extend_from_slice(&bytes),
                Ok(None) if !aborted && started.elapsed() < self.step_timeout => {}
                Ok(None) => return Err(format!("nothing came in time; what came is {}", hex(&self.http))),
                Err(end) => {
                    return Err(format!("the connection ended ({end:?}); what came is {}", hex(&self.http)));
                }
            }
        };
        let behind = self.http.split_off(end);
        let request = std::mem::replace(&mut self.http, behind);
        let upgrade =
            Upgrade::parse(&request).map_err(|why| format!("got {why}: {}", request.escape_ascii()))?;
        upgrade.check().map_err(|why| format!("got {why}: {}", request.escape_ascii()))?;
        self.note(|conversation| conversation.upgrade = Some(upgrade));
        Ok(())
    }

    /// Takes what comes from here on for frames, and sends frames.
    pub(super) fn switch_to_websocket(&mut self) {
        self.websocket = Some(Decoder::new(std::mem::take(&mut self.http)));
        self.take_frames(&[]);
    }

    /// Waits for the request unless it has come, and accepts it.
    pub(super) fn start_websocket(&mut self) -> Result<(), Mismatch> {
        if self.look(|conversation| conversation.upgrade.is_none()) {
            self.expect_upgrade()?;
        }
        let answer = self.look(|conversation| conversation.upgrade.as_ref().map(Upgrade::accept));
        self.on_stream(|stream| stream.write_all(&answer.unwrap_or_default()))?;
        self.switch_to_websocket();
        Ok(())
    }

    /// Waits for the next control frame, which must be this one.
    pub(super) fn expect_control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Mismatch> {
        let skip = self.control_frames;
        let is_control = |frame: &&Frame| frame.opcode as u8 >= 8;
        let frame = self.read_until(Patience::Step, |conversation, _| {
            conversation.frames.iter().filter(is_control).nth(skip).cloned()
        })?;
        self.control_frames += 1;
        let fits = frame.opcode == opcode && frame.payload == payload;
        if fits { Ok(()) } else { Err(format!("got {frame}")) }
    }

    /// Sends a Close frame, once; nothing without WebSocket.
    pub(super) fn say_close(&mut self) {
        if self.websocket.is_some() && !self.said_close {
            self.said_close = true;
            let _ = self.on_stream(|stream| stream.write_all(&websocket::close(1000, "")));
        }
    }

    /// Takes in frames: their content is the conversation's, Ping and Close are answered.
    pub(super) fn take_frames(&mut self, bytes: &[u8]) {
        let Some(mut decoder) = self.websocket.take() else { return };
        decoder.feed(bytes);
        let mut frames = Vec::new();
        let mut forbidden = None;
        while forbidden.is_none() {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(why) => forbidden = Some(why),
            }
        }
        self.websocket = Some(decoder);
        for frame in frames {
            let (opcode, payload) = (frame.opcode, frame.payload.clone());
            self.note(|conversation| {
                conversation.frames.push(frame);
                if matches!(opcode, Opcode::Binary | Opcode::Continuation) {
                    conversation.receive(&payload);
                }
            });
            match opcode {
                Opcode::Ping => {
                    let _ =
                        self.on_stream(|stream| stream.write_all(&websocket::frame(Opcode::Pong, &payload)));
                }
                // The server is the one to close the connection then (section 7.1.1).
                Opcode::Close => {
                    self.say_close();
                    if let Some(stream) = &mut self.stream {
                        stream.close_notify();
                        let _ = stream.socket().shutdown(Shutdown::Write);
                    }
                }
                Opcode::Binary | Opcode::Continuation | Opcode::Text | Opcode::Pong => {}
            }
        }
        if let Some(why) = forbidden {
            let number = self.number;
            self.state.change(|state| {
                state.record.problems.push(format!("connection {number}: the client sent {why}"));
            });
            self.websocket = None;
        }
    }
}
