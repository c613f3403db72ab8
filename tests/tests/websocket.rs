//! The scripted broker's WebSocket and the bridge, with tungstenite's client in the place of the connector: two
//! implementations of RFC 6455 that share no code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use mqtt_connector_tests::packet::{Packet, PacketType};
use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::websocket::{self, Opcode, frame, frame_with};
use mqtt_connector_tests::{Bridge, End, Expect, Mosquitto, ScriptedBroker, ServerTls, Step, encode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::{Error, Message, WebSocket};

const SOON: Duration = Duration::from_secs(20);

/// CONNECT of client `c` with MQTT 3.1.1, clean session, keep-alive 60; PUBLISH "m" to `t` with QoS 1; DISCONNECT.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c";
const PUBLISH: &[u8] = b"\x32\x06\x00\x01t\x00\x01m";
const DISCONNECT: &[u8] = &[0xe0, 0x00];

fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a socket option");
    stream.set_nodelay(true).expect("a socket option");
    stream
}

fn tls(address: SocketAddr, pki: &Pki) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.authority().text().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp(address))
}

fn upgrade<S: Read + Write>(stream: S, path: &str) -> Result<WebSocket<S>, Error> {
    let mut request = format!("ws://127.0.0.1{path}").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
    request.headers_mut().insert("x-tenant", "acme".parse().unwrap());
    match tungstenite::client(request, stream) {
        Ok((client, _)) => Ok(client),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// Says `bytes` in one frame.
fn say<S: Read + Write>(client: &mut WebSocket<S>, bytes: &[u8]) {
    client.send(Message::binary(bytes.to_vec())).unwrap();
}

/// Reads `bytes`, in however many frames.
fn hear<S: Read + Write>(client: &mut WebSocket<S>, bytes: &[u8]) {
    let mut heard = Vec::new();
    while heard.len() < bytes.len() {
        heard.extend_from_slice(&client.read().unwrap().into_data());
    }
    assert_eq!(heard, bytes);
}

/// Reads until the server has said Close and closed the connection.
fn hear_the_end<S: Read + Write>(client: &mut WebSocket<S>) {
    loop {
        match client.read() {
            Ok(Message::Close(_)) => {}
            Err(Error::ConnectionClosed) => return,
            other => panic!("{other:?}"),
        }
    }
}

fn exchange() -> [Step; 6] {
    [
        Step::expect(Expect::connect().client_id("c")),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish().topic("t").qos(1).payload("m")),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ]
}

fn talk<S: Read + Write>(client: &mut WebSocket<S>) {
    say(client, CONNECT);
    hear(client, &encode::connack(false, 0));
    say(client, PUBLISH);
    hear(client, &encode::puback(1));
    say(client, DISCONNECT);
    client.close(None).unwrap();
    hear_the_end(client);
}

#[test]
fn an_exchange_over_websocket_goes_by_the_script() {
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&["127.0.0.1"]));
    for secured in [false, true] {
        let builder = ScriptedBroker::builder().websocket().connection(exchange());
        let broker = if secured { builder.tls(server.clone()) } else { builder }.start();
        if secured {
            talk(&mut upgrade(tls(broker.address(), &pki), "/mqtt?a=b").unwrap());
        } else {
            talk(&mut upgrade(tcp(broker.address()), "/mqtt?a=b").unwrap());
        }
        let record = broker.finish();
        let seen = &record.conversations[0];
        let upgrade = seen.upgrade.as_ref().unwrap();
        assert_eq!(upgrade.target, "/mqtt?a=b");
        assert_eq!(upgrade.header("X-Tenant"), Some("acme"));
        assert_eq!(seen.tls.is_some(), secured);
        // tungstenite's client leaves out close_notify.
        let end = if secured { End::Truncated } else { End::Closed };
        assert!(seen.ended_in_order() && seen.ended.unwrap().1 == end, "{record}");
        let opcodes: Vec<_> = seen.frames.iter().map(|frame| (frame.opcode, frame.fin)).collect();
        let binary = (Opcode::Binary, true);
        assert_eq!(opcodes, [binary, binary, binary, (Opcode::Close, true)]);
        assert_eq!(seen.bytes, [CONNECT, PUBLISH, DISCONNECT].concat());
    }
}

/// The key and the answer that RFC 6455 gives as an example, section 1.3.
#[test]
fn the_answer_to_the_key_is_the_standards() {
    let headers = vec![("Sec-WebSocket-Key".to_owned(), "dGhlIHNhbXBsZSBub25jZQ==".to_owned())];
    let upgrade = websocket::Upgrade { target: "/".to_owned(), headers };
    assert_eq!(upgrade.accept_key(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn packets_may_be_spread_over_frames_and_joined_in_one() {
    let steps = [
        Step::expect(Expect::connect()),
        Step::send_slowly(encode::connack(false, 0), 1, Duration::ZERO),
        Step::expect(Expect::publish().packet_id(1)),
        Step::expect(Expect::publish().packet_id(1)),
        Step::send([encode::puback(1), encode::puback(1)].concat()),
        // A message in three frames, with a Ping between them.
        Step::send_beneath_websocket(
            [
                frame_with(0x02, &[0xd0]),
                frame(Opcode::Ping, b"p"),
                frame_with(0x00, &[]),
                frame_with(0x80, &[0x00]),
            ]
            .concat(),
        ),
        Step::expect_control(Opcode::Pong, b"p"),
        Step::silence(),
    ];
    let broker = ScriptedBroker::builder().websocket().connection(steps).start();
    let mut client = upgrade(tcp(broker.address()), "/mqtt").unwrap();
    for byte in CONNECT {
        say(&mut client, &[*byte]);
    }
    hear(&mut client, &encode::connack(false, 0));
    say(&mut client, &[PUBLISH, PUBLISH].concat());
    hear(&mut client, &[encode::puback(1), encode::puback(1)].concat());
    assert_eq!(client.read().unwrap(), Message::Ping(b"p".as_slice().into()));
    assert_eq!(client.read().unwrap(), Message::binary(encode::pingresp()));
    let head = FrameHeader { is_final: false, opcode: OpCode::Data(Data::Binary), ..FrameHeader::default() };
    client.send(Message::Frame(Frame::from_payload(head, DISCONNECT[..1].to_vec().into()))).unwrap();
    client.send(Message::Ping(b"q".as_slice().into())).unwrap();
    let tail = FrameHeader { opcode: OpCode::Data(Data::Continue), ..FrameHeader::default() };
    client.send(Message::Frame(Frame::from_payload(tail, DISCONNECT[1..].to_vec().into()))).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong(b"q".as_slice().into()));
    let record = broker.finish();
    assert_eq!(record.packets().last().unwrap().kind(), Some(PacketType::Disconnect));
    let ping = record.conversations[0].frames.iter().rfind(|frame| frame.opcode == Opcode::Ping).unwrap();
    assert_eq!(ping.payload, b"q");
}

/// Bytes of a client after the handshake, and the problem that the broker sees in them.
#[test]
fn what_a_client_must_not_send_is_a_problem() {
    let masked = |first: u8, second: u8, rest: &[u8]| [&[first, second][..], &[0; 4], rest].concat();
    for (bytes, problem) in [
        (frame(Opcode::Binary, CONNECT), "a frame that is not masked"),
        (masked(0x81, 0x81, b"x"), "a text frame, where MQTT needs binary ones"),
        (masked(0xc2, 0x80, b""), "reserved bits of a frame"),
        (masked(0x83, 0x80, b""), "an opcode that is reserved"),
        (masked(0x09, 0x80, b""), "a control frame in parts, or too long"),
        (masked(0x80, 0x80, b""), "a continuation of nothing"),
        ([masked(0x02, 0x80, b""), masked(0x82, 0x80, b"")].concat(), "a message within a message"),
        ([&[0x82, 0xfe, 0x00, 0x01][..], &[0; 4], b"x"].concat(), "a length in more bytes than it needs"),
        ([masked(0x88, 0x80, b""), masked(0x82, 0x80, b"")].concat(), "a frame after Close"),
        (masked(0x88, 0x81, b"x"), "a Close frame with half a status code"),
    ] {
        let steps = [Step::start_websocket(), Step::silence()];
        let broker = ScriptedBroker::builder().websocket().raw_connection(steps).start();
        let mut client = upgrade(tcp(broker.address()), "/mqtt").unwrap();
        client.get_mut().write_all(&bytes).unwrap();
        broker.wait_until(SOON, |all| !all.is_empty());
        let record = broker.finish_unchecked();
        assert_eq!(record.problems, [format!("connection 0: the client sent {problem}")]);
    }
}

#[test]
fn what_is_no_request_for_mqtt_over_websocket_is_a_problem() {
    let request = |spoil: &str, with: &str| {
        "GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mqtt\r\n\r\n"
            .replacen(spoil, with, 1)
    };
    for (spoil, with, problem) in [
        ("GET", "POST", "a request that is not GET in HTTP/1.1"),
        ("/mqtt", "mqtt", "a target that is no path"),
        ("Host: h\r\n", "", "no header Host"),
        ("Host: h", "Host h", "a header without a colon"),
        ("Host: h", "Ho st: h", "a header with a name that is no token"),
        ("Host: h", "Host: h\nx: y", "a control character in a header"),
        ("Upgrade: websocket", "Upgrade: h2c", "no header Upgrade: websocket"),
        ("keep-alive, Upgrade", "close", "no header Connection: Upgrade"),
        ("13", "8", "no header Sec-WebSocket-Version: 13"),
        ("dGhl", "", "a key that is not 16 bytes in base64"),
        ("Protocol: mqtt", "Protocol: MQTT", "no subprotocol mqtt"),
        ("Sec-WebSocket-Protocol: mqtt\r\n", "", "no subprotocol mqtt"),
    ] {
        let broker = ScriptedBroker::builder().websocket().connection([Step::silence()]).start();
        tcp(broker.address()).write_all(request(spoil, with).as_bytes()).unwrap();
        broker.wait_until(SOON, |all| all.first().is_some_and(|one| one.ended.is_some()));
        let record = broker.finish_unchecked();
        let start = format!("connection 0, step 0: WebSocket handshake: got {problem}: ");
        assert!(
            record.problems.len() == 1 && record.problems[0].starts_with(&start),
            "{:?}",
            record.problems
        );
    }
    let broker = ScriptedBroker::builder().websocket().connection([Step::silence()]).start();
    tcp(broker.address()).write_all(request("none", "").as_bytes()).unwrap();
    broker.wait_until(SOON, |all| all.first().is_some_and(|one| one.upgrade.is_some()));
    broker.finish();
}

#[test]
fn a_script_may_answer_the_request_as_it_likes() {
    let page = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let broker = ScriptedBroker::builder()
        .websocket()
        .raw_connection([Step::expect_upgrade(), Step::send(page), Step::close()])
        .raw_connection([
            Step::expect_upgrade(),
            Step::answer(|conversation| {
                let accept = String::from_utf8(conversation.upgrade.as_ref().unwrap().accept()).unwrap();
                accept.replace("\r\nSec-WebSocket-Protocol: mqtt", "").into_bytes()
            }),
            Step::switch_to_websocket(),
            Step::expect(Expect::connect()),
            Step::close(),
        ])
        .raw_connection([
            Step::start_websocket(),
            Step::expect(Expect::connect()),
            Step::close_without_notify(),
        ])
        .start();
    let refused = upgrade(tcp(broker.address()), "/mqtt").unwrap_err();
    assert!(matches!(refused, Error::Http(response) if response.status() == 403));
    // tungstenite minds that the subprotocol is missing; a socket does not.
    let mut bare = tcp(broker.address());
    bare.write_all(
        b"GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
    )
    .unwrap();
    bare.write_all(&[&[0x82, 0x80 | 15, 0, 0, 0, 0][..], CONNECT].concat()).unwrap();
    let mut answer = Vec::new();
    bare.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&[b"\r\n\r\n".as_slice(), &websocket::close(1000, "")].concat()), "{answer:?}");
    let mut cut = upgrade(tcp(broker.address()), "/mqtt").unwrap();
    say(&mut cut, CONNECT);
    assert!(matches!(cut.read(), Err(Error::Protocol(_) | Error::Io(_))));
    broker.finish();
}

#[test]
fn an_end_without_close_is_told_apart() {
    let broker = ScriptedBroker::builder().websocket().connection([Step::expect_end()]).start();
    drop(upgrade(tcp(broker.address()), "/mqtt").unwrap());
    broker.wait_until(SOON, |all| all.first().is_some_and(|one| one.ended.is_some()));
    assert_eq!(broker.finish().conversations[0].ended.unwrap().1, End::Truncated);
}

#[test]
fn the_bridge_leads_to_a_real_broker() {
    let mosquitto = Mosquitto::start();
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&["127.0.0.1"]));
    for _ in 0..3 {
        let bridge = Bridge::start(mosquitto.address(), None);
        talk(&mut upgrade(tcp(bridge.address()), "/mqtt").unwrap());
        let bridge = Bridge::start(mosquitto.address(), Some(&server));
        talk(&mut upgrade(tls(bridge.address(), &pki), "/mqtt").unwrap());
    }
    assert_eq!(
        mosquitto.log().matches("Received PUBLISH from c (d0, q1, r0, m1, 't', ... (1 bytes))").count(),
        6
    );
    mosquitto.wait_for_log("Received DISCONNECT from c", SOON);
}

#[test]
fn the_bridge_passes_on_ends_and_refuses_other_paths() {
    let broker = ScriptedBroker::builder()
        .connection([Step::expect(Expect::connect()), Step::send(vec![0; 3 << 20]), Step::close()])
        .start();
    let bridge = Bridge::start(broker.address(), None);
    let refused = upgrade(tcp(bridge.address()), "/other").unwrap_err();
    assert!(matches!(refused, Error::Http(response) if response.status() == 404));
    let mut client = upgrade(tcp(bridge.address()), "/mqtt").unwrap();
    say(&mut client, CONNECT);
    hear(&mut client, &vec![0; 3 << 20]);
    hear_the_end(&mut client);
    let record = broker.finish();
    assert!(matches!(record.packets().next(), Some(Packet::Connect(_))));
    // A client that is still there when the bridge goes does not keep it.
    let broker = ScriptedBroker::builder().further_connections([Step::silence()]).start();
    let bridge = Bridge::start(broker.address(), None);
    let mut client = upgrade(tcp(bridge.address()), "/mqtt").unwrap();
    drop(bridge);
    let end = client.read().unwrap_err();
    assert!(matches!(end, Error::Protocol(_) | Error::Io(_)), "{end:?}");
    broker.finish();
}

#[test]
fn a_clients_close_is_answered() {
    let broker = ScriptedBroker::builder()
        .websocket()
        .connection([Step::expect_control(Opcode::Close, [0x03, 0xe8]), Step::expect_end()])
        .start();
    let mut client = upgrade(tcp(broker.address()), "/mqtt").unwrap();
    let head = FrameHeader { opcode: OpCode::Control(Control::Close), ..FrameHeader::default() };
    client.send(Message::Frame(Frame::from_payload(head, vec![0x03, 0xe8].into()))).unwrap();
    assert_eq!(
        client.read().unwrap(),
        Message::Close(Some(tungstenite::protocol::CloseFrame {
            code: tungstenite::protocol::frame::coding::CloseCode::Normal,
            reason: "".into(),
        }))
    );
    drop(client);
    assert_eq!(broker.finish().conversations[0].ended.unwrap().1, End::Closed);
}
