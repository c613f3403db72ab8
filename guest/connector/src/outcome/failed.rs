//! What the publisher could not do → exit code and message.

use std::fmt;

use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::exit_code::{self, reason_code};
use mqtt_connector_contract::publisher::{ConnectOptions, Error, Failure, Message, Progress, Qos, Refusal};
use mqtt_connector_contract::shown::{self, Shown};

use super::credentials::Origin;
use super::named_brokers::{NamedBrokers, Through};
use super::{Tried, hint};
use crate::publication::Remarks;
use crate::vendor::BrokerVendor;
use crate::vendor::likely::{self, At};

/// The answer to a message that was not acknowledged.
pub(super) fn failed(
    options: &ConnectOptions,
    message: &Message,
    remarks: &Remarks,
    error: &Error,
    tried: Tried,
) -> Meta {
    let all = NamedBrokers::all(options, remarks);
    let through = Through(options.proxy.as_ref());
    let one = |index| NamedBrokers::one(options, remarks, index);
    let mut may_want_certificate = false;
    let mut refused_at = None;
    let connect =
        At::Connect { has_certificate: options.tls.as_ref().is_some_and(|tls| tls.identity.is_some()) };
    let publish = At::Publish { retain: message.retain };
    let (exit_code, mut text) = match error {
        Error::Denied(reason) => {
            (exit_code::DENIED, format!("Not sent, it is not allowed: {}.", sentences(reason)))
        }
        Error::UnusableCredential(reason) => (
            exit_code::UNUSABLE_FILE,
            format!("Not sent, a certificate or key cannot be used: {}.", sentences(reason)),
        ),
        Error::HostNotFound(reason) => {
            let reason = sentence(reason);
            let text = if all.is_several() {
                format!("Not sent, none of the brokers {all} was found{through}: {reason}.")
            } else {
                format!("Not sent, the host of the broker {all} was not found{through}: {reason}.")
            };
            (exit_code::HOST_NOT_FOUND, text)
        }
        Error::Unreachable(reason) => {
            let (who, reason) =
                (if all.is_several() { "none of the brokers" } else { "the broker" }, sentence(reason));
            let not = if all.is_several() { "could be" } else { "could not be" };
            (exit_code::UNREACHABLE, format!("Not sent, {who} {all} {not} reached{through}: {reason}."))
        }
        Error::Tls(reason) => {
            may_want_certificate = true;
            let who = if all.is_several() { "one of the brokers" } else { "the broker" };
            (exit_code::TLS, format!("Not sent, TLS with {who} {all} failed: {}.", sentence(reason)))
        }
        Error::ConnectionRefused(refusal) => {
            may_want_certificate = matches!(refusal.code, 4 | 5 | 134 | 135 | 140);
            refused_at = likely_at(refusal, connect);
            let (exit_code, mut text) = refused(one(refusal.broker), refusal);
            if matches!(refusal.code, 4 | 5 | 134 | 135) {
                text.push_str(&Origin { options, remarks }.to_string());
            }
            (exit_code, text)
        }
        Error::PublishRefused(refusal) => {
            refused_at = likely_at(refusal, publish);
            publish_refused(one(refusal.broker), refusal)
        }
        Error::Disconnected(disconnection) => {
            let refusal = &disconnection.refusal;
            let at = if disconnection.progress == Progress::NotSent { connect } else { publish };
            refused_at = likely_at(refusal, at);
            disconnected(one(refusal.broker), message.qos, disconnection.progress, refusal)
        }
        Error::TooLarge(reason) => {
            (exit_code::DENIED, format!("Not sent, it is too large: {}.", sentences(reason)))
        }
        Error::ConnectionLost(failure) => match failure.progress {
            Progress::NotSent => {
                may_want_certificate = options.tls.is_some();
                refused_at = Some((failure.broker, connect));
                (
                    exit_code::CONNECTION_LOST,
                    format!(
                        "Not sent, the connection to the broker {} was lost before the message was sent: {}.{SAFE}",
                        one(failure.broker),
                        sentence(&failure.reason)
                    ),
                )
            }
            Progress::SentUnacknowledged => {
                refused_at = Some((failure.broker, publish));
                perhaps(one(failure.broker), message.qos, "the connection was lost", failure)
            }
        },
        Error::TimedOut(failure) => match failure.progress {
            Progress::NotSent => (
                exit_code::TIMED_OUT,
                format!(
                    "Not sent, the timeout was over before the message was sent to the broker {}: {}.{SAFE}",
                    one(failure.broker),
                    sentence(&failure.reason)
                ),
            ),
            Progress::SentUnacknowledged => {
                perhaps(one(failure.broker), message.qos, "the time was over", failure)
            }
        },
        Error::Protocol(failure) => match failure.progress {
            Progress::NotSent => (
                exit_code::PROTOCOL,
                format!(
                    "Not sent, the broker {} broke the protocol: {}.",
                    one(failure.broker),
                    sentence(&failure.reason)
                ),
            ),
            Progress::SentUnacknowledged => {
                perhaps(one(failure.broker), message.qos, "the broker broke the protocol", failure)
            }
        },
        Error::Shortage(shortage) => return short(shortage),
    };
    text += &tried.to_string();
    let vendor = |index| {
        options.brokers.get(usize::try_from(index).ok()?).and_then(|broker| BrokerVendor::of(&broker.host))
    };
    if let Some((index, at)) = refused_at
        && let Some(vendor) = vendor(index)
    {
        text.push_str(likely::cause(vendor, at));
    }
    if may_want_certificate && remarks.unused_certificate {
        text.push_str(
            " certificate and private-key were given but not used, because use-certificate is false: \
             if the broker wants them, set it to true.",
        );
    }
    Meta { exit_code, message: text }
}

/// The answer to a message that was not sent because this machine has too little of something.
fn short(shortage: &str) -> Meta {
    let message = format!("Not sent, this machine has {}.{SAFE}", sentence(shortage));
    Meta { exit_code: exit_code::SHORTAGE, message }
}

/// Which broker refused, and what, if a vendor's rules are a likely cause: if the refusal is about the client, or about what the
/// client may do.
fn likely_at(refusal: &Refusal, at: At) -> Option<(u32, At)> {
    matches!(refusal.code, 2 | 4 | 5 | 128 | 131 | 133..=135 | 144).then_some((refusal.broker, at))
}

const SAFE: &str = " Sending it again is safe.";

/// A reason fit to stand inside a sentence: shown, and without a full stop of its own.
fn sentence(reason: &str) -> Shown<'_> {
    shortened(reason, shown::REASON)
}

/// What the host says about parameters, fit to stand inside a sentence: longer, because it is about every parameter that is
/// wrong.
fn sentences(reasons: &str) -> Shown<'_> {
    shortened(reasons, shown::REASONS)
}

fn shortened(reason: &str, limit: usize) -> Shown<'_> {
    let reason = reason.trim().trim_end_matches('.');
    Shown::plain(if reason.is_empty() { "no reason was given" } else { reason }, limit)
}

/// What to say about sending a message again that may have arrived, as a sentence with a space before it.
fn again(qos: Qos) -> &'static str {
    match qos {
        Qos::AtMostOnce => "",
        Qos::AtLeastOnce => SAFE,
        Qos::ExactlyOnce => " Sending it again may duplicate it.",
    }
}

/// The answer to a message that was handed to the network and may have arrived.
fn perhaps(place: NamedBrokers<'_>, qos: Qos, what: &str, failure: &Failure) -> (i32, String) {
    let (reason, again) = (sentence(&failure.reason), again(qos));
    let text = format!(
        "Sent to the broker {place}, but not acknowledged: {what} ({reason}). It may have arrived.{again}"
    );
    (exit_code::UNCERTAIN, text)
}

/// Displays a reason code from 128 on: its name, the broker's own words, and the other server that the broker names.
struct Why<'a>(&'a Refusal);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { code, reason, server_reference, broker: _ } = self.0;
        write!(f, "reason code {code}")?;
        let name = reason_code::name(*code);
        match name {
            Some(name) => write!(f, " ({name})")?,
            None => f.write_str(", which the standard does not have")?,
        }
        let reason = reason.trim().trim_end_matches('.');
        if !reason.is_empty() && !name.is_some_and(|name| name.eq_ignore_ascii_case(reason)) {
            write!(f, ": {}", Shown::plain(reason, shown::REASON))?;
        }
        f.write_str(".")?;
        match server_reference {
            Some(server) if !server.is_empty() => {
                let server = Shown::quoted(server, shown::TOPIC);
                write!(f, " It names another server, {server}; redirects are not followed.")
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The exit code for a reason code from 128 on: itself, when the standard has it.
fn exit_code_of(code: u8) -> i32 {
    if reason_code::name(code).is_some() { i32::from(code) } else { exit_code::PROTOCOL }
}

/// CONNACK with a return code of MQTT 3.1.1 (section 3.2.2.3) or a reason code of MQTT 5 (section 3.2.2.2).
fn refused(place: NamedBrokers<'_>, refusal: &Refusal) -> (i32, String) {
    let code = refusal.code;
    let meaning = match code {
        1 => "it does not speak this version of MQTT. Look at protocol-version",
        2 => "it does not allow the client identifier. Look at client-id",
        3 => "its MQTT service is unavailable. Try again later",
        4 => "the user name or the password is wrong. Look at username and password",
        5 => "the client is not authorised to connect. Look at username, password and client-id",
        128..=u8::MAX => {
            let (why, hint) = (Why(refusal), hint::of(code));
            let text = format!("Not sent, the broker {place} refused the connection with {why}{hint}");
            return (exit_code_of(code), text);
        }
        6..=127 => {
            let text = format!(
                "Not sent, the broker {place} refused the connection with return code {code}, which the standard does not have."
            );
            return (exit_code::PROTOCOL, text);
        }
        0 => return fault(code),
    };
    let text =
        format!("Not sent, the broker {place} refused the connection with return code {code}: {meaning}.");
    (i32::from(code), text)
}

/// MQTT 5: PUBACK or PUBREC with a reason code from 128 (sections 3.4.2.1 and 3.5.2.1), or what CONNACK has ruled out.
fn publish_refused(place: NamedBrokers<'_>, refusal: &Refusal) -> (i32, String) {
    if refusal.code < reason_code::FIRST {
        return fault(refusal.code);
    }
    let (why, hint) = (Why(refusal), hint::of(refusal.code));
    (exit_code_of(refusal.code), format!("Not sent, the broker {place} refused the message with {why}{hint}"))
}

/// MQTT 5: DISCONNECT with a reason code from 128 (section 3.14.2.1).
fn disconnected(place: NamedBrokers<'_>, qos: Qos, progress: Progress, refusal: &Refusal) -> (i32, String) {
    let code = refusal.code;
    if code < reason_code::FIRST {
        return fault(code);
    }
    let (why, hint) = (Why(refusal), hint::of(code));
    match progress {
        Progress::NotSent => {
            let text = format!("Not sent, the broker {place} ended the connection with {why}{hint}{SAFE}");
            (exit_code_of(code), text)
        }
        Progress::SentUnacknowledged => {
            let again = again(qos);
            let text = format!(
                "Sent to the broker {place}, but not acknowledged: it ended the connection with {why}{hint} The message may have arrived.{again}"
            );
            let is_known = reason_code::name(code).is_some();
            (if is_known { i32::from(code) } else { exit_code::UNCERTAIN }, text)
        }
    }
}

fn fault(code: u8) -> (i32, String) {
    (exit_code::FAULT, format!("A fault of the host: it took the code {code} for a refusal."))
}
