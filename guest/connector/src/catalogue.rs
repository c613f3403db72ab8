//! The catalogue of parameters: one table of what there is.
//!
//! [`PARAMETERS`] is the one source of names, types, ranges, defaults and descriptions. The JSON Schema
//! ([`crate::schema`]), the flags of the command line and the table in docs/parameters.md are made from it; values are read by it
//! elsewhere ([`crate::parameters`]).

mod foreign;
mod known;
mod names;
mod table;
pub mod will;

pub use foreign::{Tip, foreign};
pub use known::Known;
pub use names::Names;
pub use table::{ACTION, COUNT, PARAMETERS};

/// The names alone, close together: a search through them reads far less memory than one through the table.
const TEXTS: [&str; COUNT] = {
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
    Choice {
        /// The strings.
        values: &'static [&'static str],
        /// What a form shows in front of each.
        called: &'static str,
    },
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
    /// A UTF-8 string of an MQTT packet: [`crate::message::text::MqttString`].
    Mqtt,
    /// Bytes of an MQTT packet: [`crate::message::text::Password`].
    Bytes,
    /// A user name for a proxy: [`crate::broker::proxy::ProxyUsername`].
    ProxyUsername,
    /// A topic to publish to: [`crate::message::topic::Topic`].
    Topic,
    /// Standard base64: [`crate::message::content::read_base64`].
    Base64,
    /// PEM text, or the path of a file: [`crate::broker::pem::read`].
    Pem,
    /// A host name or an IP address: [`crate::broker::tls::ServerName`].
    ServerName,
    /// The URL of a proxy: [`crate::broker::proxy::ProxyUrl`].
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
    /// What has to be given as well, since it means nothing without; `None` when it always means something. Given without that, it
    /// is an error.
    pub only: Option<Only>,
}

/// What a parameter may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// `protocol-version` "5".
    Mqtt5,
    /// A broker with the scheme `ws` or `wss`.
    WebSocket,
    /// `proxy`.
    Proxy,
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
