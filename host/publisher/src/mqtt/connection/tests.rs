//! A connection that was idle, and what came on it meanwhile; how it ends.

use std::cell::Cell;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::contract;
use crate::contract::{Broker, ConnectOptions, Message, Qos};
use crate::dial::websocket::WebSocket;
use crate::options::plain;

fn options() -> Arc<Options> {
    let (host, path) = ("h".to_owned(), "/".to_owned());
    let broker = Broker { transport: contract::Transport::Websocket, host, port: 80, path };
    Arc::new(Options::new(ConnectOptions { keep_alive: 60, ..plain(broker) }))
}

/// A message of QoS 0, which is settled when it is written.
fn message() -> Message {
    let (topic, payload) = ("t".to_owned(), Vec::new());
    Message { topic, payload, qos: Qos::AtMostOnce, retain: false, properties: None }
}

/// An idle connection over a WebSocket, and the broker's end of it, which has accepted it.
async fn idle() -> (Connection, Delivery, TcpStream) {
    const CONNACK: &[u8] = &[0x82, 4, 0x20, 2, 0, 0];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut broker, _) = listener.accept().await.unwrap();
    broker.write_all(CONNACK).await.unwrap();
    let stream = WebSocket::new(Transport::Tcp(stream), BytesMut::new());
    let transport = Transport::WebSocket(Box::new(stream));
    let mut connection = Connection::open(transport, &options(), &|_| true).await.unwrap();
    let mut delivery = Delivery::default();
    delivery.connected(connection.limits().clone(), 1);
    // As a task does that has nothing to do: everything that had come is read, and the runtime knows it.
    poll_fn(|context| {
        assert!(connection.poll_exchange(context, Instant::now(), &mut delivery).is_pending());
        Poll::Ready(())
    })
    .await;
    assert!(connection.quiet);
    (connection, delivery, broker)
}

/// Hands a message over and lets the connection do what it can at once. Whether the message was written.
async fn send_at_once(connection: &mut Connection, delivery: &mut Delivery) -> (bool, Poll<Error>) {
    let now = Instant::now().into_std();
    delivery.add([(message(), now)].into_iter(), now);
    let polled =
        poll_fn(|context| Poll::Ready(connection.poll_exchange(context, Instant::now(), delivery))).await;
    (delivery.is_settled(), polled)
}

#[tokio::test]
async fn what_is_nothing_for_the_reader_holds_no_message_back() {
    for ping in [&[0x89, 0][..], &[0x89, 2, b'h', b'i', 0x8a, 0], &[0x89]] {
        let (mut connection, mut delivery, mut broker) = idle().await;
        broker.write_all(ping).await.unwrap();
        connection.transport.tcp().readable().await.unwrap();
        let (is_written, polled) = send_at_once(&mut connection, &mut delivery).await;
        assert!(is_written && polled.is_pending(), "after {ping:?}: {polled:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ended_while_it_was_idle_is_given_no_message() {
    const CLOSE: &[u8] = &[0x88, 2, 0x03, 0xe9];
    for end in [CLOSE, &[]] {
        let (mut connection, mut delivery, mut broker) = idle().await;
        broker.write_all(end).await.unwrap();
        drop(broker);
        connection.transport.tcp().readable().await.unwrap();
        let (is_written, polled) = send_at_once(&mut connection, &mut delivery).await;
        assert!(
            !is_written && matches!(polled, Poll::Ready(Error::Lost(_) | Error::Closed(_))),
            "{polled:?}"
        );
        assert!(connection.is_flushed());
    }
}

/// Reads from the broker's end until it has `count` bytes: a masked frame of a packet of 2 bytes has 8.
async fn read_bytes(broker: &mut TcpStream, count: usize) {
    let mut bytes = vec![0; count];
    broker.read_exact(&mut bytes).await.unwrap();
}

#[tokio::test]
async fn a_connection_with_pingreq_unanswered_is_over_when_the_broker_has_closed_it() {
    const PINGRESP: &[u8] = &[0x82, 2, 0xd0, 0];
    const FRAME: usize = 8;
    for (sent, answered) in [(0, 0), (1, 1), (1, 0), (2, 1)] {
        let (mut connection, mut delivery, mut broker) = idle().await;
        for _ in 0..sent {
            assert!(connection.ping_early());
        }
        for _ in 0..answered {
            broker.write_all(PINGRESP).await.unwrap();
        }
        while connection.keep_alive.as_ref().unwrap().unanswered > sent - answered || !connection.is_flushed()
        {
            let exchange =
                poll_fn(|context| connection.poll_exchange(context, Instant::now(), &mut delivery));
            let _ = tokio::time::timeout(Duration::from_millis(10), exchange).await;
        }
        read_bytes(&mut broker, sent * FRAME).await;

        let is_over = Cell::new(false);
        let close = connection.close(|| is_over.set(true));
        let broker_closes = async {
            read_bytes(&mut broker, FRAME).await;
            // Everything that the client's end does before it waits for the broker is done in one go.
            tokio::task::yield_now().await;
            let was_over = is_over.get();
            drop(broker);
            was_over
        };
        let ((), was_over) = tokio::join!(close, broker_closes);
        assert_eq!(was_over, sent == answered, "{sent} sent, {answered} answered");
    }
}
