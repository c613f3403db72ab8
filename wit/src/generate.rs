//! [`generate!`](crate::generate).

/// Generates a world as Rust with wit-bindgen, for a component that imports or exports the interface `publisher`. The types of
/// that interface are this crate's ([`publisher`](crate::publisher)).
///
/// The caller depends on wit-bindgen, and on this crate with its feature `wit-bindgen`. `path` is where wit-bindgen finds the
/// WIT, one path or a list of them, and `world` is the world's name. `with` names further types that are not generated.
#[macro_export]
macro_rules! generate {
    (path: $path:tt, world: $world:literal $(, with: { $($name:literal: $type:path),+ $(,)? })? $(,)?) => {
        wit_bindgen::generate!({
            path: $path,
            world: $world,
            with: {
                "flint:mqtt/publisher@0.2.0/qos": mqtt_connector_contract::publisher::Qos,
                "flint:mqtt/publisher@0.2.0/protocol-version": mqtt_connector_contract::publisher::ProtocolVersion,
                "flint:mqtt/publisher@0.2.0/transport": mqtt_connector_contract::publisher::Transport,
                "flint:mqtt/publisher@0.2.0/broker": mqtt_connector_contract::publisher::Broker,
                "flint:mqtt/publisher@0.2.0/credentials": mqtt_connector_contract::publisher::Credentials,
                "flint:mqtt/publisher@0.2.0/pem": mqtt_connector_contract::publisher::Pem,
                "flint:mqtt/publisher@0.2.0/client-identity": mqtt_connector_contract::publisher::ClientIdentity,
                "flint:mqtt/publisher@0.2.0/tls-options": mqtt_connector_contract::publisher::TlsOptions,
                "flint:mqtt/publisher@0.2.0/will-properties": mqtt_connector_contract::publisher::WillProperties,
                "flint:mqtt/publisher@0.2.0/will": mqtt_connector_contract::publisher::Will,
                "flint:mqtt/publisher@0.2.0/websocket-header": mqtt_connector_contract::publisher::WebsocketHeader,
                "flint:mqtt/publisher@0.2.0/proxy-protocol": mqtt_connector_contract::publisher::ProxyProtocol,
                "flint:mqtt/publisher@0.2.0/proxy": mqtt_connector_contract::publisher::Proxy,
                "flint:mqtt/publisher@0.2.0/connect-options": mqtt_connector_contract::publisher::ConnectOptions,
                "flint:mqtt/publisher@0.2.0/publish-properties": mqtt_connector_contract::publisher::PublishProperties,
                "flint:mqtt/publisher@0.2.0/message": mqtt_connector_contract::publisher::Message,
                "flint:mqtt/publisher@0.2.0/receipt": mqtt_connector_contract::publisher::Receipt,
                "flint:mqtt/publisher@0.2.0/progress": mqtt_connector_contract::publisher::Progress,
                "flint:mqtt/publisher@0.2.0/refusal": mqtt_connector_contract::publisher::Refusal,
                "flint:mqtt/publisher@0.2.0/failure": mqtt_connector_contract::publisher::Failure,
                "flint:mqtt/publisher@0.2.0/disconnection": mqtt_connector_contract::publisher::Disconnection,
                "flint:mqtt/publisher@0.2.0/error": mqtt_connector_contract::publisher::Error,
                "flint:mqtt/publisher@0.2.0/retry-policy": mqtt_connector_contract::publisher::RetryPolicy,
                "flint:mqtt/publisher@0.2.0/certificate-parameter": mqtt_connector_contract::publisher::CertificateParameter,
                "flint:mqtt/publisher@0.2.0/certificate-time": mqtt_connector_contract::publisher::CertificateTime,
                "flint:mqtt/publisher@0.2.0/remark": mqtt_connector_contract::publisher::Remark,
                $($($name: $type,)+)?
            },
        });
    };
}
