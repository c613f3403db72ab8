//! That the strings of a call have no character for which a broker may close the connection. Our own component never asks
//! for one.

use std::fmt::Display;

use mqtt_connector_contract::characters::Finding;

use crate::contract::{ConnectOptions, PublishProperties};
use crate::error::Error;

/// What stands against client identifier and user name, and against topic and content type of the will.
///
/// Each is [`Error::Denied`], which names the parameter, the character and its place.
pub(crate) fn against_connection(options: &ConnectOptions) -> Vec<Error> {
    let username = options.credentials.as_ref().and_then(|given| given.username.as_deref());
    let will = options.will.as_ref();
    let properties = will.and_then(|will| will.properties.as_ref());
    let texts = [
        ("client-id", Some(options.client_id.as_str())),
        ("username", username),
        ("will.topic", will.map(|will| will.topic.as_str())),
        ("will.content-type", properties.and_then(|properties| properties.content_type.as_deref())),
    ];
    texts.into_iter().filter_map(|(parameter, text)| against(parameter, text?)).collect()
}

/// What stands against the topic of a message, and against its properties; as [`against_connection`].
pub(crate) fn against_message(topic: &str, properties: Option<&PublishProperties>) -> Vec<Error> {
    let mut found: Vec<Error> = against("topic", topic).into_iter().collect();
    let Some(properties) = properties else { return found };
    let texts = [("response-topic", &properties.response_topic), ("content-type", &properties.content_type)];
    found.extend(texts.into_iter().filter_map(|(parameter, text)| against(parameter, text.as_deref()?)));
    for (index, (name, value)) in properties.user_properties.iter().enumerate() {
        for (part, text) in [("name", name), ("value", value)] {
            if let Some(finding) = Finding::of(text) {
                let subject = format!("the {part} of pair {}", index + 1);
                found.push(denied("user-properties", &finding, &subject));
                // One of thousands tells as much as all of them.
                return found;
            }
        }
    }
    found
}

fn against(parameter: &str, text: &str) -> Option<Error> {
    Finding::of(text).map(|finding| denied(parameter, &finding, &"it"))
}

fn denied(parameter: &str, finding: &Finding, subject: &dyn Display) -> Error {
    let (kind, what) = (finding.kind(), finding.about(subject));
    Error::Denied(format!("{parameter}: MQTT has texts without {kind}, and {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Broker, Credentials, Qos, Transport, Will, WillProperties};
    use crate::options::plain;

    fn said(found: &[Error]) -> Result<(), String> {
        let said: Vec<String> = found.iter().map(Error::to_string).collect();
        if said.is_empty() { Ok(()) } else { Err(said.join("; ")) }
    }

    fn connect(change: impl FnOnce(&mut ConnectOptions)) -> Result<(), String> {
        let host = "h".to_owned();
        let mut options = plain(Broker { transport: Transport::Tcp, host, port: 1, path: String::new() });
        change(&mut options);
        said(&against_connection(&options))
    }

    fn message(topic: &str, change: impl FnOnce(&mut PublishProperties)) -> Result<(), String> {
        let mut properties = PublishProperties {
            payload_format_indicator: true,
            correlation_data: Some(b"\0\x07\n".to_vec()),
            ..PublishProperties::default()
        };
        change(&mut properties);
        said(&against_message(topic, Some(&properties)))
    }

    fn will(topic: &str, content_type: Option<&str>) -> Option<Will> {
        Some(Will {
            topic: topic.to_owned(),
            payload: b"\0\x07".to_vec(),
            qos: Qos::AtMostOnce,
            retain: false,
            properties: Some(WillProperties {
                delay_interval: 0,
                payload_format_indicator: true,
                message_expiry_interval: None,
                content_type: content_type.map(str::to_owned),
            }),
        })
    }

    #[test]
    fn each_text_of_a_connection() {
        let bell = "MQTT has texts without control characters, and character 2 of it is the control character U+0007";
        let password = || Some("p\u{7}\n".to_owned());
        let credentials =
            |name: &str| Some(Credentials { username: Some(name.to_owned()), password: password() });
        assert_eq!(connect(|_| {}), Ok(()));
        assert_eq!(connect(|options| options.credentials = credentials("u")), Ok(()));
        assert_eq!(connect(|options| options.will = will("w", Some("a/b"))), Ok(()));
        assert_eq!(
            connect(|options| options.client_id = "c\u{7}".to_owned()),
            Err(format!("client-id: {bell}"))
        );
        assert_eq!(
            connect(|options| options.credentials = credentials("u\u{7}")),
            Err(format!("username: {bell}"))
        );
        assert_eq!(
            connect(|options| options.will = will("w\u{7}", None)),
            Err(format!("will.topic: {bell}"))
        );
        assert_eq!(
            connect(|options| options.will = will("w", Some("a\u{7}"))),
            Err(format!("will.content-type: {bell}"))
        );
    }

    #[test]
    fn each_text_of_a_message() {
        let line = "control characters, and it ends in a line break (U+000A, character 2)";
        assert_eq!(message("t", |_| {}), Ok(()));
        assert_eq!(said(&against_message("t", None)), Ok(()));
        assert_eq!(message("t\n", |_| {}), Err(format!("topic: MQTT has texts without {line}")));
        assert_eq!(
            message("t", |properties| properties.response_topic = Some("r\n".to_owned())),
            Err(format!("response-topic: MQTT has texts without {line}"))
        );
        assert_eq!(
            message("t", |properties| properties.content_type = Some("c\n".to_owned())),
            Err(format!("content-type: MQTT has texts without {line}"))
        );
        assert_eq!(
            message("t\n", |properties| properties.content_type = Some("c\n".to_owned())),
            Err(format!("topic: MQTT has texts without {line}; content-type: MQTT has texts without {line}"))
        );
        let pairs = |name: &str, value: &str| {
            vec![("a".to_owned(), "b".to_owned()), (name.to_owned(), value.to_owned())]
        };
        assert_eq!(
            message("t", |properties| properties.user_properties = pairs("a\u{1}", "b")),
            Err("user-properties: MQTT has texts without control characters, and character 2 of the name of pair 2 is the \
                 control character U+0001"
                .to_owned())
        );
        assert_eq!(
            message("t", |properties| properties.user_properties = pairs("a", "\u{ffff}")),
            Err("user-properties: MQTT has texts without non-characters, and character 1 of the value of pair 2 is the \
                 non-character U+FFFF"
                .to_owned())
        );
    }
}
