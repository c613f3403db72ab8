//! What only MQTT 5 has: what the publisher is asked to do, and what is wrong.

use mqtt_connector_contract::publisher::ProtocolVersion;
use mqtt_connector_guest::document::Document;
use mqtt_connector_guest::document::Merged;
use mqtt_connector_guest::parameters::Parameters;
use mqtt_connector_guest::publication::packet::properties_length;
use mqtt_connector_guest::publication::{Publication, prepare};

use crate::schema::assert_agrees;
use crate::wrong::assert_messages;

const V311: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#;
const V5: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x","protocol-version":"5"}"#;

fn prepared(config: &str, request: &str) -> Publication {
    assert_agrees(config, request);
    prepare(config, request).unwrap_or_else(|invalid| panic!("{request}: {invalid}"))
}

#[test]
fn properties_of_the_message() {
    for (request, shown) in [
        ("{}", "true None None None None []"),
        (r#"{"content":[1]}"#, "true None None None None []"),
        (r#"{"content-base64":"AA=="}"#, "false None None None None []"),
        (
            r#"{"content-type":"a/b","response-topic":"r","correlation-data":"ä\u0000","message-expiry-interval":0}"#,
            r#"true Some("a/b") Some("r") Some([195, 164, 0]) Some(0) []"#,
        ),
        (r#"{"user-properties":{}}"#, "true None None None None []"),
        (
            r#"{"user-properties":{"b":"1","a":"","":"2"}}"#,
            r#"true None None None None [("b", "1"), ("a", ""), ("", "2")]"#,
        ),
        (
            r#"{"user-properties":[["b","1"],["a","2"],["b","\u0031"]]}"#,
            r#"true None None None None [("b", "1"), ("a", "2"), ("b", "1")]"#,
        ),
        (r#"{"user-properties":[]}"#, "true None None None None []"),
        (r#"{"payload-format-indicator":false}"#, "false None None None None []"),
        (r#"{"payload-format-indicator":null}"#, "true None None None None []"),
        (r#"{"payload-format-indicator":true,"content":[1]}"#, "true None None None None []"),
        (r#"{"payload-format-indicator":true,"content-base64":"w6Q="}"#, "true None None None None []"),
        (r#"{"payload-format-indicator":false,"content-base64":"/w=="}"#, "false None None None None []"),
    ] {
        let properties = prepared(V5, request).message.properties.unwrap();
        let data = (&properties.content_type, &properties.response_topic, &properties.correlation_data);
        let found = format!(
            "{} {:?} {:?} {:?} {:?} {:?}",
            properties.payload_format_indicator,
            data.0,
            data.1,
            data.2,
            properties.message_expiry_interval,
            properties.user_properties
        );
        assert_eq!(found, shown, "{request}");
    }
    assert_eq!(prepared(V311, "{}").message.properties, None);
}

#[test]
fn the_connection() {
    let options = prepared(V5, "{}").options;
    assert_eq!((options.protocol_version, options.session_expiry_interval), (ProtocolVersion::V5, None));
    let options = prepared(V311, "{}").options;
    assert_eq!((options.protocol_version, options.session_expiry_interval), (ProtocolVersion::V311, None));
    let options = prepared(V5, r#"{"session-expiry-interval":4294967295,"password":"p"}"#).options;
    assert_eq!(options.session_expiry_interval, Some(u32::MAX));
    let credentials = options.credentials.unwrap();
    assert_eq!((credentials.username, credentials.password.as_deref()), (None, Some("p")));
}

#[test]
fn properties_of_the_will() {
    let will =
        |config, will: &str| prepared(config, &format!(r#"{{"will":{{"topic":"w",{will}}}}}"#)).options.will;
    for (members, shown) in [
        (r#""content":"x""#, "0 true None None"),
        (r#""content-base64":"AA==""#, "0 false None None"),
        (r#""content":"x","delay-interval":null"#, "0 true None None"),
        (r#""content":"x","payload-format-indicator":false"#, "0 false None None"),
        (r#""content":"x","payload-format-indicator":true"#, "0 true None None"),
        (r#""content-base64":"w6Q=","payload-format-indicator":true"#, "0 true None None"),
        (
            r#""content":1,"delay-interval":5,"message-expiry-interval":4294967295,"content-type":"a""#,
            r#"5 true Some(4294967295) Some("a")"#,
        ),
    ] {
        let properties = will(V5, members).unwrap().properties.unwrap();
        let found = format!(
            "{} {} {:?} {:?}",
            properties.delay_interval,
            properties.payload_format_indicator,
            properties.message_expiry_interval,
            properties.content_type
        );
        assert_eq!(found, shown, "{members}");
    }
    assert_eq!(will(V311, r#""content":"x","delay-interval":null"#).unwrap().properties, None);
}

#[test]
fn under_3_1_1_nothing_is_dropped_in_silence() {
    let needs = "it needs protocol-version \"5\"; MQTT 3.1.1 has no such property";
    for (name, value) in [
        ("content-type", r#""a""#),
        ("response-topic", r#""a""#),
        ("correlation-data", r#""a""#),
        ("message-expiry-interval", "0"),
        ("session-expiry-interval", "0"),
        ("user-properties", "{}"),
    ] {
        let message = format!("Not sent: {name} in the request: {needs}.");
        for version in ["", r#","protocol-version":"3.1.1""#, r#","protocol-version":null"#] {
            assert_messages(&[(&format!(r#"{{"{name}":{value}{version}}}"#), &message)]);
        }
    }
    for (name, value) in
        [("delay-interval", "0"), ("message-expiry-interval", "1"), ("content-type", r#""a""#)]
    {
        assert_messages(&[(
            &format!(r#"{{"will":{{"topic":"w","content":"x","{name}":{value}}}}}"#),
            &format!("Not sent: will.{name} in the request: {needs}."),
        )]);
    }
    assert_messages(&[
        // Both are told, and of a version that is wrong nobody knows what it has.
        (
            r#"{"will":{"topic":"w/#","content":"x","delay-interval":1}}"#,
            r#"Not sent, 2 problems: will.topic in the request got the string "w/#", wants a topic without the wildcards + and #, which only a subscription may have; will.delay-interval in the request: it needs protocol-version "5"; MQTT 3.1.1 has no such property."#,
        ),
        (
            r#"{"protocol-version":"4","content-type":"a","password":"p"}"#,
            r#"Not sent: protocol-version in the request got the string "4", wants "3.1.1" or "5"."#,
        ),
    ]);
}

#[test]
fn wrong_values() {
    let pairs = r#"an object of strings, or a list of pairs of strings: [["name", "value"]]"#;
    for (member, message) in [
        (r#""content-type":7"#, "content-type in the request got the number 7, wants a string".to_owned()),
        (
            r#""content-type":"\u0000""#,
            r#"content-type in the request got the string "\u{0}", wants a text without control characters: character 1 of it is the control character U+0000"#.to_owned(),
        ),
        (
            r#""response-topic":"a/+""#,
            r#"response-topic in the request got the string "a/+", wants a topic without the wildcards + and #, which only a subscription may have"#.to_owned(),
        ),
        (
            r#""response-topic":"""#,
            r#"response-topic in the request got the string "", wants at least one character"#.to_owned(),
        ),
        (
            r#""payload-format-indicator":1"#,
            "payload-format-indicator in the request got the number 1, wants true or false, without quotes".to_owned(),
        ),
        (
            r#""payload-format-indicator":true,"content-base64":"YWL/""#,
            "payload-format-indicator in the request: true means text in UTF-8, which the content is not from its byte 2 on".to_owned(),
        ),
        (
            r#""will":{"topic":"w","content-base64":"/w==","payload-format-indicator":true}"#,
            "will.payload-format-indicator in the request: true means text in UTF-8, which the content is not from its byte 0 on".to_owned(),
        ),
        (
            r#""will":{"topic":"w","content":"x","payload-format-indicator":"no"}"#,
            r#"will.payload-format-indicator in the request got the string "no", wants true or false, without quotes"#.to_owned(),
        ),
        (r#""correlation-data":[]"#, "correlation-data in the request got a list, wants a string".to_owned()),
        (
            r#""message-expiry-interval":-1"#,
            "message-expiry-interval in the request got the number -1, wants a whole number of seconds from 0 to 4294967295".to_owned(),
        ),
        (
            r#""session-expiry-interval":4294967296"#,
            "session-expiry-interval in the request got the number 4294967296, wants a whole number of seconds from 0 to 4294967295".to_owned(),
        ),
        (
            r#""user-properties":"a""#,
            format!("user-properties in the request got a string of 1 byte, wants {pairs}"),
        ),
        (r#""user-properties":{"a":1}"#, format!("user-properties in the request got an object, wants {pairs}")),
        (r#""user-properties":["a","b"]"#, format!("user-properties in the request got a list, wants {pairs}")),
        (r#""user-properties":[["a"]]"#, format!("user-properties in the request got a list, wants {pairs}")),
        (r#""user-properties":[["a","b","c"]]"#, format!("user-properties in the request got a list, wants {pairs}")),
        (r#""user-properties":[["a",null]]"#, format!("user-properties in the request got a list, wants {pairs}")),
        (
            r#""user-properties":{"a\u0000":"b"}"#,
            "user-properties in the request got an object, wants texts without control characters: character 2 of the name of pair 1 is the control character U+0000".to_owned(),
        ),
        (
            r#""user-properties":{"\ud800":"b"}"#,
            "user-properties in the request got an object, wants whole characters: \\ud800 to \\udfff only in pairs".to_owned(),
        ),
        (
            r#""will":{"topic":"w","content":"x","delay-interval":"1","content-type":1}"#,
            r#"will.delay-interval in the request got the string "1", wants a whole number of seconds from 0 to 4294967295; will.content-type in the request got the number 1, wants a string"#.to_owned(),
        ),
    ] {
        let count = if message.contains("; will") { ", 2 problems" } else { "" };
        let request = format!(r#"{{"protocol-version":"5",{member}}}"#);
        assert_messages(&[(&request, &format!("Not sent{count}: {message}."))]);
    }
}

#[test]
fn lengths() {
    let long = "a".repeat(65_536);
    let sixty = format!("{}…", "a".repeat(60));
    for (member, got) in [
        (
            format!(r#""content-type":"{long}""#),
            format!("content-type in the request got the string \"{sixty}\""),
        ),
        (
            format!(r#""response-topic":"{long}""#),
            format!("response-topic in the request got the string \"{sixty}\""),
        ),
        (
            format!(r#""correlation-data":"{long}""#),
            "correlation-data in the request got a string of 65536 bytes".to_owned(),
        ),
        (
            format!(r#""user-properties":{{"{long}":""}}"#),
            "user-properties in the request got an object".to_owned(),
        ),
        (
            format!(r#""user-properties":[["","{long}"]]"#),
            "user-properties in the request got a list".to_owned(),
        ),
    ] {
        let request = format!(r#"{{"protocol-version":"5",{member}}}"#);
        let message = format!("Not sent: {got}, wants 65535 bytes at most, not 65536.");
        assert_messages(&[(&request, &message)]);
        let shorter = request.replace(&long, &long[1..]);
        prepared(V5, &shorter);
    }
}

/// How many bytes the properties take, with those that say how many: 1 to 127, 2 to 16,383, 3 to 2,097,151.
#[test]
fn bytes_of_the_properties() {
    let property = |length: usize| format!(r#"{{"user-properties":{{"a":"{}"}}}}"#, "b".repeat(length));
    for (request, length) in [
        ("{}".to_owned(), 1 + 2),
        (r#"{"content-type":"ä"}"#.to_owned(), 1 + 2 + 5),
        (r#"{"response-topic":"r"}"#.to_owned(), 1 + 2 + 4),
        (r#"{"correlation-data":""}"#.to_owned(), 1 + 2 + 3),
        (r#"{"message-expiry-interval":1}"#.to_owned(), 1 + 2 + 5),
        (r#"{"user-properties":[["a","b"],["","c"]]}"#.to_owned(), 1 + 2 + 7 + 6),
        (r#"{"session-expiry-interval":1}"#.to_owned(), 1 + 2),
        (property(119), 1 + 127),
        (property(120), 2 + 128),
        (property(16_375), 2 + 16_383),
        (property(16_376), 3 + 16_384),
    ] {
        let (config, request) = (Document::read("{}"), Document::read(&request));
        let (Ok(config), Ok(request)) = (config, request) else { panic!("{length}") };
        let parameters = Parameters::read(Merged::new(&config, &request), &mut Vec::new());
        assert_eq!(properties_length(&parameters), length);
    }
}
