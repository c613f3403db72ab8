//! The proxy's faults, one at a time, with bare sockets on both sides.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector_tests::{Faults, Proxy};

/// A proxy, both ends of a connection through it, and what listens behind it.
fn connected(seed: u64, faults: Faults) -> (Proxy, TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(listener.local_addr().expect("an address"), seed, faults);
    let client = TcpStream::connect(proxy.address()).expect("the proxy accepts");
    let (broker, _) = listener.accept().expect("the proxy connects");
    (proxy, client, broker, listener)
}

/// What comes until the connection ends, in whatever way, and whether that was in order.
fn rest(mut stream: &TcpStream) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => (bytes, true),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            (bytes, false)
        }
    }
}

#[test]
fn without_faults_bytes_and_ends_pass_as_they_are() {
    let (proxy, mut client, mut broker, _listener) = connected(1, Faults::none());
    let message: Vec<u8> = (0..200_000).map(|number| (number % 251) as u8).collect();
    let sent = message.clone();
    let writer = thread::spawn(move || {
        client.write_all(&sent).expect("the proxy reads");
        client.shutdown(Shutdown::Write).expect("an open connection");
        client
    });
    assert_eq!(rest(&broker), (message, true));
    // One direction has ended, the other goes on.
    broker.write_all(b"answer").expect("the proxy reads");
    drop(broker);
    let client = writer.join().expect("all was written");
    assert_eq!(rest(&client), (b"answer".to_vec(), true));
    let happened = proxy.happened();
    assert_eq!((happened.connections, happened.cuts, happened.swallows), (1, 0, 0));
}

#[test]
fn a_cut_comes_after_the_same_bytes_for_the_same_seed() {
    let faults = Faults { cut: 1.0, reach_to_broker: 1000, longest_hold: Duration::ZERO, ..Faults::none() };
    let passed = |seed| {
        let (proxy, mut client, broker, _listener) = connected(seed, faults);
        client.write_all(&[7; 1000]).expect("the proxy has not cut yet");
        let (bytes, at_broker) = rest(&broker);
        let (answer, at_client) = rest(&client);
        assert_eq!((answer.len(), proxy.happened().cuts), (0, 1));
        (bytes.len(), at_broker, at_client)
    };
    let first: Vec<_> = (0..40).map(passed).collect();
    assert!(first.iter().all(|(bytes, ..)| (1..=1000).contains(bytes)), "{first:?}");
    let again: Vec<_> = (0..40).map(|seed| passed(seed).0).collect();
    assert_eq!(first.iter().map(|(bytes, ..)| *bytes).collect::<Vec<_>>(), again);
    for in_order in [true, false] {
        assert!(first.iter().any(|(_, at_broker, _)| *at_broker == in_order), "FIN and RST: {first:?}");
    }
    assert!(first.iter().any(|(.., at_client)| !at_client), "RST: {first:?}");
}

#[test]
fn what_the_broker_says_is_swallowed_and_what_the_client_says_is_not() {
    let hold = Duration::from_secs(30);
    let faults = Faults {
        swallow: 1.0,
        reach_to_client: 1,
        reach_to_broker: u32::MAX,
        longest_hold: hold,
        ..Faults::none()
    };
    let (proxy, mut client, mut broker, _listener) = connected(3, faults);
    broker.write_all(b"ab").expect("the proxy reads");
    let mut one = [0];
    client.read_exact(&mut one).expect("the first byte passes");
    assert_eq!(&one, b"a");
    client.write_all(b"later").expect("the proxy reads");
    let mut later = [0; 5];
    broker.read_exact(&mut later).expect("the other direction goes on");
    assert_eq!(&later, b"later");
    let dropped = Instant::now();
    drop(proxy);
    assert!(dropped.elapsed() < hold / 3, "the end of the proxy does not wait for its faults");
    assert_eq!((rest(&client).0, rest(&broker).0), (Vec::new(), Vec::new()));
}

#[test]
fn connections_are_refused_for_a_while() {
    let faults = Faults { outage: 1.0, longest_outage: Duration::from_millis(500), ..Faults::none() };
    let (proxy, _client, _broker, _listener) = connected(4, faults);
    let mut refused = 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    while proxy.happened().connections < 3 {
        match TcpStream::connect(proxy.address()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => refused += 1,
            // It stood in the backlog when the listener was closed.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error}"),
        }
        assert!(Instant::now() < deadline, "it does not accept again: {:?}", proxy.happened());
        thread::yield_now();
    }
    assert!(refused > 0 && proxy.happened().outages >= 2, "{:?}", proxy.happened());
}

#[test]
fn what_is_split_and_throttled_arrives_whole() {
    for faults in [Faults { split: 1.0, ..Faults::none() }, Faults { throttle: 1.0, ..Faults::none() }] {
        let (_proxy, mut client, broker, _listener) = connected(5, Faults { reach_to_broker: 100, ..faults });
        let message: Vec<u8> = (0..20_000).map(|number| (number % 251) as u8).collect();
        let sent = message.clone();
        let writer = thread::spawn(move || client.write_all(&sent).expect("the proxy reads"));
        writer.join().expect("all was written");
        assert_eq!(rest(&broker), (message, true), "{faults:?}");
    }
}
