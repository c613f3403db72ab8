//! The rules between parameters: what is right in itself, but not together with others.

use mqtt_connector_contract::proxy::{BASIC_SEPARATOR, MAX_SOCKS, fits_basic, fits_socks};
use mqtt_connector_contract::publisher::{ProtocolVersion, ProxyProtocol};

use super::build::private_key;
use super::{packet, vendors};
use crate::broker::{Brokers, ProxyUrl, ProxyUsername};
use crate::catalogue::{Name, Names, Only};
use crate::document::Merged;
use crate::parameters::Parameters;
use crate::problem::{Problem, Rule};

/// Judges parameters that are right in themselves.
pub(super) struct Rules<'m, 'a> {
    pub(super) merged: Merged<'m, 'a>,
    /// What is wrong; the rules add to it.
    pub(super) problems: Vec<Problem<'a>>,
}

impl Rules<'_, '_> {
    pub(super) fn check(&mut self, parameters: &Parameters) {
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
            vendors::check(parameters, payload, has_username, &mut |name, of, rule| {
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
                    (
                        Name::ProxyPassword,
                        parameters.proxy_password.as_ref().map(|password| password.as_str().len()),
                    ),
                ];
                for (name, length) in lengths {
                    if let Some(length) = length.filter(|length| !fits_socks(*length)) {
                        self.broken(name, Rule::SocksLength { length, maximum: MAX_SOCKS });
                    }
                }
            }
            ProxyProtocol::Http => {
                if given_username.is_some_and(|name| name.contains(BASIC_SEPARATOR)) {
                    self.broken(Name::ProxyUsername, Rule::BasicColon);
                }
                if given_username.is_some_and(|name| !fits_basic(name)) {
                    self.broken(Name::ProxyUsername, Rule::BasicControl);
                }
                if parameters.proxy_password.as_ref().is_some_and(|password| !fits_basic(password.as_str())) {
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
            ProtocolVersion::V5 => packet::properties_length(parameters),
        };
        if let Some(rule) = packet::judge(length, topic.as_str().len(), properties) {
            self.broken(name, rule);
        }
    }
}
