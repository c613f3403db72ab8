//! What connects the servers of a cluster: [`Routes`], of which those of one server can be cut.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::port;
use crate::process::lock;

/// From each server to each other one, over a port of loopback of its own.
#[derive(Debug)]
pub(crate) struct Routes {
    /// By the numbers of the servers: from which, to which.
    ports: HashMap<(usize, usize), u16>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The server that nobody reaches, and that reaches nobody.
    cut_off: Option<usize>,
    is_over: bool,
    /// Both ends of each connection, by the numbers of the servers.
    connections: Vec<((usize, usize), [TcpStream; 2])>,
}

impl Routes {
    /// To the servers that listen for others on these ports.
    #[track_caller]
    pub(crate) fn start(servers: &[u16]) -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let mut ports = HashMap::new();
        for from in 0..servers.len() {
            for (to, target) in servers.iter().copied().enumerate().filter(|(to, _)| *to != from) {
                let (address, listener) = port::listen(None);
                ports.insert((from, to), address.port());
                let shared = Arc::clone(&shared);
                thread::spawn(move || carry((from, to), &listener, target, &shared));
            }
        }
        Self { ports, shared }
    }

    /// Where a server reaches the others.
    pub(crate) fn of(&self, server: usize) -> Vec<u16> {
        let theirs = self.ports.iter().filter(|((from, _), _)| *from == server);
        theirs.map(|(_, port)| *port).collect()
    }

    /// Cuts what connects a server to the others; or nothing any more.
    pub(crate) fn cut_off(&self, server: Option<usize>) {
        let mut shared = lock(&self.shared);
        shared.cut_off = server;
        shared.connections.retain(|((from, to), ends)| {
            let is_cut = server == Some(*from) || server == Some(*to);
            if is_cut {
                end(ends);
            }
            !is_cut
        });
    }
}

impl Drop for Routes {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.is_over = true;
        shared.connections.iter().for_each(|(_, ends)| end(ends));
        for port in self.ports.values() {
            // It hears that it is over.
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, *port));
        }
    }
}

fn end(ends: &[TcpStream; 2]) {
    for connection in ends {
        // It may have ended.
        let _ = connection.shutdown(Shutdown::Both);
    }
}

/// Moves bytes between whoever connects and the server that listens on `target`.
fn carry(servers: (usize, usize), listener: &TcpListener, target: u16, shared: &Mutex<Shared>) {
    while let Ok((near, _)) = listener.accept() {
        let mut shared = lock(shared);
        if shared.is_over {
            return;
        }
        if shared.cut_off.is_some_and(|server| server == servers.0 || server == servers.1) {
            continue;
        }
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else { continue };
        let copies = [(near.try_clone(), far.try_clone()), (far.try_clone(), near.try_clone())];
        for (from, to) in copies {
            let (Ok(mut from), Ok(mut to)) = (from, to) else { continue };
            thread::spawn(move || {
                // Either side may end it, or the cut.
                let _ = io::copy(&mut from, &mut to);
                end(&[from, to]);
            });
        }
        shared.connections.push((servers, [near, far]));
    }
}
