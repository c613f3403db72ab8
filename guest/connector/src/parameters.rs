//! The merged documents, read by the catalogue: each parameter right in itself.

mod reader;

use mqtt_connector_contract::publisher::{Pem, ProtocolVersion, Qos, WebsocketHeader};

use crate::broker::{Brokers, ProxyUrl, ProxyUsername, ServerName, tls, websocket};
use crate::catalogue::{Name, Names};
use crate::document::Merged;
use crate::message::text::{MqttString, Password};
use crate::message::topic::Topic;
use crate::message::{content, properties, qos, version, will};
use crate::problem::Problem;
use crate::vendor::Vendors;
use reader::Reader;

/// The merged documents, read: each parameter right in itself, `None` when it was not given or is wrong.
///
/// The rules between parameters are those of [`crate::publication`]. There is no `Debug`: most of it is secret.
#[derive(Default)]
#[expect(missing_docs, reason = "each is documented in the catalogue, once")]
pub struct Parameters {
    pub broker: Option<Brokers>,
    pub client_id: Option<MqttString>,
    pub username: Option<MqttString>,
    pub password: Option<Password>,
    pub topic: Option<Topic>,
    pub qos: Option<Qos>,
    pub retain: Option<bool>,
    pub content: Option<Vec<u8>>,
    pub content_base64: Option<Vec<u8>>,
    pub root_ca_crt: Option<Pem>,
    pub use_certificate: Option<bool>,
    pub certificate: Option<Pem>,
    pub private_key: Option<Pem>,
    pub private_key_password: Option<String>,
    pub server_name: Option<ServerName>,
    pub alpn_protocols: Option<Vec<String>>,
    pub verify_server: Option<bool>,
    pub clean_session: Option<bool>,
    pub keep_alive: Option<u16>,
    pub timeout: Option<u32>,
    pub retries: Option<u8>,
    pub will: will::Read,
    pub protocol_version: Option<ProtocolVersion>,
    pub content_type: Option<MqttString>,
    pub response_topic: Option<Topic>,
    pub correlation_data: Option<Vec<u8>>,
    pub payload_format_indicator: Option<bool>,
    pub message_expiry_interval: Option<u32>,
    pub session_expiry_interval: Option<u32>,
    pub user_properties: Option<Vec<(String, String)>>,
    pub websocket_headers: Option<Vec<WebsocketHeader>>,
    pub proxy: Option<ProxyUrl>,
    pub proxy_username: Option<ProxyUsername>,
    pub proxy_password: Option<Password>,
}

impl Parameters {
    /// Reads every parameter that [`Merged`] holds; what is wrong with any of them goes to `problems`.
    pub fn read<'a>(merged: Merged<'_, 'a>, problems: &mut Vec<Problem<'a>>) -> Self {
        let mut parameters = Parameters::default();
        parameters.read_again(merged.given(), merged, problems);
        parameters
    }

    /// Reads these parameters, in the order of the table; the others stay as they are. What is wrong with one of
    /// `names`, or not given, is `None` afterwards.
    pub fn read_again<'a>(&mut self, names: Names, merged: Merged<'_, 'a>, problems: &mut Vec<Problem<'a>>) {
        let mut reader = Reader { merged, problems };
        for name in names.iter() {
            self.read_one(name, &mut reader);
        }
    }

    fn read_one(&mut self, name: Name, reader: &mut Reader<'_, '_, '_>) {
        match name {
            Name::Action => reader.action(),
            Name::Broker => self.broker = reader.whole(name, Brokers::read).flatten(),
            Name::ClientId => self.client_id = reader.string(name),
            Name::Username => self.username = reader.string(name),
            Name::Password => self.password = reader.password(name),
            Name::Topic => self.topic = reader.value(name, Topic::read),
            Name::Qos => self.qos = reader.value(name, qos::read),
            Name::Retain => self.retain = reader.boolean(name),
            Name::Content => self.content = reader.content(),
            Name::ContentBase64 => self.content_base64 = reader.value(name, content::read_base64),
            Name::RootCaCrt => self.root_ca_crt = reader.pem(name),
            Name::UseCertificate => self.use_certificate = reader.boolean(name),
            Name::Certificate => self.certificate = reader.pem(name),
            Name::PrivateKey => self.private_key = reader.pem(name),
            Name::PrivateKeyPassword => {
                self.private_key_password = reader.value(name, |value| Ok(value.string()?.into_owned()));
            }
            Name::ServerName => self.server_name = reader.value(name, ServerName::read),
            Name::AlpnProtocols => self.alpn_protocols = reader.value(name, tls::read_alpn),
            Name::VerifyServer => self.verify_server = reader.boolean(name),
            Name::CleanSession => self.clean_session = reader.boolean(name),
            Name::KeepAlive => self.keep_alive = reader.integer(name),
            Name::Timeout => self.timeout = reader.integer(name),
            Name::Retries => self.retries = reader.integer(name),
            Name::Will => self.will = reader.whole(name, will::read).unwrap_or_default(),
            Name::ProtocolVersion => self.protocol_version = reader.value(name, version::read),
            Name::ContentType => self.content_type = reader.string(name),
            Name::ResponseTopic => self.response_topic = reader.value(name, Topic::read),
            Name::CorrelationData => {
                self.correlation_data = reader.password(name).map(|data| data.into_string().into_bytes());
            }
            Name::PayloadFormatIndicator => self.payload_format_indicator = reader.boolean(name),
            Name::MessageExpiryInterval => self.message_expiry_interval = reader.integer(name),
            Name::SessionExpiryInterval => self.session_expiry_interval = reader.integer(name),
            Name::UserProperties => self.user_properties = reader.value(name, properties::read_user),
            Name::WebsocketHeaders => self.websocket_headers = reader.value(name, websocket::read_headers),
            Name::Proxy => self.proxy = reader.whole(name, ProxyUrl::read).flatten(),
            Name::ProxyUsername => self.proxy_username = reader.value(name, ProxyUsername::read),
            Name::ProxyPassword => self.proxy_password = reader.password(name),
        }
    }

    /// The version of MQTT to speak; 3.1.1 also when it is wrong.
    pub fn version(&self) -> ProtocolVersion {
        self.protocol_version.unwrap_or(ProtocolVersion::V311)
    }

    /// The vendors of the brokers; the rules of each of them hold.
    pub fn vendors(&self) -> Vendors {
        self.broker.as_ref().map(Brokers::vendors).unwrap_or_default()
    }
}
