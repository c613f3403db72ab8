//! The parameters: one table of what there is, and the merged documents read by it.
//!
//! [`PARAMETERS`] is the one source of names, types, ranges, defaults and descriptions. The JSON Schema
//! ([`crate::schema`]), the flags of the command line and the table in the README are made from it.

mod foreign;
mod names;
mod reader;
mod table;

use std::borrow::Cow;

use crate::bindings::publisher::Qos;
use crate::brokers::Brokers;
use crate::confidential::{Pem, WebsocketHeader};
use crate::merge::Merged;
use crate::problem::Problem;
use crate::proxy::{ProxyUrl, ProxyUsername};
use crate::text::{MqttString, Password};
use crate::tls::{self, ServerName};
use crate::topic::Topic;
use crate::vendor::Vendors;
use crate::{content, properties, qos, websocket, will};
use reader::Reader;

pub use foreign::{Tip, foreign};
pub use names::Names;
pub use table::{ACTION, COUNT, PARAMETERS};

/// The names alone, close together: a search through them reads far less memory than one through the table.
pub(crate) const TEXTS: [&str; COUNT] = {
    let mut texts = [""; COUNT];
    let mut index = 0;
    while index < COUNT {
        texts[index] = PARAMETERS[index].name;
        index += 1;
    }
    texts
};

/// The name of a parameter; as a number, its index in [`PARAMETERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented in PARAMETERS, once")]
pub enum Name {
    Action,
    Broker,
    ClientId,
    Username,
    Password,
    Topic,
    Qos,
    Retain,
    Content,
    ContentBase64,
    RootCaCrt,
    UseCertificate,
    Certificate,
    PrivateKey,
    PrivateKeyPassword,
    ServerName,
    AlpnProtocols,
    VerifyServer,
    CleanSession,
    KeepAlive,
    Timeout,
    Retries,
    Will,
    ProtocolVersion,
    ContentType,
    ResponseTopic,
    CorrelationData,
    PayloadFormatIndicator,
    MessageExpiryInterval,
    SessionExpiryInterval,
    UserProperties,
    WebsocketHeaders,
    Proxy,
    ProxyUsername,
    ProxyPassword,
}

impl Name {
    /// The parameter that is called `name`; case matters.
    pub fn find(name: &str) -> Option<Name> {
        let index = TEXTS.iter().position(|text| *text == name)?;
        PARAMETERS.get(index).map(|parameter| parameter.id)
    }

    /// What there is to know about the parameter.
    pub fn parameter(self) -> &'static Parameter {
        &PARAMETERS[self as usize]
    }

    /// The name as it stands in a document.
    pub fn as_str(self) -> &'static str {
        self.parameter().name
    }
}

/// What JSON value a parameter wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This string and no other.
    Constant(&'static str),
    /// A string that looks like this.
    String(Text),
    /// One of several strings.
    Choice(&'static [&'static str]),
    /// A string, or a list of strings: URLs of brokers.
    Brokers,
    /// The number 0, 1 or 2.
    Qos,
    /// A whole number.
    Integer {
        /// The lowest.
        minimum: u32,
        /// The highest.
        maximum: u32,
        /// What it counts, in the plural; empty when it is just a number.
        unit: &'static str,
    },
    /// `true` or `false`.
    Boolean,
    /// A list of strings.
    Strings,
    /// An object whose members are strings.
    Texts,
    /// An object whose members are strings, or a list of pairs of strings.
    Properties,
    /// The object that describes a will.
    Will,
    /// Any JSON value but `null`.
    Any,
}

/// What a string has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Any.
    Any,
    /// A UTF-8 string of an MQTT packet: [`crate::text::MqttString`].
    Mqtt,
    /// Bytes of an MQTT packet: [`crate::text::Password`].
    Bytes,
    /// A user name for a proxy: [`crate::proxy::ProxyUsername`].
    ProxyUsername,
    /// A topic to publish to: [`crate::topic::Topic`].
    Topic,
    /// Standard base64: [`crate::content::read_base64`].
    Base64,
    /// PEM text, or the path of a file: [`crate::pem::read`].
    Pem,
    /// A host name or an IP address: [`crate::tls::ServerName`].
    ServerName,
    /// The URL of a proxy: [`crate::proxy::ProxyUrl`].
    Proxy,
}

/// Who may see a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// A message may show it, shortened.
    Open,
    /// No message shows it: content and certificates.
    Unshown,
    /// No message shows it, and no form gives it back (`writeOnly` in the schema): passwords and keys.
    Secret,
}

/// One parameter, for people and programs that have to know what there is.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name as the code has it.
    pub id: Name,
    /// The name as it stands in a document, and on the command line after `--`.
    pub name: &'static str,
    /// A title for a form.
    pub title: &'static str,
    /// What it does, on one line, with units and conditions.
    pub description: &'static str,
    /// What JSON value it wants.
    pub kind: Kind,
    /// The value it has when it is not given, as JSON text.
    pub default: Option<&'static str>,
    /// The default in words: the same as `default`, or what happens without the parameter, or "required".
    pub default_note: &'static str,
    /// Whether a send needs it. Judged after the request has been laid over the configuration; `content` is
    /// also satisfied by `content-base64`.
    pub required: bool,
    /// Who may see the value.
    pub secrecy: Secrecy,
    /// A right value, as JSON text.
    pub example: &'static str,
    /// Where alone it means something; anywhere else, giving it is an error.
    pub only: Option<Only>,
}

/// What a parameter may need to mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// `protocol-version` "5".
    Mqtt5,
    /// A broker with the scheme `ws` or `wss`.
    WebSocket,
    /// `proxy`.
    Proxy,
}

/// The merged documents, read: each parameter right in itself, `None` when it was not given or is wrong.
///
/// The rules between parameters are those of [`crate::publication`]. There is no `Debug`: most of it is secret.
#[derive(Default)]
#[expect(missing_docs, reason = "each is documented in PARAMETERS, once")]
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

/// A version of MQTT, as `protocol-version` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// "3.1.1"
    V311,
    /// "5"
    V5,
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
            Name::Action => reader.read_action(),
            Name::Broker => {
                let given = reader.merged.get(name);
                self.broker = given.and_then(|given| Brokers::read(given, reader.problems));
            }
            Name::ClientId => self.client_id = reader.read_string(name),
            Name::Username => self.username = reader.read_string(name),
            Name::Password => self.password = reader.read_password(name),
            Name::Topic => self.topic = reader.read_topic(name),
            Name::Qos => self.qos = reader.read(name, qos::read),
            Name::Retain => self.retain = reader.read_boolean(name),
            Name::Content => self.content = reader.read(name, content::read),
            Name::ContentBase64 => self.content_base64 = reader.read(name, content::read_base64),
            Name::RootCaCrt => self.root_ca_crt = reader.read_pem(name),
            Name::UseCertificate => self.use_certificate = reader.read_boolean(name),
            Name::Certificate => self.certificate = reader.read_pem(name),
            Name::PrivateKey => self.private_key = reader.read_pem(name),
            Name::PrivateKeyPassword => {
                self.private_key_password = reader.read(name, |value| value.string().map(Cow::into_owned));
            }
            Name::ServerName => {
                self.server_name = reader.read(name, |value| ServerName::new(value.string()?));
            }
            Name::AlpnProtocols => self.alpn_protocols = reader.read(name, tls::read_alpn),
            Name::VerifyServer => self.verify_server = reader.read_boolean(name),
            Name::CleanSession => self.clean_session = reader.read_boolean(name),
            Name::KeepAlive => self.keep_alive = reader.read_integer(name),
            Name::Timeout => self.timeout = reader.read_integer(name),
            Name::Retries => self.retries = reader.read_integer(name),
            Name::Will => {
                let given = reader.merged.get(name);
                self.will = given.map(|given| will::read(given, reader.problems)).unwrap_or_default();
            }
            Name::ProtocolVersion => self.protocol_version = reader.read_version(),
            Name::ContentType => self.content_type = reader.read_string(name),
            Name::ResponseTopic => self.response_topic = reader.read_topic(name),
            Name::CorrelationData => {
                self.correlation_data =
                    reader.read_password(name).map(|data| data.into_string().into_bytes());
            }
            Name::PayloadFormatIndicator => self.payload_format_indicator = reader.read_boolean(name),
            Name::MessageExpiryInterval => self.message_expiry_interval = reader.read_integer(name),
            Name::SessionExpiryInterval => self.session_expiry_interval = reader.read_integer(name),
            Name::UserProperties => self.user_properties = reader.read(name, properties::read_user),
            Name::WebsocketHeaders => self.websocket_headers = reader.read(name, websocket::read_headers),
            Name::Proxy => self.proxy = reader.read_proxy(),
            Name::ProxyUsername => {
                self.proxy_username = reader.read(name, |value| ProxyUsername::new(value.string()?));
            }
            Name::ProxyPassword => self.proxy_password = reader.read_password(name),
        }
    }

    /// The version of MQTT to speak; 3.1.1 also when it is wrong.
    pub fn version(&self) -> ProtocolVersion {
        self.protocol_version.unwrap_or(ProtocolVersion::V311)
    }

    /// The vendors whose rules hold: those of the brokers.
    pub fn vendors(&self) -> Vendors {
        self.broker.as_ref().map(Brokers::vendors).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_index_of_its_parameter() {
        for (index, parameter) in PARAMETERS.iter().enumerate() {
            assert_eq!(parameter.id as usize, index, "{}", parameter.name);
            assert_eq!(Name::find(parameter.name), Some(parameter.id), "{}", parameter.name);
        }
    }
}
