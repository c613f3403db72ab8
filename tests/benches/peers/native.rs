//! The peer that a Rust program would use: crate rumqttc (rumqttc-v4-next), as fast as its settings make it.

use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, PublishOptions, QoS};
use tokio::net::TcpStream;

/// Publishes all of `payloads` over a new connection, with `window` of them unacknowledged at most, and ends with
/// DISCONNECT when all are acknowledged.
pub(crate) async fn publish(port: u16, topic: &'static str, qos: u8, payloads: &[Bytes], window: u16) {
    let (client, mut events) = client(port, "rumqttc", window);
    let level = match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    };
    let (payloads, count) = (payloads.to_vec(), payloads.len());
    let publishing = tokio::spawn(async move {
        for payload in payloads {
            client.publish(topic, payload, PublishOptions::new(level)).await.unwrap();
        }
        client
    });
    let mut settled = 0;
    while settled < count {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => settled += 1,
            Ok(Event::Outgoing(Outgoing::Publish(_))) if qos == 0 => settled += 1,
            Ok(_) => {}
            Err(error) => panic!("rumqttc: {error}"),
        }
    }
    let client = publishing.await.unwrap();
    client.disconnect().await.unwrap();
    while !matches!(events.poll().await, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {}
}

/// A client that will connect to the broker on loopback `port`, with `window` messages unacknowledged at most.
pub(crate) fn client(port: u16, client_id: &str, window: u16) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(client_id, ("127.0.0.1", port));
    options.set_max_packet_size(1 << 20, 1 << 20);
    options.set_inflight(window).set_max_request_batch(64).set_read_batch_size(64);
    // Its own dialler begins with a timer of 1 ms, and does not set TCP_NODELAY.
    options.set_socket_connector(|address, _| async move {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(socket)
    });
    AsyncClient::builder(options).capacity(window.into()).build()
}
