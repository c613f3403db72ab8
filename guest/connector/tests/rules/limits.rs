//! Values that are too long, too many or too deep.

use mqtt_connector_contract::connector::Meta;

use crate::schema::assert_agrees;

const CONFIG: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x","username":"u"}"#;
const AWS: &str =
    r#"{"broker":"ssl://a.iot.us-east-1.amazonaws.com","client-id":"c","topic":"t","content":"x","qos":1}"#;

fn check(config: &str, request: &str) -> Meta {
    assert_agrees(config, request);
    crate::check(config, request)
}

fn member(name: &str, length: usize) -> String {
    format!(r#"{{"{name}":"{}"}}"#, "a".repeat(length))
}

#[test]
fn mqtt_strings() {
    let sixty = format!("{}…", "a".repeat(60));
    for (name, shown) in [
        ("client-id", format!("the string \"{sixty}\"")),
        ("username", format!("the string \"{sixty}\"")),
        ("password", "a string of 65536 bytes".to_owned()),
        ("topic", format!("the string \"{sixty}\"")),
    ] {
        assert_eq!(check(CONFIG, &member(name, 65_535)).exit_code, 0, "{name}");
        assert_eq!(
            check(CONFIG, &member(name, 65_536)).message,
            format!("Not sent: {name} in the request got {shown}, wants 65535 bytes at most, not 65536."),
        );
    }
}

#[test]
fn will_payload() {
    let request = |length| format!(r#"{{"will":{{"topic":"w","content":"{}"}}}}"#, "a".repeat(length));
    assert_eq!(check(CONFIG, &request(65_535)).exit_code, 0);
    assert_eq!(
        check(CONFIG, &request(65_536)).message,
        "Not sent: will.content in the request got a string of 65536 bytes, wants 65535 bytes at most, not 65536."
    );
}

#[test]
fn alpn_names() {
    let request = |length| format!(r#"{{"alpn-protocols":["{}"]}}"#, "a".repeat(length));
    assert_eq!(check(CONFIG, &request(255)).exit_code, 0);
    assert_eq!(
        check(CONFIG, &request(256)).message,
        "Not sent: alpn-protocols in the request got a list, wants protocol names of 1 to 255 bytes."
    );
    let request = |count| {
        format!(r#"{{"alpn-protocols":[{}]}}"#, vec![format!("\"{}\"", "a".repeat(255)); count].join(","))
    };
    assert_eq!(check(CONFIG, &request(128)).exit_code, 0);
    for (count, length) in [(129, 33_024), (300, 76_800)] {
        let meta = check(CONFIG, &request(count));
        assert_eq!(meta.exit_code, 64);
        assert_eq!(
            meta.message,
            format!(
                "Not sent: alpn-protocols in the request got a list, wants protocol names of 32768 bytes at most, one \
                 more for each counted, not {length}."
            )
        );
    }
}

#[test]
fn nesting() {
    let request = |depth| format!(r#"{{"content":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(check(CONFIG, &request(128)).exit_code, 0);
    for depth in [129, 200_000] {
        assert_eq!(
            check(CONFIG, &request(depth)).message,
            "Not sent: content in the request got a list, wants no more than 128 lists and objects inside each other."
        );
    }
}

#[test]
fn aws() {
    for (request, message) in [
        (member("content", 131_072), None),
        (
            member("content", 131_073),
            Some("content in the request: AWS IoT takes 131072 bytes (128 KiB) at most, not 131073"),
        ),
        (
            format!(r#"{{"content-base64":"{}"}}"#, "AAAA".repeat(43_691)),
            Some("content-base64 in the request: AWS IoT takes 131072 bytes (128 KiB) at most, not 131073"),
        ),
        (member("client-id", 128), None),
        (
            member("client-id", 129),
            Some("client-id in the request: AWS IoT takes 128 bytes at most, not 129"),
        ),
        (r#"{"topic":"1/2/3/4/5/6/7/8"}"#.to_owned(), None),
        (
            r#"{"topic":"1/2/3/4/5/6/7/8/"}"#.to_owned(),
            Some("topic in the request: AWS IoT takes 7 slashes at most (after $aws/rules/RULE/), not 8"),
        ),
        (r#"{"topic":"$aws/rules/r/1/2/3/4/5/6/7/8"}"#.to_owned(), None),
        (
            r#"{"topic":"$aws/rules/r/1/2/3/4/5/6/7/8/9"}"#.to_owned(),
            Some("topic in the request: AWS IoT takes 7 slashes at most (after $aws/rules/RULE/), not 8"),
        ),
    ] {
        let expected = match message {
            None => "The message would be sent with QoS 1 to topic ".to_owned(),
            Some(message) => format!("Not sent: {message}."),
        };
        let answer = check(AWS, &request).message;
        let shown = request.get(..60).unwrap_or(&request);
        assert!(answer.starts_with(&expected), "{shown}\n{answer}\n{expected}");
        assert_eq!(check(CONFIG, &request).exit_code, 0, "not AWS: {shown}");
    }
}

#[test]
fn many_problems_make_a_message_that_ends() {
    let members: Vec<String> =
        (0..1000).map(|number| format!(r#""{number}{}":1"#, "z".repeat(200))).collect();
    let message = check(CONFIG, &format!("{{{}}}", members.join(","))).message;
    assert!(message.starts_with("Not sent, 1000 problems: \"0zz"), "{message}");
    assert!(message.ends_with("no parameter has a name like it; and 960 more."), "{message}");
    assert!(message.len() < 40 * 200, "{}", message.len());
}
