//! What has left, to the byte; and what comes on a quiet connection.

use std::collections::VecDeque;
use std::task::Waker;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What the stream below does at each call: takes so many bytes, or nothing for now.
struct Below {
    room: VecDeque<usize>,
    /// Whether it keeps what it has taken until it is flushed, as TLS does.
    keeps: bool,
    flushes: VecDeque<bool>,
    kept: Vec<u8>,
    left: Vec<u8>,
    comes: VecDeque<Vec<u8>>,
}

impl Below {
    fn new(room: impl IntoIterator<Item = usize>) -> Self {
        Self {
            room: room.into_iter().collect(),
            keeps: false,
            flushes: VecDeque::new(),
            kept: Vec::new(),
            left: Vec::new(),
            comes: VecDeque::new(),
        }
    }
}

impl AsyncWrite for Below {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let room = this.room.pop_front().unwrap_or(usize::MAX).min(bytes.len());
        if room == 0 {
            return Poll::Pending;
        }
        if this.keeps { &mut this.kept } else { &mut this.left }.extend_from_slice(&bytes[..room]);
        Poll::Ready(Ok(room))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.flushes.pop_front().unwrap_or(true) {
            return Poll::Pending;
        }
        this.left.append(&mut this.kept);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

impl AsyncRead for Below {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().comes.pop_front() {
            None => Poll::Pending,
            Some(bytes) => {
                out.put_slice(&bytes);
                Poll::Ready(Ok(()))
            }
        }
    }
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn over(below: Below) -> WebSocket<Below> {
    WebSocket::new(below, BytesMut::new())
}

/// The payloads of the frames that have left whole, and how many bytes of payload there are of the one that has not.
fn payloads(mut bytes: &[u8]) -> (Vec<(u8, Vec<u8>)>, usize) {
    let mut payloads = Vec::new();
    loop {
        let Some((head, rest)) = bytes.split_first_chunk::<2>() else { return (payloads, 0) };
        assert_eq!(head[1] & 0x80, 0x80, "a client masks");
        let (length, rest) = match head[1] & 0x7f {
            126 => match rest.split_first_chunk::<2>() {
                Some((length, rest)) => (usize::from(u16::from_be_bytes(*length)), rest),
                None => return (payloads, 0),
            },
            length => (usize::from(length), rest),
        };
        let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return (payloads, 0) };
        if rest.len() < length {
            return (payloads, rest.len());
        }
        let payload =
            rest[..length].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        payloads.push((head[0] & 0x0f, payload));
        bytes = &rest[length..];
    }
}

/// Writes as a connection does: bytes that were not taken are offered again. How many have been taken.
fn write(socket: &mut WebSocket<Below>, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        match Pin::new(&mut *socket).poll_write(&mut noop(), &bytes[taken..]) {
            Poll::Ready(count) => taken += count.unwrap(),
            Poll::Pending => break,
        }
    }
    taken
}

#[test]
fn what_it_has_taken_has_left_to_the_byte() {
    let message: Vec<u8> = (0..=255).cycle().take(40_000).collect();
    // Whatever the network has room for, wherever in a frame that ends.
    for room in (1..40).chain([125, 126, 16_383, 16_384, 16_385, 32_000]) {
        let mut socket = over(Below::new([room, 0]));
        let taken = write(&mut socket, &message);
        let (whole, part) = payloads(&socket.stream.left);
        let left: usize = whole.iter().map(|(_, payload)| payload.len()).sum::<usize>() + part;
        assert_eq!(taken, left, "room for {room}");
        // And goes on where it was.
        assert_eq!(taken + write(&mut socket, &message[taken..]), message.len());
        let (whole, part) = payloads(&socket.stream.left);
        let all: Vec<u8> = whole.iter().flat_map(|(_, payload)| payload.clone()).collect();
        assert!(part == 0 && all == message, "room for {room}");
    }
}

#[test]
fn a_frame_fits_a_record_of_tls() {
    let mut socket = over(Below::new([]));
    assert_eq!(write(&mut socket, &[7; 50_000]), 50_000);
    let (frames, _) = payloads(&socket.stream.left);
    let longest = frames.iter().map(|(_, payload)| payload.len()).max().unwrap();
    assert_eq!((longest, longest + frames::MAX_HEADER), (PORTION, tls::RECORD));
}

/// A ping, as it comes from a server.
const PING: &[u8] = &[0x89, 2, b'h', b'i'];

fn read(socket: &mut WebSocket<Below>) -> Poll<Vec<u8>> {
    let mut out = [0; 64];
    let mut out = ReadBuf::new(&mut out);
    Pin::new(socket)
        .poll_read(&mut noop(), &mut out)
        .map(|read| read.map(|()| out.filled().to_vec()).unwrap())
}

#[test]
fn an_answer_waits_for_the_frame_that_is_under_way() {
    // The header and 2 bytes of the payload have left when the ping comes.
    let mut socket = over(Below::new([8, 0, 0]));
    assert_eq!(write(&mut socket, b"message"), 2);
    socket.stream.comes.push_back(PING.to_vec());
    assert!(read(&mut socket).is_pending());
    assert_eq!(write(&mut socket, b"ssage"), 0, "there is still no room");
    assert_eq!(write(&mut socket, b"ssage"), 5);
    assert!(Pin::new(&mut socket).poll_flush(&mut noop()).is_ready());
    let (frames, _) = payloads(&socket.stream.left);
    assert_eq!(frames, [(2, b"message".to_vec()), (10, b"hi".to_vec())]);
}

/// Behind the message, it would keep the flush that says when the message has left.
#[test]
fn an_answer_is_not_put_behind_data_that_has_not_left() {
    let mut below = Below::new([]);
    below.keeps = true;
    below.flushes.push_back(false);
    let mut socket = over(below);
    assert_eq!(write(&mut socket, b"message"), 7);
    assert!(Pin::new(&mut socket).poll_flush(&mut noop()).is_pending());
    socket.stream.comes.push_back(PING.to_vec());
    assert!(read(&mut socket).is_pending());
    assert_eq!(payloads(&socket.stream.kept).0.len(), 1, "the message alone");
    // That the answer cannot be flushed does not matter to it.
    socket.stream.flushes.extend([true, false]);
    assert!(Pin::new(&mut socket).poll_flush(&mut noop()).is_ready());
    assert_eq!(payloads(&socket.stream.left).0, [(2, b"message".to_vec())]);
    assert!(read(&mut socket).is_pending());
    assert_eq!(payloads(&socket.stream.left).0.len(), 2);
}

#[test]
fn only_the_last_of_many_pings_is_answered() {
    let mut socket = over(Below::new([0]));
    socket.stream.comes.push_back([0x89, 1, b'a', 0x89, 1, b'b', 0x89, 1, b'c'].to_vec());
    assert!(read(&mut socket).is_pending());
    assert!(read(&mut socket).is_pending());
    let (frames, _) = payloads(&socket.stream.left);
    assert_eq!(frames.last(), Some(&(10, b"c".to_vec())));
    assert!(frames.len() <= 3);
}

#[tokio::test]
async fn after_our_close_frame_nothing_is_written_and_the_brokers_is_the_end() {
    let mut socket = over(Below::new([]));
    socket.shutdown().await.unwrap();
    assert_eq!(payloads(&socket.stream.left).0, [(8, NORMAL.to_be_bytes().to_vec())]);
    assert_eq!(socket.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    socket.stream.comes.extend([vec![0x82, 1, b'x'], vec![0x88, 2, 3, 0xe8], vec![0x82, 9, 0], vec![]]);
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"x");
}
