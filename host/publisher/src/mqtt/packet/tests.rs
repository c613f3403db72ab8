//! Bytes from the standard, both ways.

use rumqttc::QoS;

use super::size::MAX_PACKET;
use super::*;
use crate::contract::{
    Broker, Credentials, Message, PublishProperties as WireProperties, Qos, Transport, Will, WillProperties,
};
use crate::error::Refusal;
use crate::options::plain;

fn options(version: ProtocolVersion) -> ConnectOptions {
    let broker = Broker { transport: Transport::Tcp, host: "h".to_owned(), port: 1, path: String::new() };
    ConnectOptions { protocol_version: version, keep_alive: 60, ..plain(broker) }
}

fn connect(options: &ConnectOptions) -> Vec<u8> {
    let mut out = BytesMut::new();
    write_connect(options, &mut out).unwrap();
    out.to_vec()
}

#[test]
fn connect_of_both_versions() {
    let v311 = [&[0x10, 13, 0, 4][..], b"MQTT", &[4, 2, 0, 60, 0, 1], b"c"].concat();
    assert_eq!(connect(&options(ProtocolVersion::V311)), v311);
    let v5 = [&[0x10, 14, 0, 4][..], b"MQTT", &[5, 2, 0, 60, 0, 0, 1], b"c"].concat();
    assert_eq!(connect(&options(ProtocolVersion::V5)), v5);
}

#[test]
fn connect_of_version_5_with_everything() {
    let mut options = options(ProtocolVersion::V5);
    options.session_expiry_interval = Some(3600);
    options.clean_session = false;
    options.credentials = Some(Credentials { username: None, password: Some("p".to_owned()) });
    options.will = Some(Will {
        topic: "w".to_owned(),
        payload: b"gone".to_vec(),
        qos: Qos::AtLeastOnce,
        retain: true,
        properties: Some(WillProperties {
            delay_interval: 5,
            payload_format_indicator: true,
            message_expiry_interval: Some(9),
            content_type: Some("t".to_owned()),
        }),
    });
    let expected = [
        &[0x10, 48, 0, 4][..],
        b"MQTT",
        // Password, will retained with QoS 1, no clean start.
        &[5, 0b0110_1100, 0, 60],
        &[5, 17, 0, 0, 0x0e, 0x10],
        &[0, 1],
        b"c",
        &[16, 24, 0, 0, 0, 5, 1, 1, 2, 0, 0, 0, 9, 3, 0, 1],
        b"t",
        &[0, 1],
        b"w",
        &[0, 4],
        b"gone",
        &[0, 1],
        b"p",
    ]
    .concat();
    assert_eq!(connect(&options), expected);
}

#[test]
fn publish_of_version_5_with_everything() {
    let properties = WireProperties {
        payload_format_indicator: true,
        content_type: Some("j".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some(vec![0, 255]),
        message_expiry_interval: Some(258),
        user_properties: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
    };
    let message = Message {
        topic: "t".to_owned(),
        payload: b"x".to_vec(),
        qos: Qos::ExactlyOnce,
        retain: true,
        properties: Some(properties),
    };
    let mut publish = Publish::new(message);
    publish.identifier = 7;
    let mut out = BytesMut::new();
    let limits = ConnackLimits::new(ProtocolVersion::V5, false);
    write_publish(&mut publish, &limits, &mut out).unwrap();
    let mut body: Vec<&[u8]> = vec![&[0, 1], b"t", &[0, 7], &[34]];
    let properties: [&[u8]; 6] = [
        &[1, 1],
        &[2, 0, 0, 1, 2],
        &[8, 0, 1, b'r'],
        &[9, 0, 2, 0, 255],
        &[38, 0, 1, b'a', 0, 1, b'1', 38, 0, 1, b'a', 0, 1, b'2'],
        &[3, 0, 1, b'j'],
    ];
    body.extend(properties);
    body.push(b"x");
    assert_eq!(out.to_vec(), [&[0x35, 41][..], &body.concat()].concat());
    // It is still there: it may be sent again.
    publish.dup = true;
    let mut again = BytesMut::new();
    write_publish(&mut publish, &limits, &mut again).unwrap();
    assert_eq!((again[0], &again[1..]), (0x3d, &out[1..]));
}

#[test]
fn a_false_indicator_and_a_delay_of_nothing_are_not_written() {
    let properties = WireProperties { payload_format_indicator: false, ..WireProperties::default() };
    let message = Message {
        topic: "t".to_owned(),
        payload: vec![],
        qos: Qos::AtMostOnce,
        retain: false,
        properties: Some(properties),
    };
    let mut out = BytesMut::new();
    let limits = ConnackLimits::new(ProtocolVersion::V5, false);
    write_publish(&mut Publish::new(message), &limits, &mut out).unwrap();
    assert_eq!(out.to_vec(), [0x30, 4, 0, 1, b't', 0]);
}

fn read_all(version: ProtocolVersion, bytes: &[u8]) -> Result<Vec<Incoming>, Error> {
    let mut inbox = BytesMut::from(bytes);
    let mut packets = Vec::new();
    while let Some(packet) = read(version, &mut inbox)? {
        packets.push(packet);
    }
    assert!(inbox.is_empty(), "{bytes:?} leaves {} bytes", inbox.len());
    Ok(packets)
}

fn ack(identifier: u16, reason_code: u8, reason: Option<&str>) -> Ack {
    Ack { identifier, reason_code, reason: reason.map(Box::from) }
}

#[test]
fn acknowledgements_of_version_5() {
    let bytes = [
        &[0x40, 2, 0, 1][..],
        &[0x40, 3, 0, 2, 16],
        &[0x40, 4, 0, 3, 135, 0],
        &[0x50, 12, 0, 4, 151, 8, 31, 0, 5],
        b"f\x1bull",
        &[0x70, 3, 0, 5, 146],
        &[0x62, 2, 0, 6],
        &[0xd0, 0],
        &[0x40, 11, 0, 7, 0, 7, 38, 0, 1, b'a', 0, 1, b'b'],
    ]
    .concat();
    let expected = [
        Incoming::Puback(ack(1, 0, None)),
        Incoming::Puback(ack(2, 16, None)),
        Incoming::Puback(ack(3, 135, None)),
        Incoming::Pubrec(ack(4, 151, Some("f\u{1b}ull"))),
        Incoming::Pubcomp(ack(5, 146, None)),
        Incoming::Pubrel { identifier: 6 },
        Incoming::Pingresp,
        Incoming::Puback(ack(7, 0, None)),
    ];
    assert_eq!(read_all(ProtocolVersion::V5, &bytes).unwrap(), expected);
}

#[test]
fn connack_of_version_5() {
    let accepted = |bytes: &[u8]| match read_all(ProtocolVersion::V5, bytes).unwrap().remove(0) {
        Incoming::Connack(connack) => *connack,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        accepted(&[0x20, 3, 1, 0, 0]),
        Connack::Accepted(ConnackLimits::new(ProtocolVersion::V5, true)),
    );
    let properties: [&[u8]; 14] = [
        &[17, 0, 0, 0, 9],
        &[33, 0, 20],
        &[36, 1],
        &[37, 0],
        &[39, 0, 0, 4, 0],
        &[18, 0, 2, b'i', b'd'],
        &[34, 0, 10],
        &[31, 0, 1, b'r'],
        &[40, 1, 41, 0, 42, 1],
        &[19, 0, 30],
        &[26, 0, 0],
        &[28, 0, 0],
        &[21, 0, 1, b'm', 22, 0, 1, 0],
        &[38, 0, 0, 0, 0, 38, 0, 0, 0, 0],
    ];
    let properties = properties.concat();
    let length = u8::try_from(properties.len()).unwrap();
    let bytes = [&[0x20, length + 3, 0, 0, length][..], &properties].concat();
    let limits = ConnackLimits {
        maximum_qos: QoS::AtLeastOnce,
        retain_available: false,
        maximum_packet_size: 1024,
        receive_maximum: 20,
        server_keep_alive: Some(30),
        assigned_client_id: Some("id".to_owned()),
        ..ConnackLimits::new(ProtocolVersion::V5, false)
    };
    assert_eq!(accepted(&bytes), Connack::Accepted(limits));
    let moved =
        Refusal { reason: "gone".to_owned(), server_reference: Some("b:1".to_owned()), ..Refusal::new(157) };
    let bytes = [&[0x20, 16, 0, 157, 13, 31, 0, 4][..], b"gone", &[28, 0, 3], b"b:1"].concat();
    assert_eq!(accepted(&bytes), Connack::Refused(moved));
    // A broker of 3.1.1 answers in its own way.
    assert_eq!(accepted(&[0x20, 2, 0, 1]), Connack::Refused(Refusal::new(1)));
}

#[test]
fn disconnect_of_version_5() {
    let disconnect = |refusal| Incoming::Disconnect(Box::new(refusal));
    let bytes = [&[0xe0, 0, 0xe0, 1, 139, 0xe0, 7, 156, 5, 28, 0, 2][..], b"b2"].concat();
    let expected = [
        disconnect(Refusal::new(0)),
        disconnect(Refusal::new(139)),
        disconnect(Refusal { server_reference: Some("b2".to_owned()), ..Refusal::new(156) }),
    ];
    assert_eq!(read_all(ProtocolVersion::V5, &bytes).unwrap(), expected);
}

#[test]
fn what_is_malformed_under_version_5_settles_nothing() {
    for (bytes, reason) in [
        (&[0x40, 0][..], "it is cut off"),
        (&[0x40, 1, 0], "it is cut off"),
        (&[0x40, 2, 0, 0], "a packet identifier of 0"),
        (&[0x41, 2, 0, 1], "its reserved bits are not what they have to be"),
        (&[0x60, 2, 0, 1], "its reserved bits are not what they have to be"),
        (&[0x40, 3, 0, 1, 1], "an acknowledgement with a reason code that the standard does not have"),
        (&[0x40, 3, 0, 1, 163], "an acknowledgement with a reason code that the standard does not have"),
        (&[0x70, 3, 0, 1, 16], "an acknowledgement with a reason code that the standard does not have"),
        (&[0x40, 4, 0, 1, 0, 1], "a property is cut off"),
        (&[0x40, 5, 0, 1, 0, 0, 9], "it has bytes behind its end"),
        (&[0x40, 10, 0, 1, 0, 6, 31, 0, 0, 31, 0, 0], "a property stands there twice"),
        (&[0x40, 7, 0, 1, 0, 3, 31, 0, 1], "a property is cut off"),
        (&[0x40, 8, 0, 1, 0, 4, 31, 0, 1, 0xff], "a text that is not UTF-8"),
        (&[0x40, 8, 0, 1, 0, 4, 31, 0, 1, 0], "a text with U+0000"),
        (&[0x40, 7, 0, 1, 0, 3, 28, 0, 0], "a property that this packet does not have"),
        (&[0x40, 6, 0, 1, 0, 2, 99, 0], "a property that this packet does not have"),
        (&[0x40, 8, 0, 1, 0, 0x80, 0x80, 0x80, 0x80, 0], "a length of more than four bytes"),
        (&[0x20, 2, 0, 0], "a CONNACK of MQTT 3.1.1; see protocol-version"),
        (&[0x20, 3, 2, 0, 0], "a CONNACK with reserved bits"),
        (&[0x20, 3, 0, 1, 0], "a CONNACK with a reason code that the standard does not have"),
        (&[0x20, 6, 0, 0, 3, 33, 0, 0], "a Receive Maximum of 0"),
        (&[0x20, 8, 0, 0, 5, 39, 0, 0, 0, 0], "a Maximum Packet Size of 0"),
        (&[0x20, 5, 0, 0, 2, 36, 2], "a property that is neither 0 nor 1"),
        (&[0xe0, 7, 139, 5, 17, 0, 0, 0, 9], "a property that this packet does not have"),
        (&[0xd0, 1, 0], "it has bytes behind its end"),
        (&[0x36, 5, 0, 1, b't', 0, 1], "it does not have the form of its type"),
        (&[0x32, 6, 0, 1, b't', 0, 0, 0], "its packet identifier is 0"),
    ] {
        let error = Error::Protocol(format!("a malformed packet ({reason})"));
        assert_eq!(read_all(ProtocolVersion::V5, bytes), Err(error), "{bytes:?}");
    }
}

#[test]
fn what_no_server_may_send() {
    for (bytes, reason) in [
        (&[0x90, 3, 0, 1, 0][..], "a SUBACK without a SUBSCRIBE"),
        (&[0xf0, 0], "an AUTH without an authentication method"),
        (&[0xc0, 0], "a packet that only a client sends"),
    ] {
        assert_eq!(read_all(ProtocolVersion::V5, bytes).unwrap(), [Incoming::Unexpected(reason)]);
    }
}

#[test]
fn a_packet_that_is_not_whole_waits() {
    let whole = [0x40, 4, 0, 3, 135, 0];
    // One codec counts what follows the length, the other the whole.
    for (version, size) in [(ProtocolVersion::V311, MAX_PACKET - 5), (ProtocolVersion::V5, MAX_PACKET)] {
        for length in 0..whole.len() {
            let mut inbox = BytesMut::from(&whole[..length]);
            assert_eq!(read(version, &mut inbox), Ok(None), "{length} bytes");
            assert_eq!(inbox.len(), length);
        }
        let mut inbox = BytesMut::from(&[0x30, 0xff, 0xff, 0xff, 0x7f][..]);
        let error = Error::Protocol(format!("a packet of {size} bytes, for a client that only publishes"));
        assert_eq!(read(version, &mut inbox), Err(error));
    }
}
