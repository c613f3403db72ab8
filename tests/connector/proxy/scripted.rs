//! A proxy that says what a test tells it to, and then perhaps does what a proxy is for.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use crate::support::PATIENCE;

/// What it waits for, and what it says then.
pub(super) type Line = (Vec<u8>, Vec<u8>);

/// What it does when everything is said.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// Passes on what it gets, and back.
    Carry(SocketAddr),
    /// Says nothing until the client ends the connection.
    Silence,
    Close,
}

/// A proxy for so many connections, one after the other.
pub(super) struct ScriptedProxy {
    address: SocketAddr,
    thread: JoinHandle<io::Result<()>>,
}

impl ScriptedProxy {
    pub(super) fn start(connections: usize, lines: Vec<Line>, then: Then) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            for _ in 0..connections {
                let (client, _) = listener.accept()?;
                converse(client, &lines, then)?;
            }
            Ok(())
        });
        Self { address, thread }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// That it was asked for what it waited for, so many times.
    pub(super) fn finish(self) {
        // One that was asked too rarely waits for more.
        drop(TcpStream::connect(self.address));
        self.thread.join().unwrap().unwrap();
    }
}

fn converse(mut client: TcpStream, lines: &[Line], then: Then) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_nodelay(true)?;
    for (wanted, said) in lines {
        let mut heard = vec![0; wanted.len()];
        client.read_exact(&mut heard)?;
        if heard != *wanted {
            return Err(io::Error::other(format!("it heard {:?}", String::from_utf8_lossy(&heard))));
        }
        // In pieces, as a network may deliver it.
        for byte in said {
            match client.write_all(&[*byte]) {
                // A client that has been refused need not hear the rest.
                Err(error) if is_gone(&error) && !matches!(then, Then::Carry(_)) => return Ok(()),
                written => written?,
            }
        }
    }
    match then {
        // It may have gone by now.
        Then::Close => drop(client.shutdown(Shutdown::Write)),
        Then::Silence => {}
        Then::Carry(target) => return carry(&client, &TcpStream::connect(target)?),
    }
    // A client that goes away with something unread resets the connection.
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    if rest.is_empty() { Ok(()) } else { Err(io::Error::other(format!("it heard {rest:?} besides"))) }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

fn carry(client: &TcpStream, target: &TcpStream) -> io::Result<()> {
    let pass = |mut from: &TcpStream, mut to: &TcpStream| {
        let passed = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
        passed
    };
    thread::scope(|scope| {
        let back = scope.spawn(|| pass(target, client));
        pass(client, target)?;
        back.join().map_or_else(|_| Err(io::Error::other("a thread failed")), |passed| passed.map(drop))
    })
}
