//! Characters that a string of MQTT cannot have, and white space that nobody meant: named, with their place.

use crate::check;
use crate::schema::assert_agrees;
use crate::wrong::assert_messages;

const V5: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x","protocol-version":"5"}"#;

/// The parameters that are strings of MQTT, and a will with this at a member.
const STRINGS: [(&str, &str); 7] = [
    ("client-id", r#"{"client-id":"VALUE"}"#),
    ("username", r#"{"username":"VALUE"}"#),
    ("topic", r#"{"topic":"VALUE"}"#),
    ("response-topic", r#"{"response-topic":"VALUE"}"#),
    ("content-type", r#"{"content-type":"VALUE"}"#),
    ("will.topic", r#"{"will":{"topic":"VALUE","content":"x"}}"#),
    ("will.content-type", r#"{"will":{"topic":"w","content":"x","content-type":"VALUE"}}"#),
];

#[test]
fn every_string_of_mqtt_names_the_character_and_its_place() {
    for (value, shown, wants) in [
        (r"a/b\n", r"a/b\n", "control characters: it ends in a line break (U+000A, character 4)"),
        (r"ab\r\n", r"ab\u{d}\n", "control characters: it ends in a line break (U+000D, character 3)"),
        (r"ä\t", r"ä\t", "control characters: it ends in a tab (U+0009, character 2)"),
        (r"\nab", r"\nab", "control characters: it begins with a line break (U+000A, character 1)"),
        (r"a\nb", r"a\nb", "control characters: character 2 of it is the line break U+000A"),
        (r"a\tb", r"a\tb", "control characters: character 2 of it is the tab U+0009"),
        (r"a\u0001", r"a\u{1}", "control characters: character 2 of it is the control character U+0001"),
        (r"a\u001fb", r"a\u{1f}b", "control characters: character 2 of it is the control character U+001F"),
        (r"\u007f", r"\u{7f}", "control characters: character 1 of it is the control character U+007F"),
        (r"ab\u009f", r"ab\u{9f}", "control characters: character 3 of it is the control character U+009F"),
        (r"a\ufffe", r"a\u{fffe}", "non-characters: character 2 of it is the non-character U+FFFE"),
        (r"\ufdd0b", r"\u{fdd0}b", "non-characters: character 1 of it is the non-character U+FDD0"),
        (r"\ud83f\udffe", r"\u{1fffe}", "non-characters: character 1 of it is the non-character U+1FFFE"),
        (r"\udbff\udfff", r"\u{10ffff}", "non-characters: character 1 of it is the non-character U+10FFFF"),
    ] {
        for (name, request) in STRINGS {
            let request = request.replace("VALUE", value);
            let meta = check(V5, &request);
            let message = format!(
                "Not sent: {name} in the request got the string \"{shown}\", wants a text without {wants}."
            );
            assert_eq!((meta.exit_code, meta.message), (64, message), "{request}");
            assert_agrees(V5, &request);
        }
    }
}

#[test]
fn every_other_character_is_right() {
    for value in [
        "a b",
        " a ",
        r"\u00a0",
        "\u{7e}\u{a0}",
        r"\ufffd",
        "ä\u{1f600}",
        r"\ufdcf\ufdf0",
        r"\u202e",
        r"\u2028",
    ] {
        for (_, request) in STRINGS {
            let request = request.replace("VALUE", value);
            let meta = check(V5, &request);
            assert_eq!(meta.exit_code, 0, "{request}: {}", meta.message);
            assert_agrees(V5, &request);
        }
    }
    // Bytes and content hold anything.
    for request in [
        r#"{"content":"a\u0000\u0007\n\ufffe"}"#,
        r#"{"username":"u","password":"\u0000\u0007\n\ufffe"}"#,
        r#"{"correlation-data":"\u0000\u0007\n"}"#,
        r#"{"will":{"topic":"w","content":"\u0000\u0007\n"}}"#,
        r#"{"private-key-password":"p\n"}"#,
    ] {
        let meta = check(V5, request);
        assert_eq!(meta.exit_code, 0, "{request}: {}", meta.message);
        assert_agrees(V5, request);
    }
}

#[test]
fn user_properties_name_the_pair() {
    for (properties, got, wants) in [
        (
            r#"{"a":"b","c":"d\n"}"#,
            "an object",
            "control characters: the value of pair 2 ends in a line break (U+000A, character 2)",
        ),
        (
            r#"{"a\t":"b"}"#,
            "an object",
            "control characters: the name of pair 1 ends in a tab (U+0009, character 2)",
        ),
        (
            r#"[["a","b"],["a","b"],["c","d\u0007e"]]"#,
            "a list",
            "control characters: character 2 of the value of pair 3 is the control character U+0007",
        ),
        (
            r#"[["\uffff","b"]]"#,
            "a list",
            "non-characters: character 1 of the name of pair 1 is the non-character U+FFFF",
        ),
    ] {
        let request = format!(r#"{{"user-properties":{properties}}}"#);
        let meta = check(V5, &request);
        let message =
            format!("Not sent: user-properties in the request got {got}, wants texts without {wants}.");
        assert_eq!((meta.exit_code, meta.message), (64, message), "{request}");
        assert_agrees(V5, &request);
    }
}

#[test]
fn white_space_around_what_cannot_have_any() {
    let none = "no white space around it: it";
    for (member, got) in [
        (r#""broker":"tcp://h:1883\n""#, r#"broker in the request got the string "tcp://h:1883\n""#),
        (r#""broker":"tcp://h\r\n""#, r#"broker in the request got the string "tcp://h\u{d}\n""#),
        (r#""broker":"wss://h/x?SECRET\n""#, "broker in the request got a string of 17 bytes"),
        (r#""broker":"tcp://u:SECRET@h\n""#, "broker in the request got a string of 17 bytes"),
        (r#""proxy":"http://p:3128\n""#, r#"proxy in the request got the string "http://p:3128\n""#),
        (r#""server-name":"h\n""#, r#"server-name in the request got the string "h\n""#),
        (r#""root-ca-crt":"/etc/ca.pem\n""#, "root-ca-crt in the request got a string of 12 bytes"),
        (r#""certificate":"/c\n""#, "certificate in the request got a string of 3 bytes"),
        (r#""private-key":"/k\n""#, "private-key in the request got a string of 3 bytes"),
        (r#""content-base64":"AAEC\n""#, "content-base64 in the request got a string of 5 bytes"),
    ] {
        let message = format!("Not sent: {got}, wants {none} ends in a line break.");
        assert_messages(&[(&format!("{{{member}}}"), &message)]);
    }
    assert_messages(&[
        (
            r#"{"broker":" tcp://h"}"#,
            r#"Not sent: broker in the request got the string " tcp://h", wants no white space around it: it begins with a space."#,
        ),
        (
            r#"{"broker":"\ufefftcp://h"}"#,
            r#"Not sent: broker in the request got the string "\u{feff}tcp://h", wants no white space around it: it begins with a byte order mark."#,
        ),
        (
            r#"{"broker":["tcp://h","tcp://i\t"]}"#,
            r#"Not sent: broker in the request got the string "tcp://i\t", wants no white space around a URL: entry 2 of the list ends in a tab."#,
        ),
        (
            r#"{"root-ca-crt":" /ca"}"#,
            "Not sent: root-ca-crt in the request got a string of 4 bytes, wants no white space around it: it begins with a space.",
        ),
        (
            r#"{"content-base64":"AAEC\nAAEC"}"#,
            "Not sent: content-base64 in the request got a string of 9 bytes, wants base64 on one line: byte 4 is a line break.",
        ),
        (
            r#"{"broker":"ws://h","websocket-headers":{"Authorization":"Bearer SECRET\n"}}"#,
            "Not sent: websocket-headers in the request got an object, wants values of headers without control characters: one ends in a line break.",
        ),
        // Texts instead of numbers and the like: both things are told.
        (
            r#"{"keep-alive":"60\n"}"#,
            r#"Not sent: keep-alive in the request got the string "60\n", wants a whole number of seconds from 0 to 65535, and no white space around it: it ends in a line break."#,
        ),
        (
            r#"{"qos":"1\n"}"#,
            r#"Not sent: qos in the request got the string "1\n", wants the number 0, 1 or 2, and no white space around it: it ends in a line break."#,
        ),
        (
            r#"{"retain":"true "}"#,
            r#"Not sent: retain in the request got the string "true ", wants true or false, without quotes, and no white space around it: it ends in a space."#,
        ),
        (
            r#"{"protocol-version":"5\n"}"#,
            r#"Not sent: protocol-version in the request got the string "5\n", wants "3.1.1" or "5", and no white space around it: it ends in a line break."#,
        ),
    ]);
}
