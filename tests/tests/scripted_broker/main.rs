//! The scripted broker, with `mosquitto_pub` and bare sockets in the place of the connector.

mod problems;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector_tests::packet::{Packet, PacketType, Publish};
use mqtt_connector_tests::pki::{Fault, KeyFormat, Pki};
use mqtt_connector_tests::{
    Conversation, End, Expect, Gate, PacketId, ScriptedBroker, ServerTls, Step, encode,
};

const SOON: Duration = Duration::from_secs(20);

fn start_publisher(port: u16, arguments: &str) -> Child {
    Command::new("mosquitto_pub")
        .args(["-p", &port.to_string()])
        .args(arguments.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mosquitto_pub is installed")
}

fn publish(port: u16, arguments: &str) -> Output {
    start_publisher(port, arguments).wait_with_output().expect("it ran")
}

fn connect(broker: &ScriptedBroker) -> TcpStream {
    let stream = TcpStream::connect(broker.address()).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a socket option");
    stream
}

/// CONNECT of client `c` with MQTT 3.1.1, clean session, keep-alive 60.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c";

fn accept() -> [Step; 2] {
    [Step::expect(Expect::connect()), Step::send(encode::connack(false, 0))]
}

#[test]
fn whole_exchange_of_qos_2() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(
                Expect::connect()
                    .level(4)
                    .client_id("me")
                    .clean_session(true)
                    .keep_alive(33)
                    .username(Some("u"))
                    .password(Some(b"p"))
                    .will("gone", b"w", 1, true),
            ),
            Step::send(encode::connack(false, 0)),
            Step::expect(
                Expect::publish().topic("t").qos(2).dup(false).retain(true).payload("m").packet_id(1),
            ),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel().packet_id(1)),
            Step::respond(PacketType::PubComp),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let will = "--will-topic gone --will-payload w --will-qos 1 --will-retain";
    let sent = publish(broker.port(), &format!("-i me -k 33 -u u -P p {will} -t t -m m -q 2 -r"));
    assert!(sent.status.success());

    let record = broker.finish();
    assert!(record.conversations[0].ended_in_order(), "{record}");
    let expected = Publish {
        dup: false,
        qos: 2,
        retain: true,
        topic: "t".to_owned(),
        packet_id: Some(1),
        properties: Vec::new(),
        payload: b"m".to_vec(),
    };
    assert_eq!(record.packets().nth(1), Some(&Packet::Publish(expected)));
    let received: Vec<u8> =
        record.conversations[0].packets.iter().flat_map(|one| one.bytes.clone()).collect();
    assert_eq!(received, record.conversations[0].bytes);
}

#[test]
fn mqtt_5_packets_are_understood() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(
                Expect::connect().level(5).client_id("me").properties(b"\x11\x00\x00\x00\x0a!\x00\x14"),
            ),
            Step::send(encode::connack_v5(false, 0, &[])),
            Step::expect(Expect::publish().topic("t").qos(1).payload("m").properties(b"\x03\x00\x01j")),
            Step::respond_v5(PacketType::PubAck, 0x10),
            Step::expect(Expect::disconnect().reason(0)),
            Step::expect_end(),
        ])
        .start();
    let properties = "-D connect session-expiry-interval 10 -D publish content-type j";
    assert!(publish(broker.port(), &format!("-V 5 -i me -t t -m m -q 1 {properties}")).status.success());
    broker.finish();
}

#[test]
fn refusal_reaches_the_client() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 5)),
            Step::expect_end(),
        ])
        .start();
    assert_eq!(publish(broker.port(), "-t t -m m").status.code(), Some(5));
    broker.finish();
}

#[test]
fn sound_broker_serves_every_quality_of_service() {
    let broker = ScriptedBroker::builder().further_connections([Step::serve()]).start();
    for version in ["311", "5"] {
        for qos in 0..=2 {
            assert!(publish(broker.port(), &format!("-V {version} -t t -m m -q {qos}")).status.success());
        }
    }
    broker.wait_until(SOON, |all| all.len() == 6 && all.iter().all(|one| one.ended.is_some()));
    assert_eq!(broker.connections(), 6);
    let record = broker.finish();
    assert!(record.conversations.iter().all(Conversation::ended_in_order), "{record}");
}

#[test]
fn gate_holds_an_acknowledgement_back() {
    let gate = Gate::new();
    let broker = ScriptedBroker::builder()
        .connection(accept().into_iter().chain([
            Step::expect(Expect::publish().qos(1)),
            Step::wait_for(&gate),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
        ]))
        .start();
    let mut publisher = start_publisher(broker.port(), "-t t -m m -q 1");
    broker.wait_for_packets(2, SOON);
    assert!(publisher.try_wait().expect("it runs").is_none());
    gate.open();
    assert!(publisher.wait().expect("it ran").success());
    broker.finish();
}

#[test]
fn answers_go_out_in_pieces_with_any_identifier() {
    let slowly = encode::connack(false, 0);
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect_bytes(CONNECT),
            Step::send_slowly(slowly, 1, Duration::from_millis(1)),
            Step::expect(Expect::publish().packet_id(7)),
            Step::expect(Expect::publish().packet_id(8)),
            Step::respond(PacketType::PubAck),
            Step::respond_with_id(PacketType::PubAck, PacketId::OfPublish(0)),
            Step::respond_with_id(PacketType::PubAck, PacketId::Other),
            Step::answer(|conversation| encode::puback(conversation.packets.len() as u16)),
            Step::half_close(),
            Step::receive(1),
        ])
        .start();
    let mut client = connect(&broker);
    client.write_all(CONNECT).expect("sent");
    for piece in [&b"\x32\x05\x00\x01"[..], b"t\x00\x07\x32\x05\x00\x01t\x00", b"\x08"] {
        client.write_all(piece).expect("sent");
    }
    let mut answers = Vec::new();
    client.read_to_end(&mut answers).expect("an orderly end");
    let expected = [
        encode::connack(false, 0),
        encode::puback(8),
        encode::puback(7),
        encode::puback(1008),
        encode::puback(3),
    ];
    assert_eq!(answers, expected.concat());
    client.write_all(b"\xc0").expect("sent");
    client.shutdown(Shutdown::Write).expect("an orderly end");
    let record = broker.finish();
    assert_eq!(record.conversations[0].unfinished(), b"\xc0");
}

#[test]
fn pipelined_messages_are_answered_one_by_one() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::expect(Expect::publish().packet_id(7)),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::publish().packet_id(8)),
            Step::respond(PacketType::PubAck),
            Step::close(),
        ])
        .start();
    let mut client = connect(&broker);
    client
        .write_all(&[CONNECT, b"\x32\x05\x00\x01t\x00\x07\x32\x05\x00\x01t\x00\x08"].concat())
        .expect("sent");
    let mut answers = Vec::new();
    client.read_to_end(&mut answers).expect("an orderly end");
    assert_eq!(answers, [encode::puback(7), encode::puback(8)].concat());
    broker.finish();
}

#[test]
fn panic_in_a_script_is_a_problem() {
    let broker = ScriptedBroker::builder().connection([Step::answer(|_| panic!("on purpose"))]).start();
    drop(connect(&broker));
    let problems = broker.finish_unchecked().problems;
    assert_eq!(problems, ["the closure of an `answer` step panicked; see above"]);
}

#[test]
fn endings_are_told_apart() {
    let broker = ScriptedBroker::builder()
        .connection([Step::receive(CONNECT.len()), Step::close()])
        .connection([Step::receive(CONNECT.len()), Step::reset()])
        .connection([Step::receive(3), Step::silence()])
        .start();
    let outcome = |mut client: TcpStream| {
        client.write_all(CONNECT).expect("sent");
        client.read(&mut [0]).map_err(|error| error.kind())
    };
    assert_eq!(outcome(connect(&broker)), Ok(0));
    assert_eq!(outcome(connect(&broker)), Err(ErrorKind::ConnectionReset));
    let silent = connect(&broker);
    silent.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket option");
    assert_eq!(outcome(silent), Err(ErrorKind::WouldBlock));

    broker.wait_until(SOON, |all| all.len() == 3 && all.iter().all(|one| one.ended.is_some()));
    let record = broker.finish();
    let ends: Vec<_> = record.conversations.iter().map(|one| one.ended.map(|(_, end)| end)).collect();
    assert_eq!(ends, [Some(End::ByScript), Some(End::ByScript), Some(End::Closed)]);
    assert_eq!(record.conversations[2].bytes, CONNECT);
}

#[test]
fn deaf_broker_fills_the_send_buffer() {
    let broker = ScriptedBroker::builder().receive_buffer(4096).connection([Step::deaf()]).start();
    let mut client = connect(&broker);
    client.set_write_timeout(Some(Duration::from_millis(100))).expect("a socket option");
    let full = (0..1000).find_map(|_| client.write_all(&[0; 65_536]).err()).expect("the buffer is finite");
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    drop(client);
    broker.finish();
}

#[test]
fn slow_reader_takes_its_time() {
    let broker = ScriptedBroker::builder()
        .connection([Step::read_slowly(1, Duration::from_millis(2)), Step::expect_bytes(CONNECT)])
        .start();
    let started = Instant::now();
    connect(&broker).write_all(CONNECT).expect("sent");
    broker.finish();
    assert!(started.elapsed() >= Duration::from_millis(2 * CONNECT.len() as u64));
}

#[test]
fn tls_with_and_without_a_client_certificate() {
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&["localhost"]))
        .require_client_certificate(pki.authority())
        .alpn(&["x-amzn-mqtt-ca"]);
    let client = pki.client("thing", KeyFormat::Pkcs1);
    let broker = ScriptedBroker::builder()
        .tls(server)
        .connection([Step::serve()])
        .raw_connection([Step::expect_tls_failure()])
        .raw_connection([Step::start_tls(), Step::expect(Expect::connect()), Step::close_without_notify()])
        .start();
    let trust = format!("-h localhost --cafile {} --tls-alpn x-amzn-mqtt-ca", pki.authority().path_str());
    let (certificate, key) = (client.certificate().path_str(), client.key().path_str());
    let proof = format!("--cert {certificate} --key {key}");
    let arguments = "-t t -m m -q 2";
    assert!(publish(broker.port(), &format!("{trust} {proof} {arguments}")).status.success());
    assert!(!publish(broker.port(), &format!("{trust} {arguments}")).status.success());
    assert!(!publish(broker.port(), &format!("{trust} {proof} {arguments}")).status.success());

    let record = broker.finish();
    let facts = record.conversations[0].tls.as_ref().expect("a handshake");
    assert_eq!(facts.server_name.as_deref(), Some("localhost"));
    assert_eq!(facts.alpn.as_deref(), Some("x-amzn-mqtt-ca"));
    assert_eq!(facts.version, "TLSv1_3");
    assert!(facts.client_certificate.is_some());
    assert!(record.conversations[1].bytes.is_empty());
    assert_eq!(record.conversations[1].tls_error.as_deref(), Some("peer sent no certificates"));
}

#[test]
fn client_refuses_a_faulty_certificate() {
    let pki = Pki::new();
    for fault in [Fault::Expired, Fault::WrongName, Fault::UnknownAuthority] {
        let broker = ScriptedBroker::builder()
            .tls(ServerTls::new(&pki.faulty_server(fault, &["localhost"])).only_tls12())
            .raw_connection([Step::expect_tls_failure()])
            .start();
        let trust = format!("-h localhost --cafile {}", pki.authority().path_str());
        assert!(!publish(broker.port(), &format!("{trust} -t t -m m")).status.success());
        let record = broker.finish();
        assert!(record.conversations[0].tls_error.is_some(), "{fault:?}: {record}");
    }
}

#[test]
fn silence_before_the_handshake() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["localhost"])))
        .raw_connection([Step::receive(5), Step::silence()])
        .start();
    let mut client = connect(&broker);
    client.write_all(b"\x16\x03\x01\x02\x00").expect("sent");
    client.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket option");
    assert_eq!(client.read(&mut [0]).expect_err("silence").kind(), ErrorKind::WouldBlock);
    let record = broker.finish();
    assert_eq!(record.conversations[0].ended.map(|(_, end)| end), Some(End::ByScript));
}
