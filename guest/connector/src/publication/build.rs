//! What was read → what the publisher is asked to do.

use mqtt_connector_contract::publisher::{
    ClientIdentity, ConnectOptions, Credentials, Message, Pem, ProtocolVersion, PublishProperties, Qos,
    RetryPolicy, TlsOptions,
};

use super::{Connection, Prepared, Remarks};
use crate::broker::{ProxyUsername, ServerName, pem};
use crate::catalogue::{Name, Names};
use crate::document::Merged;
use crate::message::text::{MqttString, Password};
use crate::message::topic::Topic;
use crate::parameters::Parameters;
use crate::vendor::{self, BrokerVendor};

/// Makes a publication of the parameters, and moves the content out of them. It has no connection when that is the same as the
/// previous request's. `None` when a required parameter is missing, which the rules have reported.
pub(super) fn build(
    parameters: &mut Parameters,
    merged: Merged<'_, '_>,
    is_same_connection: bool,
) -> Option<Prepared> {
    let is_text = parameters.content.is_some();
    let content = parameters.content.take();
    let payload = content.or(parameters.content_base64.take())?;
    let asked = parameters.qos.unwrap_or(Qos::ExactlyOnce);
    let vendors = parameters.vendors();
    let vendor = vendors.first();
    let lowered = vendor.is_some() && asked == Qos::ExactlyOnce;
    let will = parameters.will.will.as_ref();
    let will_lowered = vendor.is_some() && will.is_some_and(|will| will.qos == Qos::ExactlyOnce);
    let message = Message {
        topic: parameters.topic.clone()?.into_string(),
        payload,
        qos: if lowered { Qos::AtLeastOnce } else { asked },
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
            protocol_version: version,
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
pub(super) fn private_key(parameters: &Parameters) -> Option<&Pem> {
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
