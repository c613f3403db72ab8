//! The rules between parameters: what was read → what the publisher is asked to do.

use crate::bindings::publisher::{
    ConnectOptions, ProtocolVersion as WireVersion, ProxyProtocol, PublishProperties, Qos, RetryPolicy,
    TlsOptions,
};
use crate::brokers::{Brokers, Schemes};
use crate::confidential::{ClientIdentity, Credentials, Message, Pem};
use crate::document::{Document, Source};
use crate::merge::Merged;
use crate::parameters::{Name, Names, Only, Parameters, ProtocolVersion};
use crate::pem;
use crate::problem::{Invalid, Problem, Rule};
use crate::properties;
use crate::proxy::{MAX_SOCKS, ProxyUrl, ProxyUsername};
use crate::text::{MqttString, Password};
use crate::tls::ServerName;
use crate::topic::Topic;
use crate::vendor::{self, BrokerVendor};

/// The largest remaining length of an MQTT packet, in bytes (MQTT 3.1.1, section 2.2.3).
const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// What a send comes to: one checked message, over which connection, and how hard to try.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The connection; publications that are equal in it share one.
    pub options: ConnectOptions,
    /// The message.
    pub message: Message,
    /// Time and retries.
    pub policy: RetryPolicy,
    /// What the answer has to tell besides.
    pub remarks: Remarks,
}

/// What [`crate::outcome`] has to know about a publication that the publisher does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remarks {
    /// How the brokers' URLs started, for messages that name a broker.
    pub schemes: Schemes,
    /// The quality of service that was asked for, when a vendor does not have it and the message has a lower one.
    pub lowered: Option<Qos>,
    /// The same of the will.
    pub will_lowered: bool,
    /// The vendor of the brokers who is to be named, if one has rules of his own.
    pub vendor: Option<BrokerVendor>,
    /// The message is to be kept for later subscribers, and the broker keeps none.
    pub not_retained: bool,
    /// `certificate` and `private-key` were given and `use-certificate` is false: a broker that refuses may
    /// have wanted them.
    pub unused_certificate: bool,
    /// Which of [`Names::TOLD`] were given.
    pub given: Names,
    /// Where the user name stood.
    pub username: Option<Source>,
    /// Where the password stood.
    pub password: Option<Source>,
}

/// A connection and how hard to try: publications that are equal in both are published together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The connection.
    pub options: ConnectOptions,
    /// Time and retries.
    pub policy: RetryPolicy,
}

/// A publication that may share its connection with the one before it.
#[derive(Debug)]
pub struct Prepared {
    /// The connection; `None`: that of the request before this one among those that were right.
    pub connection: Option<Connection>,
    /// The message.
    pub message: Message,
    /// What the answer has to tell besides.
    pub remarks: Remarks,
}

/// Requests over one configuration, one after the other.
///
/// What a request has in common with the one before it, or with all because it stands in the configuration, is read
/// once: a parameter whose text is the same has been read already, and what it is taken for is kept. The rules between
/// parameters are judged for every request.
pub struct Requests<'c, 'a> {
    config: &'c Result<Document<'a>, Problem<'a>>,
    /// The request whose parameters are kept; `None` when there is none, or when something was wrong with it: that has
    /// to be found, and told, anew.
    last: Option<Document<'a>>,
    parameters: Parameters,
}

impl<'c, 'a> Requests<'c, 'a> {
    /// Requests over a configuration that has been read already.
    pub fn over(config: &'c Result<Document<'a>, Problem<'a>>) -> Self {
        Requests { config, last: None, parameters: Parameters::default() }
    }

    /// Lays the request over the configuration and checks everything.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the table, the rules between parameters last. When a text is not even
    /// a JSON object, only that is reported.
    pub fn prepare(&mut self, request: &'a str) -> Result<Prepared, Invalid<'a>> {
        let last = self.last.take();
        let (config, request) = match (self.config, Document::read(Source::Request, request)) {
            (Ok(config), Ok(request)) => (config, request),
            (Err(config), Ok(_)) => return Err(Invalid(vec![config.clone()])),
            (Ok(_), Err(request)) => return Err(Invalid(vec![request])),
            (Err(config), Err(request)) => return Err(Invalid(vec![config.clone(), request])),
        };
        let merged = Merged::new(config, &request);
        let mut problems = Vec::new();
        problems.extend_from_slice(config.problems());
        problems.extend_from_slice(request.problems());
        let parameters = &mut self.parameters;
        let is_same_connection = if let Some(last) = last {
            let differences = request.differences(&last, Names::ALL.without(Names::CONTENT));
            // The message before has taken its content with it.
            parameters.read_again(differences.or(Names::CONTENT), merged, &mut problems);
            differences.without(Names::MESSAGE).is_empty()
        } else {
            *parameters = Parameters::read(merged, &mut problems);
            false
        };
        let mut rules = Rules { merged, problems };
        rules.check(parameters);
        if !rules.problems.is_empty() {
            return Err(Invalid(rules.problems));
        }
        let prepared = build(parameters, merged, is_same_connection).ok_or(Invalid(rules.problems))?;
        self.last = Some(request);
        Ok(prepared)
    }
}

/// Puts the parameters together, without the connection if that is the one before; moves the content out of them.
/// `None` when a required one is missing, which [`Rules`] have reported.
fn build(parameters: &mut Parameters, merged: Merged<'_, '_>, is_same_connection: bool) -> Option<Prepared> {
    let is_text = parameters.content.is_some();
    let content = parameters.content.take();
    let payload = content.or(parameters.content_base64.take())?;
    let asked = parameters.qos.unwrap_or(Qos::ExactlyOnce);
    let vendors = parameters.vendors();
    let vendor = vendors.first();
    let lowered = (vendor.is_some() && asked == Qos::ExactlyOnce).then_some(asked);
    let will = parameters.will.will.as_ref();
    let will_lowered = vendor.is_some() && will.is_some_and(|will| will.qos == Qos::ExactlyOnce);
    let message = Message {
        topic: parameters.topic.clone()?.into_string(),
        payload,
        qos: if lowered.is_some() { Qos::AtLeastOnce } else { asked },
        retain: parameters.retain.unwrap_or(false),
        properties: (parameters.version() == ProtocolVersion::V5).then(|| properties(parameters, is_text)),
    };
    let unused_certificate = !parameters.use_certificate.unwrap_or(false)
        && parameters
            .certificate
            .as_ref()
            .is_some_and(|pem| parameters.private_key.is_some() || pem::holds_key(pem));
    let schemes = parameters.broker.as_ref()?.schemes();
    let not_retained = message.retain && vendors.has(BrokerVendor::AzureIotHub);
    let given = merged.given().and(Names::TOLD);
    let source = |name| merged.get(name).map(|given| given.source);
    let (username, password) = (source(Name::Username), source(Name::Password));
    let remarks = Remarks {
        schemes,
        lowered,
        will_lowered,
        vendor,
        not_retained,
        unused_certificate,
        given,
        username,
        password,
    };
    let connection = if is_same_connection { None } else { Some(connect(parameters)?) };
    Some(Prepared { connection, message, remarks })
}

/// The properties of the message under MQTT 5; the next message may have the same.
fn properties(parameters: &Parameters, is_text: bool) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: parameters.payload_format_indicator.unwrap_or(is_text),
        content_type: parameters.content_type.clone().map(MqttString::into_string),
        response_topic: parameters.response_topic.clone().map(Topic::into_string),
        correlation_data: parameters.correlation_data.clone(),
        message_expiry_interval: parameters.message_expiry_interval,
        user_properties: parameters.user_properties.clone().unwrap_or_default(),
    }
}

/// The connection that the parameters describe; `None` when a required one is missing.
fn connect(parameters: &Parameters) -> Option<Connection> {
    let version = parameters.version();
    let brokers = parameters.broker.as_ref()?;
    let identity = if parameters.use_certificate.unwrap_or(false) {
        Some(ClientIdentity {
            certificate: parameters.certificate.clone()?,
            private_key: private_key(parameters)?.clone(),
            private_key_password: parameters.private_key_password.clone(),
        })
    } else {
        None
    };
    let tls = brokers.any_tls().then(|| TlsOptions {
        root_ca: parameters.root_ca_crt.clone(),
        alpn_protocols: parameters.alpn_protocols.clone().unwrap_or_else(|| {
            let name = match (&identity, &parameters.username) {
                _ if !brokers.any_by_alpn() => None,
                (_, Some(username)) if vendor::names_authorizer(username.as_str()) => {
                    Some(vendor::ALPN_AUTHORIZER)
                }
                (Some(_), _) => Some(vendor::ALPN_CERTIFICATE),
                (None, Some(_)) => Some(vendor::ALPN_AUTHORIZER),
                (None, None) => None,
            };
            name.map(str::to_owned).into_iter().collect()
        }),
        identity,
        server_name: parameters.server_name.clone().map(ServerName::into_string),
        verify_server: parameters.verify_server.unwrap_or(true),
    });
    let username = parameters.username.clone().map(MqttString::into_string);
    let proxy_username = || parameters.proxy_username.clone().map(ProxyUsername::into_string);
    let proxy_credentials = || credentials(proxy_username(), &parameters.proxy_password);
    Some(Connection {
        options: ConnectOptions {
            brokers: brokers.to_wire(),
            proxy: parameters.proxy.clone().map(|proxy| proxy.into_wire(proxy_credentials())),
            protocol_version: match version {
                ProtocolVersion::V311 => WireVersion::V311,
                ProtocolVersion::V5 => WireVersion::V5,
            },
            client_id: parameters.client_id.clone()?.into_string(),
            credentials: credentials(username, &parameters.password),
            clean_session: parameters.clean_session.unwrap_or(true),
            keep_alive: parameters.keep_alive.unwrap_or(60),
            will: parameters.will.will.clone().map(|mut will| {
                if version == ProtocolVersion::V311 {
                    will.properties = None;
                }
                if will.qos == Qos::ExactlyOnce && brokers.vendors().first().is_some() {
                    will.qos = Qos::AtLeastOnce;
                }
                will
            }),
            tls,
            websocket_headers: parameters.websocket_headers.clone().unwrap_or_default(),
            session_expiry_interval: parameters.session_expiry_interval,
        },
        policy: RetryPolicy {
            timeout: parameters.timeout.unwrap_or(60_000),
            retries: parameters.retries.unwrap_or(10),
        },
    })
}

/// Where the key of the certificate is: in a parameter of its own, or with the certificate.
fn private_key(parameters: &Parameters) -> Option<&Pem> {
    let with_certificate = || parameters.certificate.as_ref().filter(|pem| pem::holds_key(pem));
    parameters.private_key.as_ref().or_else(with_certificate)
}

#[inline(never)]
fn credentials(username: Option<String>, password: &Option<Password>) -> Option<Credentials> {
    if username.is_none() && password.is_none() {
        return None;
    }
    Some(Credentials { username, password: password.clone().map(Password::into_string) })
}

struct Rules<'m, 'a> {
    merged: Merged<'m, 'a>,
    problems: Vec<Problem<'a>>,
}

impl Rules<'_, '_> {
    fn check(&mut self, parameters: &Parameters) {
        self.required();
        // A version that is wrong has been reported; what it rules out is not known.
        let given = self.merged.given();
        let names_version = !given.and(Names::of(&[Name::ProtocolVersion])).is_empty();
        let version_is_known = parameters.protocol_version.is_some() || !names_version;
        let is_v311 = version_is_known && parameters.version() == ProtocolVersion::V311;
        if !given.and(Names::ONLY.with(Name::Will)).is_empty() {
            self.only(parameters, is_v311);
        }
        if parameters.password.is_some() && !self.merged.has(Name::Username) && is_v311 {
            self.broken(Name::Password, Rule::PasswordWithoutUsername);
        }
        if let (Some(client_id), Some(false)) = (&parameters.client_id, parameters.clean_session)
            && client_id.as_str().is_empty()
        {
            self.broken(Name::ClientId, Rule::EmptyClientId);
        }
        if parameters.use_certificate == Some(true) {
            self.certificate(parameters);
        }
        if let Some(proxy) = &parameters.proxy {
            self.proxy(proxy, parameters);
        }
        if let (Some(true), Some(payload)) = (parameters.payload_format_indicator, &parameters.content_base64)
            && let Some(rule) = Rule::text(payload)
        {
            self.broken(Name::PayloadFormatIndicator, rule);
        }
        let payload = match (&parameters.content, &parameters.content_base64) {
            (Some(payload), _) => Some((Name::Content, payload.len())),
            (None, Some(payload)) => Some((Name::ContentBase64, payload.len())),
            (None, None) => None,
        };
        self.packet(parameters, payload);
        if parameters.vendors().first().is_some() {
            let (merged, problems) = (self.merged, &mut self.problems);
            let has_username = merged.has(Name::Username);
            vendor::rules::check(parameters, payload, has_username, &mut |name, of, rule| {
                problems.push(Problem::Rule { name, source: merged.get(of).map(|given| given.source), rule });
            });
        }
    }

    fn broken(&mut self, name: Name, rule: Rule) {
        let source = self.merged.get(name).map(|given| given.source);
        self.problems.push(Problem::Rule { name: name.as_str(), source, rule });
    }

    fn required(&mut self) {
        let content = self.merged.get(Name::Content).map(|given| given.source);
        let base64 = self.merged.get(Name::ContentBase64).map(|given| given.source);
        if content.is_some() && base64.is_some() {
            self.broken(Name::Content, Rule::OneContent);
        }
        for name in Names::REQUIRED.iter() {
            let by_other_name = name == Name::Content && base64.is_some();
            if !self.merged.has(name) && !by_other_name {
                self.problems.push(Problem::Missing { name });
            }
        }
    }

    /// What means something only under MQTT 5, on a WebSocket or through a proxy is never dropped in silence.
    fn only(&mut self, parameters: &Parameters, is_v311: bool) {
        let is_websocket = parameters.broker.as_ref().is_none_or(Brokers::any_websocket);
        let has_proxy = self.merged.has(Name::Proxy);
        for name in Names::ONLY.and(self.merged.given()).iter() {
            match name.parameter().only {
                Some(Only::Mqtt5) if is_v311 => self.broken(name, Rule::OnlyMqtt5),
                Some(Only::WebSocket) if !is_websocket => self.broken(name, Rule::OnlyWebSocket),
                Some(Only::Proxy) if !has_proxy => self.broken(name, Rule::OnlyProxy),
                Some(Only::Mqtt5 | Only::WebSocket | Only::Proxy) | None => {}
            }
        }
        if is_v311 {
            let source = self.merged.get(Name::Will).map(|given| given.source);
            let members = parameters.will.only_mqtt5();
            self.problems.extend(members.map(|name| Problem::Rule { name, source, rule: Rule::OnlyMqtt5 }));
        }
    }

    fn proxy(&mut self, proxy: &ProxyUrl, parameters: &Parameters) {
        let has = |name| self.merged.has(name);
        let (username, password) = (has(Name::ProxyUsername), has(Name::ProxyPassword));
        if password && !username {
            self.broken(Name::ProxyPassword, Rule::ProxyPasswordWithoutUsername);
        }
        let given_username = parameters.proxy_username.as_ref().map(ProxyUsername::as_str);
        match proxy.protocol() {
            ProxyProtocol::Socks5 => {
                if username && !password {
                    self.broken(Name::ProxyUsername, Rule::SocksUsernameWithoutPassword);
                }
                let lengths = [
                    (Name::ProxyUsername, given_username.map(str::len)),
                    (Name::ProxyPassword, parameters.proxy_password.as_ref().map(Password::len)),
                ];
                for (name, length) in lengths {
                    if let Some(length) = length.filter(|length| !(1..=MAX_SOCKS).contains(length)) {
                        self.broken(name, Rule::SocksLength { length });
                    }
                }
            }
            ProxyProtocol::Http => {
                if given_username.is_some_and(|name| name.contains(':')) {
                    self.broken(Name::ProxyUsername, Rule::BasicColon);
                }
                if given_username.is_some_and(|name| name.contains(char::is_control)) {
                    self.broken(Name::ProxyUsername, Rule::BasicControl);
                }
                if parameters.proxy_password.as_ref().is_some_and(Password::has_control) {
                    self.broken(Name::ProxyPassword, Rule::BasicControl);
                }
            }
        }
    }

    fn certificate(&mut self, parameters: &Parameters) {
        if let Some(brokers) = parameters.broker.as_ref().filter(|brokers| !brokers.all_tls()) {
            let is_one = brokers.as_slice().len() == 1;
            let somewhere = Rule::CertificateWithoutTlsSomewhere;
            self.broken(Name::UseCertificate, if is_one { Rule::CertificateWithoutTls } else { somewhere });
        }
        for name in [Name::Certificate, Name::PrivateKey] {
            let comes_with = name == Name::PrivateKey && private_key(parameters).is_some();
            if !self.merged.has(name) && !comes_with {
                self.broken(name, Rule::CertificateIncomplete);
            }
        }
    }

    fn packet(&mut self, parameters: &Parameters, payload: Option<(Name, usize)>) {
        let (Some((name, length)), Some(topic)) = (payload, &parameters.topic) else { return };
        let properties = match parameters.version() {
            ProtocolVersion::V311 => 0,
            ProtocolVersion::V5 => properties::length(parameters),
        };
        if let Some(rule) = packet(length, topic.as_str().len(), properties) {
            self.broken(name, rule);
        }
    }
}

/// What is wrong with a packet of PUBLISH whose payload, topic and properties have so many bytes.
fn packet(length: usize, topic: usize, properties: usize) -> Option<Rule> {
    // The topic and its length; the packet identifier is there from QoS 1 on.
    let maximum = MAX_REMAINING_LENGTH - topic - 4;
    if properties > maximum {
        return Some(Rule::PropertiesTooLarge { length: properties });
    }
    let maximum = maximum - properties;
    (length > maximum).then_some(Rule::PacketTooLarge { length, maximum })
}

/// Reads configuration and request and prepares what they ask for.
///
/// # Errors
///
/// As [`Requests::prepare`].
pub fn prepare<'a>(config: &'a str, request: &'a str) -> Result<Publication, Invalid<'a>> {
    let config = Document::read(Source::Configuration, config);
    let Prepared { connection, message, remarks } = Requests::over(&config).prepare(request)?;
    // There is no request before the first: it always has a connection of its own.
    let Connection { options, policy } = connection.ok_or(Invalid(Vec::new()))?;
    Ok(Publication { options, message, policy, remarks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_into_a_packet() {
        let too_large = |length, maximum| Some(Rule::PacketTooLarge { length, maximum });
        for (length, topic, properties, rule) in [
            (268_435_450, 1, 0, None),
            (268_435_451, 1, 0, too_large(268_435_451, 268_435_450)),
            (268_435_440, 1, 10, None),
            (268_435_441, 1, 10, too_large(268_435_441, 268_435_440)),
            (0, 1, 268_435_450, None),
            (1, 1, 268_435_450, too_large(1, 0)),
            (0, 1, 268_435_451, Some(Rule::PropertiesTooLarge { length: 268_435_451 })),
            (0, 65_535, usize::MAX, Some(Rule::PropertiesTooLarge { length: usize::MAX })),
        ] {
            assert_eq!(packet(length, topic, properties), rule, "{length} {topic} {properties}");
        }
    }
}
