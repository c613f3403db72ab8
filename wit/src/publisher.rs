//! The types of the contract's interface `publisher`, each as `connector.wit` describes it.
//!
//! With the feature `wasmtime`, a host on wasmtime reads and writes them as they are, and with `wit-bindgen` a component does:
//! nothing is copied between two sets of types.

mod error;
mod hidden;
#[cfg(feature = "wit-bindgen")]
mod lift;
mod message;
mod options;

pub use error::{
    CertificateParameter, CertificateTime, Disconnection, Error, Failure, Progress, Refusal, Remark,
};
pub use message::{Message, PublishProperties, Qos, Receipt, RetryPolicy};
pub use options::{
    Broker, ClientIdentity, ConnectOptions, Credentials, Pem, ProtocolVersion, Proxy, ProxyProtocol,
    TlsOptions, Transport, WebsocketHeader, Will, WillProperties,
};
