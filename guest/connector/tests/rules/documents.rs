//! Two documents as one: what is not a JSON object, and which document wins.

use mqtt_connector_guest::catalogue::PARAMETERS;
use mqtt_connector_guest::publication::prepare;

use crate::check;

const CONFIG: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#;

#[test]
fn what_is_not_an_object_is_said_and_nothing_else() {
    let deep = "[".repeat(100_000);
    for (config, request, message) in [
        ("", "{}", "Not sent: the configuration is empty, wants a JSON object, at least {}."),
        ("{}", " \n", "Not sent: the request is empty, wants a JSON object, at least {}."),
        (
            "7",
            r#""x""#,
            "Not sent, 2 problems: the configuration is a number, wants a JSON object: {…}; the request is a string, wants a JSON object: {…}.",
        ),
        (
            " []",
            "null",
            "Not sent, 2 problems: the configuration is a list, wants a JSON object: {…}; the request is null, wants a JSON object: {…}.",
        ),
        ("true", "{}", "Not sent: the configuration is a boolean, wants a JSON object: {…}."),
        (
            r#"{"qos":1"#,
            "{}",
            "Not sent: the configuration is not JSON: it ends at line 1, column 8, before a quote, a bracket or a brace is closed.",
        ),
        (
            CONFIG,
            r#"{"qos":1} x"#,
            "Not sent: the request is not JSON: line 1, column 11: a word without quotes, or something behind the end; names and strings stand in double quotes.",
        ),
        (
            CONFIG,
            "{\"qos\":1,\n 'a':2}",
            "Not sent: the request is not JSON: line 2, column 2: names and strings stand in double quotes, \".",
        ),
        (
            CONFIG,
            r#"{"qos":01}"#,
            "Not sent: the request is not JSON: line 1, column 9: not a number as JSON has them, or a comma before it is missing.",
        ),
        (
            CONFIG,
            "\u{feff}\u{feff}{}",
            "Not sent: the request is not JSON: line 1, column 1: one byte order mark is enough.",
        ),
        (
            CONFIG,
            &deep,
            "Not sent: the request is not JSON: it ends at line 1, column 100000, before a quote, a bracket or a brace is closed.",
        ),
    ] {
        let shown = request.get(..20).unwrap_or(request);
        assert_eq!(check(config, request).message, message, "{config} {shown}");
        assert_eq!(check(config, request).exit_code, 64, "{config} {shown}");
    }
}

#[test]
fn the_request_wins_and_null_is_absent() {
    for (config, request, topic, payload) in [
        (r#""topic":"a","content":"x""#, "", "a", "x"),
        (r#""topic":"a","content":"x""#, r#""topic":"b""#, "b", "x"),
        (r#""topic":"a","content":"x""#, r#""topic":null"#, "a", "x"),
        (r#""topic":null,"content":"x""#, r#""topic":"b""#, "b", "x"),
        ("", r#""topic":"b","content":"y""#, "b", "y"),
        (r#""topic":"a","content":"x""#, r#""content":"""#, "a", ""),
        // Content of either kind in the request replaces content of either kind in the configuration.
        (r#""topic":"a","content":"x""#, r#""content-base64":"eQ==""#, "a", "y"),
        (r#""topic":"a","content-base64":"eA==""#, r#""content":"y""#, "a", "y"),
        (r#""topic":"a","content-base64":"eA==""#, r#""content":null"#, "a", "x"),
        (r#""topic":"a","content-base64":"?!","content":"x""#, r#""content":"y""#, "a", "y"),
        // What is replaced is not judged.
        (r#""topic":"a/#","content":"x""#, r#""topic":"b""#, "b", "x"),
    ] {
        let comma = if config.is_empty() { "" } else { "," };
        let config = format!(r#"{{"broker":"tcp://h","client-id":"c"{comma}{config}}}"#);
        let request = format!("{{{request}}}");
        let message = prepare(&config, &request)
            .unwrap_or_else(|invalid| panic!("{config} {request}: {invalid}"))
            .message;
        assert_eq!(
            (message.topic.as_str(), message.payload.as_slice()),
            (topic, payload.as_bytes()),
            "{config} {request}"
        );
    }
}

#[test]
fn a_problem_says_where_the_value_stood() {
    let config = r##"{"broker":"tcp://h","client-id":"c","topic":"#","content":"x","content-base64":"eA==","nope":1}"##;
    for (request, message) in [
        (
            r#"{"qos":"1","zzz":2}"#,
            "Not sent, 5 problems: \"nope\" in the configuration is unknown, and no parameter has a name like it; \
             \"zzz\" in the request is unknown, and no parameter has a name like it; \
             topic in the configuration got the string \"#\", wants a topic without the wildcards + and #, which only a subscription may have; \
             qos in the request got the string \"1\", wants the number 0, 1 or 2; \
             content in the configuration: give either content or content-base64, not both.",
        ),
        (
            r#"{"topic":"a","content":"b"}"#,
            "Not sent: \"nope\" in the configuration is unknown, and no parameter has a name like it.",
        ),
    ] {
        assert_eq!(check(config, request).message, message, "{request}");
    }
}

#[test]
fn what_is_missing() {
    assert_eq!(
        check("{}", r#"{"topic":null}"#).message,
        "Not sent, 4 problems: \
         broker is missing: give it in the configuration or the request, for example \"ssl://broker.example.com:8883\"; \
         client-id is missing: give it in the configuration or the request, for example \"plant-7-reporter\"; \
         topic is missing: give it in the configuration or the request, for example \"plant/7/temperature\"; \
         content is missing: give it in the configuration or the request, for example \"21.5\"."
    );
}

#[test]
fn null_is_absent_whatever_the_parameter() {
    let config = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x","qos":1}"#;
    let without = check(config, "{}");
    assert_eq!(without.exit_code, 0, "{}", without.message);
    for parameter in PARAMETERS {
        let with = check(config, &format!("{{\"{}\":null}}", parameter.name));
        assert_eq!((with.exit_code, &with.message), (0, &without.message), "{}", parameter.name);
    }
}

#[test]
fn a_byte_order_mark_in_front_is_no_part_of_a_document() {
    let (config, request) = (format!("\u{feff}{CONFIG}"), "\u{feff} {\"qos\":1}");
    let meta = check(&config, request);
    assert_eq!(meta.message, check(CONFIG, r#"{"qos":1}"#).message);
    assert_eq!(meta.exit_code, 0);
    let meta = check("\u{feff}\u{feff}{}", "\u{feff}");
    assert_eq!(
        meta.message,
        "Not sent, 2 problems: the configuration is not JSON: line 1, column 1: one byte order mark is enough; the request is empty, \
         wants a JSON object, at least {}."
    );
}
