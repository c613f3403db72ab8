//! What the code that wit-bindgen generates makes an enum with, of the number that came over the boundary.

use super::{CertificateParameter, Progress, ProtocolVersion, ProxyProtocol, Qos, Transport};

/// Gives each enum the function that generated code calls. A number that the enum does not have cannot come: the engine has
/// judged it by the contract.
macro_rules! lift {
    ($($name:ident { $($variant:ident),+ })+) => {
        $(impl $name {
            #[doc(hidden)]
            #[must_use]
            pub fn _lift(number: u8) -> Self {
                const ALL: &[$name] = &[$($name::$variant),+];
                ALL[usize::from(number)]
            }
        })+
    };
}

lift! {
    Qos { AtMostOnce, AtLeastOnce, ExactlyOnce }
    Progress { NotSent, SentUnacknowledged }
    CertificateParameter { Certificate, RootCaCrt }
    ProtocolVersion { V311, V5 }
    Transport { Tcp, Tls, Websocket, WebsocketTls }
    ProxyProtocol { Socks5, Http }
}
