//! The records of the contract that hold a password, a key or content.
//!
//! They are the very types that the bindings use (the `with` of `generate!` puts them there), so nothing is
//! copied between two sets of types. They are written by hand for one reason: the `Debug` of generated
//! records prints every field, and a secret must never be printed, not even by mistake.

use std::fmt;

use super::publisher::{PublishProperties, Qos, WillProperties};

/// What the client says about itself in CONNECT (MQTT 3.1.1, sections 3.1.3.4 and 3.1.3.5).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user name, 65,535 bytes at most.
    pub username: Option<String>,
    /// The password, 65,535 bytes at most; under MQTT 3.1.1 only with a user name.
    pub password: Option<String>,
}

/// A certificate, a chain of them, or a key: PEM text, or the file that holds it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Pem {
    /// The absolute path, as the tenant wrote it. The host reads it, within the tenant's grants.
    File(String),
    /// The PEM text itself.
    Text(String),
}

/// What the client shows a broker that asks for a certificate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientIdentity {
    /// The certificate, followed by its intermediates if there are any.
    pub certificate: Pem,
    /// Its key: PKCS#1, PKCS#8 or SEC1.
    pub private_key: Pem,
    /// For an encrypted PKCS#8 key.
    pub private_key_password: Option<String>,
}

/// The message that the broker publishes for the client when the connection is lost (MQTT 3.1.1, section 3.1.2.5).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Will {
    /// Where it is published.
    pub topic: String,
    /// What is published, 65,535 bytes at most.
    pub payload: Vec<u8>,
    /// With which quality of service.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// MQTT 5 only.
    pub properties: Option<WillProperties>,
}

/// A header of the WebSocket handshake (RFC 6455, section 4.1); its value may be a credential.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebsocketHeader {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// One application message (MQTT 3.1.1, section 3.3).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// A topic name: no wildcard, no U+0000, 1 to 65,535 bytes.
    pub topic: String,
    /// What is published.
    pub payload: Vec<u8>,
    /// With which quality of service.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// MQTT 5 only.
    pub properties: Option<PublishProperties>,
}

/// Stands in a `Debug` where a secret would have stood.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Stands in a `Debug` where a payload of so many bytes would have stood.
struct Bytes(usize);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| Hidden))
            .finish()
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => f.debug_tuple("File").field(path).finish(),
            Pem::Text(_) => f.debug_tuple("Text").field(&Hidden).finish(),
        }
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity")
            .field("certificate", &self.certificate)
            .field("private_key", &self.private_key)
            .field("private_key_password", &self.private_key_password.as_ref().map(|_| Hidden))
            .finish()
    }
}

impl fmt::Debug for Will {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will")
            .field("topic", &self.topic)
            .field("payload", &Bytes(self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties)
            .finish()
    }
}

impl fmt::Debug for WebsocketHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebsocketHeader").field("name", &self.name).field("value", &Hidden).finish()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("payload", &Bytes(self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties.as_ref().map(|_| Hidden))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret_and_no_content() {
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            Credentials { username: Some("ann".into()), password: Some("SECRET".into()) },
            ClientIdentity {
                certificate: Pem::File("/etc/c.pem".into()),
                private_key: Pem::Text("-----BEGIN SECRET".into()),
                private_key_password: Some("SECRET".into()),
            },
            Will {
                topic: "w".into(),
                payload: b"SECRET".to_vec(),
                qos: Qos::AtMostOnce,
                retain: false,
                properties: None,
            },
            WebsocketHeader { name: "Authorization".into(), value: "SECRET".into() },
            Message {
                topic: "t".into(),
                payload: b"SECRET".to_vec(),
                qos: Qos::AtLeastOnce,
                retain: true,
                properties: None,
            },
        );
        assert!(!shown.contains("SECRET"), "{shown}");
        for part in ["ann", "/etc/c.pem", "[hidden]", "[6 bytes]"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let payload = format!("{:?}", b"SECRET");
        assert!(!shown.contains(&payload), "{shown}");
    }
}
