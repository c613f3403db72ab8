//! MQTT with nothing around it: prepared bytes on a blocking socket. What is slower than this is the price of something.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};

use mqtt_connector_tests::encode;

/// A connection that the broker has accepted, with TCP_NODELAY.
pub(crate) struct Raw {
    socket: TcpStream,
}

impl Raw {
    /// Connects to the broker on loopback `port`, sends CONNECT and waits for CONNACK.
    pub(crate) fn connect(port: u16, client_id: &str) -> Self {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        socket.set_nodelay(true).unwrap();
        let id = u16::try_from(client_id.len()).unwrap().to_be_bytes();
        let connect = [b"\0\x04MQTT\x04\x02\0\x3c", &id[..], client_id.as_bytes()].concat();
        let mut raw = Self { socket };
        raw.write(&encode::packet(0x10, &connect));
        assert_eq!(raw.acknowledgement(), [0x20, 2, 0, 0], "CONNACK");
        raw
    }

    /// One message, and its acknowledgements: PUBACK, or PUBREC and PUBCOMP. `publish` has packet identifier 1.
    pub(crate) fn exchange(&mut self, publish: &[u8], qos: u8) {
        self.write(publish);
        match qos {
            0 => {}
            1 => assert_eq!(self.acknowledgement(), [0x40, 2, 0, 1], "PUBACK"),
            _ => {
                assert_eq!(self.acknowledgement(), [0x50, 2, 0, 1], "PUBREC");
                self.write(&[0x62, 2, 0, 1]);
                assert_eq!(self.acknowledgement(), [0x70, 2, 0, 1], "PUBCOMP");
            }
        }
    }

    /// All of `packets`, with no more than `window` of them unacknowledged; what may be written is written at once. Their
    /// packet identifiers are those of [`prepared`].
    pub(crate) fn pipeline(&mut self, packets: &[Vec<u8>], qos: u8, window: usize) {
        let (mut next, mut settled, mut outbox) = (0, 0, Vec::new());
        if qos == 0 {
            for some in packets.chunks(256) {
                self.write(&some.concat());
            }
            return;
        }
        let (mut inbox, mut kept) = ([0; 4096], 0);
        while settled < packets.len() {
            let last = packets.len().min(settled + window);
            for packet in &packets[next..last] {
                outbox.extend_from_slice(packet);
            }
            next = last;
            self.write(&outbox);
            outbox.clear();
            kept += match self.socket.read(&mut inbox[kept..]).unwrap() {
                0 => panic!("the broker closed the connection"),
                count => count,
            };
            let whole = kept - kept % 4;
            for acknowledgement in inbox[..whole].chunks(4) {
                match acknowledgement {
                    [0x40 | 0x70, 2, _, _] => settled += 1,
                    [0x50, 2, high, low] => outbox.extend([0x62, 2, *high, *low]),
                    other => panic!("the broker sent {other:?}"),
                }
            }
            inbox.copy_within(whole..kept, 0);
            kept -= whole;
        }
    }

    /// DISCONNECT, and the end of the connection; what the broker makes of it is not waited for.
    pub(crate) fn close(mut self) {
        self.write(&[0xe0, 0]);
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    fn acknowledgement(&mut self) -> [u8; 4] {
        let mut bytes = [0; 4];
        self.socket.read_exact(&mut bytes).unwrap();
        bytes
    }
}

/// A PUBLISH for each of `payloads`, with the packet identifiers 1 to 65,535, and again.
pub(crate) fn prepared(topic: &str, qos: u8, payloads: &[String]) -> Vec<Vec<u8>> {
    let packets = payloads.iter().zip((1..=u16::MAX).cycle());
    packets.map(|(payload, id)| encode::publish(topic, qos, false, id, payload.as_bytes())).collect()
}
