//! What became of a send: the exit code, and what a person has to know, in words.
//!
//! Every message is one line. It never holds a password, a key, PEM text or content; texts that came from
//! outside are shortened and their control characters escaped ([`mqtt_connector_contract::shown`]).

mod credentials;
mod failed;
mod hint;
mod named_brokers;
mod suspicious;

use std::fmt;

use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::exit_code;
use mqtt_connector_contract::shown::{self, Shown};

use crate::message::qos;
use crate::problem::Invalid;
use crate::publication::Remarks;
pub use credentials::CredentialSources;
use failed::failed;
use mqtt_connector_contract::publisher::{
    ConnectOptions, Error, Message, ProtocolVersion, Qos, Receipt, Remark,
};
use named_brokers::{NamedBrokers, Through};
use suspicious::Suspicious;

/// The answer to a configuration and a request that are wrong: exit code 64.
// Not in each place that asks, which are several: the component is to stay small.
#[inline(never)]
pub fn invalid(invalid: &Invalid<'_>) -> Meta {
    Meta { exit_code: exit_code::PARAMETER, message: invalid.to_string() }
}

/// The answer when the publisher gave another number of results than it got messages: exit code 70.
pub fn wrong_count(results: usize, messages: usize) -> Meta {
    let message = format!(
        "A fault of the host: its publisher answered {results} results for {messages} messages. Whether the message was sent is not known."
    );
    Meta { exit_code: exit_code::FAULT, message }
}

/// The answer to a request of a batch that got no answer. That is a fault of the connector: exit code 70.
pub fn unanswered() -> Meta {
    Meta {
        exit_code: exit_code::FAULT,
        message: "A fault of the connector: the request was passed over.".to_owned(),
    }
}

/// The answer of a dry run that found nothing wrong, with what is suspicious; some of that the publisher has `remarked`.
pub fn checked(options: &ConnectOptions, message: &Message, remarks: &Remarks, remarked: &[Remark]) -> Meta {
    let place = NamedBrokers::all(options, remarks);
    let text = format!(
        "The message would be sent with QoS {} to topic {} at {}{place}{}{}.{}{}",
        qos::number(message.qos),
        Shown::quoted(&message.topic, shown::TOPIC),
        if place.is_several() { "the first that takes it of " } else { "" },
        Through(options.proxy.as_ref()),
        match options.protocol_version {
            ProtocolVersion::V311 => "",
            ProtocolVersion::V5 => ", with MQTT 5",
        },
        Different { remarks, sent: message.qos },
        Suspicious { options, message, given: remarks.given, remarked },
    );
    Meta { exit_code: exit_code::SENT, message: text }
}

/// Makes the answers to messages that were handed to the publisher over one connection.
///
/// What one answer has in common with the one before it is put into words once.
pub struct Answers<'a> {
    options: &'a ConnectOptions,
    tried: Tried,
    until_sent: Tried,
    said: Option<Said<'a>>,
}

impl<'a> Answers<'a> {
    /// Answers about so many messages over the connection with these options, for which so many were tried.
    pub fn new(options: &'a ConnectOptions, connections: u32, messages: usize) -> Self {
        // Of several messages, the first may have been sent before a connection was lost.
        let until_sent = Tried(if messages == 1 { connections } else { 1 });
        Answers { options, tried: Tried(connections), until_sent, said: None }
    }

    /// So many connections were tried for the single message that the next answer is about.
    pub fn have_tried(&mut self, connections: u32) {
        if self.tried.0 != connections {
            (self.tried, self.until_sent, self.said) = (Tried(connections), Tried(connections), None);
        }
    }

    /// The answer to one message.
    pub fn published(
        &mut self,
        message: &'a Message,
        remarks: &Remarks,
        result: Result<&Receipt, &Error>,
    ) -> Meta {
        let receipt = match result {
            Ok(receipt) => receipt,
            Err(error) => return failed(self.options, message, remarks, error, self.tried),
        };
        let about = About {
            asked: message.qos,
            sent: receipt.qos,
            broker: receipt.broker,
            is_unsubscribed: receipt.reason_code == NO_MATCHING_SUBSCRIBERS,
            remarks: *remarks,
        };
        let said = self.said(about, receipt.assigned_client_id.as_deref(), &message.topic);
        Meta { exit_code: exit_code::SENT, message: said.with_time(receipt.elapsed_microseconds) }
    }

    /// The answer to a message that will be acknowledged as it was asked for, without the time, which belongs at this byte.
    pub fn foreseen(&mut self, message: &'a Message, remarks: &Remarks) -> (String, u32) {
        let Message { topic, qos, .. } = message;
        let about = About { asked: *qos, sent: *qos, broker: 0, is_unsubscribed: false, remarks: *remarks };
        self.said(about, None, topic).without_time()
    }

    /// The answer to a message that was sent: that of the message before, where it is about the same.
    fn said(&mut self, about: About, client_id: Option<&str>, topic: &'a str) -> &mut Said<'a> {
        let said = match self.said.take() {
            Some(said) if said.about == about && said.client_id.as_deref() == client_id => said,
            Some(_) | None => Said::new(self.options, about, client_id, topic, self.until_sent),
        };
        let said = self.said.insert(said);
        said.be_about(topic);
        said
    }
}

/// PUBACK or PUBREC: nobody has subscribed to the topic (MQTT 5.0, sections 3.4.2.1 and 3.5.2.1).
const NO_MATCHING_SUBSCRIBERS: u8 = 16;

/// All that the answer to a message that was sent depends on, but for its topic, its time and the client identifier.
#[derive(PartialEq, Eq)]
struct About {
    asked: Qos,
    sent: Qos,
    broker: u32,
    is_unsubscribed: bool,
    remarks: Remarks,
}

/// The answer to a message that was sent, in pieces: `start`, the topic, `middle`, the time, `end`.
struct Said<'a> {
    about: About,
    /// What the broker calls the client.
    client_id: Option<String>,
    start: String,
    topic: &'a str,
    shown_topic: String,
    middle: String,
    end: String,
}

impl<'a> Said<'a> {
    #[inline(never)]
    fn new(
        options: &ConnectOptions,
        about: About,
        client_id: Option<&str>,
        topic: &'a str,
        tried: Tried,
    ) -> Self {
        let About { asked, sent, broker, is_unsubscribed, remarks } = &about;
        let lowered = if !remarks.lowered && qos::number(*sent) < qos::number(*asked) {
            let (asked, sent) = (qos::number(*asked), qos::number(*sent));
            format!(" QoS {asked} was asked for, and the broker has no higher one: QoS {sent} instead.")
        } else {
            String::new()
        };
        let different = Different { remarks, sent: *sent };
        let never = if *sent == Qos::AtMostOnce { " (never acknowledged)" } else { "" };
        let nobody = if *is_unsubscribed { " Nobody has subscribed to the topic." } else { "" };
        let mut end = format!(" ms.{tried}{different}{lowered}{nobody}");
        match client_id {
            None => {}
            Some("") => {
                end.push_str(
                    " The broker chose a client-id that repeats what it was sent, which is not shown.",
                );
            }
            Some(client_id) => {
                end.push_str(" The broker chose the client-id ");
                end.push_str(&Shown::quoted(client_id, shown::VALUE).to_string());
                end.push('.');
            }
        }
        Said {
            client_id: client_id.map(str::to_owned),
            start: ["Sent with QoS ", itoa::Buffer::new().format(qos::number(*sent)), never, " to topic "]
                .concat(),
            topic,
            shown_topic: Self::shown(topic),
            middle: format!(" at {} in ", NamedBrokers::one(options, remarks, *broker)),
            end,
            about,
        }
    }

    fn shown(topic: &str) -> String {
        Shown::quoted(topic, shown::TOPIC).to_string()
    }

    /// From now on, it is about a message to this topic.
    fn be_about(&mut self, topic: &'a str) {
        if self.topic != topic {
            (self.topic, self.shown_topic) = (topic, Self::shown(topic));
        }
    }

    /// The answer, and at which byte of it the time belongs.
    fn without_time(&self) -> (String, u32) {
        let Said { start, shown_topic, middle, end, .. } = self;
        let at = start.len() + shown_topic.len() + middle.len();
        // A topic that is shown is short.
        ([start.as_str(), shown_topic, middle, end].concat(), u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn with_time(&self, microseconds: u64) -> String {
        let Said { start, shown_topic, middle, end, .. } = self;
        let (tenths, mut whole, mut tenth) = (microseconds / 100, itoa::Buffer::new(), itoa::Buffer::new());
        // Exactly the capacity that is needed: the bindings shrink a string that leaves the component, which would move it.
        [start, shown_topic, middle, whole.format(tenths / 10), ".", tenth.format(tenths % 10), end].concat()
    }
}

/// Says how many connections were tried, if it was more than one.
#[derive(Clone, Copy)]
struct Tried(u32);

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            connections => write!(f, " {connections} connections were tried."),
        }
    }
}

/// Says what is different because of the brokers' vendor: a lower quality of service than was asked for, and messages that
/// are not kept.
struct Different<'a> {
    remarks: &'a Remarks,
    sent: Qos,
}

impl fmt::Display for Different<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remarks { lowered, will_lowered, vendor, not_retained, .. } = self.remarks;
        let Some(vendor) = vendor else { return Ok(()) };
        if *lowered {
            let sent = qos::number(self.sent);
            write!(f, " QoS 2 was asked for, and {vendor} has no QoS 2: QoS {sent} instead.")?;
        }
        if *will_lowered {
            write!(f, " QoS 2 was asked for the will, and {vendor} has no QoS 2: QoS 1 instead.")?;
        }
        if *not_retained {
            f.write_str(
                " Azure IoT Hub keeps no message for later subscribers: it passes this one on, with the property \
                 mqtt-retain.",
            )?;
        }
        Ok(())
    }
}
