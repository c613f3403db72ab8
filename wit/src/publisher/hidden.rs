//! The `Debug` of the types that hold a password, a key or content: it says that there is one, and not what it is.

use std::fmt;

use super::{ClientIdentity, Credentials, Message, Pem, WebsocketHeader, Will};

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
    use super::super::Qos;
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
