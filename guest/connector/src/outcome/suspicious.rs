//! What a dry run remarks: what is suspicious, and not wrong. Each remark is a sentence.

use std::fmt;
use std::net::IpAddr;

use mqtt_connector_contract::publisher::{
    Broker, CertificateParameter, CertificateTime, ConnectOptions, Message, ProtocolVersion, Qos, Remark,
    Transport,
};
use mqtt_connector_contract::shown::{self, Shown};
use mqtt_connector_contract::span::Span;
use mqtt_connector_contract::white_space::Stray;

use crate::catalogue::{Name, Names};

/// What is suspicious about a publication, as sentences with a space before each.
pub(super) struct Suspicious<'a> {
    pub(super) options: &'a ConnectOptions,
    pub(super) message: &'a Message,
    /// Which of [`Names::TOLD`] were given.
    pub(super) given: Names,
    /// What the publisher found.
    pub(super) remarked: &'a [Remark],
}

impl fmt::Display for Suspicious<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ports(f)?;
        self.tls(f)?;
        self.password(f)?;
        self.headers(f)?;
        self.session(f)?;
        self.white_space(f)?;
        if self.message.retain && self.message.payload.is_empty() {
            f.write_str(
                " The content is empty and retain is true: the broker forgets what it keeps for the topic.",
            )?;
        }
        self.remarked.iter().try_for_each(|remark| self.remarked(f, remark))
    }
}

impl Suspicious<'_> {
    /// A port that is usually another transport's.
    fn ports(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Broker { transport, port, .. } in &self.options.brokers {
            let (has_tls, scheme) = match (transport, port) {
                (Transport::Tcp, 443 | 8883) => (true, "ssl"),
                (Transport::Websocket, 443 | 8883) => (true, "wss"),
                (Transport::Tls, 80 | 1883) => (false, "tcp"),
                (Transport::WebsocketTls, 80 | 1883) => (false, "ws"),
                (Transport::Tcp | Transport::Tls | Transport::Websocket | Transport::WebsocketTls, _) => {
                    continue;
                }
            };
            let with = if has_tls { "with" } else { "without" };
            write!(f, " Port {port} is usually {with} TLS, which is named with {scheme}://.")?;
        }
        Ok(())
    }

    fn tls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const IDENTITY: Names = Names::of(&[Name::Certificate, Name::PrivateKey]);
        let tls = self.options.tls.as_ref();
        let unused = self.given.and(IDENTITY);
        if tls.is_none_or(|tls| tls.identity.is_none()) && !unused.is_empty() {
            let are = if unused == IDENTITY { "are" } else { "is" };
            write!(f, " {} {are} not used, because use-certificate is false.", And(&unused))?;
        }
        match tls {
            Some(tls) if !tls.verify_server => f.write_str(
                " verify-server is false: anybody on the way can read and change everything, the password included.",
            ),
            Some(_) => Ok(()),
            None => {
                let ignored = self.given.without(IDENTITY).without(Names::of(&[Name::Timeout]));
                if ignored.is_empty() {
                    return Ok(());
                }
                let are = if ignored.iter().count() == 1 { "is" } else { "are" };
                let has = if self.options.brokers.len() == 1 { "the broker has no" } else { "no broker here has" };
                write!(f, " {} {are} ignored, because {has} TLS.", And(&ignored))
            }
        }
    }

    fn password(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_password =
            self.options.credentials.as_ref().is_some_and(|credentials| credentials.password.is_some());
        let is_readable = |broker: &Broker| {
            matches!(broker.transport, Transport::Tcp | Transport::Websocket) && !is_loopback(&broker.host)
        };
        if !has_password || !self.options.brokers.iter().any(is_readable) {
            return Ok(());
        }
        let who = if self.options.brokers.len() == 1 { "the broker" } else { "one of the brokers" };
        write!(f, " The password is readable on the way, because {who} has no TLS.")
    }

    fn headers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_other = |broker: &Broker| matches!(broker.transport, Transport::Tcp | Transport::Tls);
        if self.options.websocket_headers.is_empty() || !self.options.brokers.iter().any(is_other) {
            return Ok(());
        }
        f.write_str(" websocket-headers is ignored at the brokers without ws and wss.")
    }

    fn session(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConnectOptions { clean_session, protocol_version, session_expiry_interval, .. } = self.options;
        if *clean_session {
            Ok(())
        } else if *protocol_version == ProtocolVersion::V5 && session_expiry_interval.unwrap_or(0) == 0 {
            f.write_str(
                " clean-session is false, but without a session-expiry-interval the session ends with the connection.",
            )
        } else if self.message.qos == Qos::AtMostOnce {
            f.write_str(" clean-session is false, but the session keeps nothing of a message with QoS 0.")
        } else {
            Ok(())
        }
    }

    /// White space that may have come along from a file or a form.
    fn white_space(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConnectOptions { credentials, client_id, will, .. } = self.options;
        let credentials = credentials.as_ref();
        let texts = [
            ("client-id", Some(client_id)),
            ("username", credentials.and_then(|credentials| credentials.username.as_ref())),
            ("password", credentials.and_then(|credentials| credentials.password.as_ref())),
            ("topic", Some(&self.message.topic)),
            ("will.topic", will.as_ref().map(|will| &will.topic)),
        ];
        for (name, text) in texts {
            if let Some(stray) = text.and_then(|text| Stray::find(text)) {
                write!(f, " {name} {stray}.")?;
            }
        }
        Ok(())
    }

    fn remarked(&self, f: &mut fmt::Formatter<'_>, remark: &Remark) -> fmt::Result {
        match remark {
            Remark::NotYetValid(CertificateTime { parameter, seconds }) => {
                write!(f, " {} is not yet valid, but will be in {}.", of(*parameter), Span(*seconds))
            }
            Remark::Expires(CertificateTime { parameter, seconds }) => {
                write!(f, " {} expires in {}.", of(*parameter), Span(*seconds))
            }
            Remark::Expired(CertificateTime { parameter, seconds }) => {
                write!(f, " {} expired {} ago.", of(*parameter), Span(*seconds))
            }
            // The default was capped, and nobody asked for more: there is nothing to change.
            Remark::TimeoutCapped(_) if !self.given.has(Name::Timeout) => Ok(()),
            Remark::TimeoutCapped(limit) => {
                write!(f, " timeout is more than the tenant's limit allows: the send has {limit} ms.")
            }
            Remark::Other(sentence) => {
                let sentence = sentence.trim().trim_end_matches('.');
                write!(f, " {}.", Shown::plain(sentence, shown::REASON))
            }
        }
    }
}

fn of(parameter: CertificateParameter) -> &'static str {
    match parameter {
        CertificateParameter::Certificate => "The client certificate (certificate)",
        CertificateParameter::RootCaCrt => "The authority's certificate (root-ca-crt)",
    }
}

/// Whether what is sent to `host` stays on this machine, as far as the name tells.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Names of parameters as a sentence lists them.
struct And<'a>(&'a Names);

impl fmt::Display for And<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.0.iter().peekable();
        let mut is_first = true;
        while let Some(name) = names.next() {
            if !is_first {
                f.write_str(if names.peek().is_none() { " and " } else { ", " })?;
            }
            f.write_str(name.as_str())?;
            is_first = false;
        }
        Ok(())
    }
}
