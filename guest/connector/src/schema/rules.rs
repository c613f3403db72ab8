//! The rules between parameters, as conditions of the schema. `null` is absent, so that "is given" is a type.

use super::patterns::{
    AWS, AZURE_EVENT_GRID, AZURE_IOT_HUB, HOLDS_KEY, STARTS_TLS, STARTS_WEBSOCKET, any_broker, push, put,
};
use crate::catalogue::{Only, PARAMETERS};

/// One of the two contents and not the other, as members of a schema.
pub(super) const ONE_CONTENT: &str = concat!(
    r#""if":{"required":["content-base64"],"properties":{"content-base64":{"type":"string"}}},"#,
    r#""then":{"properties":{"content":{"type":"null"}}},"#,
    r#""else":{"required":["content"],"properties":{"content":{"not":{"type":"null"}}}}"#,
);

/// Writes the items of `allOf`, without the brackets around them.
pub(super) fn write_rules(out: &mut String) {
    push(out, &["{", ONE_CONTENT, "},"]);
    put(
        out,
        r#"{"if":{"required":["protocol-version"],"properties":{"protocol-version":{"const":"5"}}},"else":"#,
    );
    nothing_of(out, Only::Mqtt5);
    // Without version 5: the will has none of the members that version 5 adds, and a password needs a user name.
    put(
        out,
        concat!(
            r#","will":{"type":["object","null"],"properties":{"delay-interval":{"not":{"type":"integer"}},"#,
            r#""message-expiry-interval":{"not":{"type":"integer"}},"payload-format-indicator":{"not":{"type":"boolean"}},"#,
            r#""content-type":{"not":{"type":"string"}}}}},"#,
            r#""if":{"required":["password"],"properties":{"password":{"type":"string"}}},"#,
            r#""then":{"required":["username"],"properties":{"username":{"type":"string"}}}}},"#,
        ),
    );
    put(out, r#"{"if":{"properties":{"#);
    any_broker(out, STARTS_WEBSOCKET);
    put(out, r#"}},"else":"#);
    nothing_of(out, Only::WebSocket);
    put(out, "}}},");
    put(out, r#"{"if":{"required":["proxy"],"properties":{"proxy":{"type":"string"}}},"else":"#);
    nothing_of(out, Only::Proxy);
    put(
        out,
        concat!(
            r#"}}},{"if":{"required":["proxy-password"],"properties":{"proxy-password":{"type":"string"}}},"#,
            r#""then":{"required":["proxy-username"],"properties":{"proxy-username":{"type":"string"}}}},"#,
            r#"{"if":{"required":["proxy"],"properties":{"proxy":{"type":"string","pattern":"^[sS]"}}},"#,
            r#""then":{"properties":{"proxy-username":{"type":["string","null"],"minLength":1,"maxLength":255},"#,
            r#""proxy-password":{"type":["string","null"],"minLength":1,"maxLength":255}},"#,
            r#""if":{"required":["proxy-username"],"properties":{"proxy-username":{"type":"string"}}},"#,
            r#""then":{"required":["proxy-password"],"properties":{"proxy-password":{"type":"string"}}}},"#,
            r#""else":{"properties":{"proxy-username":{"not":{"type":"string","pattern":"[:\\u0000-\\u001f\\u007f-\\u009f]"}},"#,
            r#""proxy-password":{"not":{"type":"string","pattern":"[\\u0000-\\u001f\\u007f-\\u009f]"}}}}},"#,
            r#"{"if":{"properties":{"client-id":{"const":""}}},"#,
            r#""then":{"properties":{"clean-session":{"not":{"const":false}}}}},"#,
            r#"{"if":{"required":["use-certificate"],"properties":{"use-certificate":{"const":true}}},"#,
            r#""then":{"required":["certificate"],"if":{"properties":{"certificate":{"type":"string","pattern":""#,
        ),
    );
    put(out, HOLDS_KEY);
    put(
        out,
        concat!(
            r#""}}},"else":{"required":["private-key"],"properties":{"private-key":{"type":"string"}}},"#,
            r#""properties":{"certificate":{"type":"string"},"broker":{"if":{"type":"array"},"#,
            r#""then":{"type":"array","items":{"type":"string","pattern":""#,
        ),
    );
    push(out, STARTS_TLS);
    put(out, r#""}},"else":{"type":"string","pattern":""#);
    push(out, STARTS_TLS);
    put(out, r#""}}}}}"#);
    for (pattern, [then, topic, will]) in
        [(AWS, AT_AWS), (AZURE_IOT_HUB, AT_HUB), (AZURE_EVENT_GRID, AT_EVENT_GRID)]
    {
        put(out, r#",{"if":{"required":["broker"],"properties":{"#);
        any_broker(out, pattern);
        push(
            out,
            &[
                r#"}},"then":{"#,
                then,
                r#""topic":"#,
                topic,
                r#","will":{"type":["object","null"],"properties":{"topic":"#,
                will,
                "}}}}}",
            ],
        );
    }
}

/// The limits of a vendor, as three parts of a schema: its beginning, with the limits of the client identifier and the content;
/// those of `topic`; those of the will's `topic`, and of what else the will has.
///
/// A payload of the largest size and one with a byte more may have equally many characters as base64. They differ in the padding
/// at the end, which is what `pattern` looks for.
const AT_AWS: [&str; 3] = [
    concat!(
        r#""properties":{"client-id":{"type":"string","maxLength":128},"#,
        r#""content":{"if":{"type":"string"},"then":{"type":"string","maxLength":131072}},"content-base64":{"#,
        r#""type":["string","null"],"maxLength":174764,"if":{"type":"string","minLength":174764},"then":{"type":"string","pattern":"=$"}},"#,
    ),
    AWS_TOPIC,
    AWS_TOPIC,
];
const AWS_TOPIC: &str = concat!(
    r#"{"type":"string","pattern":"^(\\$aws/rules/[^/]*/)?[^/]*(/[^/]*){0,7}$","#,
    r#""allOf":[{"type":"string","pattern":"^(\\$aws/rules/[^/]*/)?[^\u0000]{0,256}$"}]}"#,
);
const AT_HUB: [&str; 3] = [
    concat!(
        r#""required":["username"],"properties":{"client-id":{"type":"string","minLength":1,"maxLength":128},"#,
        r#""content":{"if":{"type":"string"},"then":{"type":"string","maxLength":262144}},"content-base64":{"#,
        r#""type":["string","null"],"maxLength":349528,"if":{"type":"string","minLength":349528},"then":{"type":"string","pattern":"==$"}},"#,
        r#""protocol-version":{"not":{"const":"5"}},"username":{"type":"string","pattern":"^[^/]+/."},"#,
    ),
    r#"{"type":"string","pattern":"^(\\$iothub/|devices/.+/messages/events)"}"#,
    r#"{"type":"string","pattern":"^devices/.+/messages/events"}"#,
];
const AT_EVENT_GRID: [&str; 3] = [
    concat!(
        r#""properties":{"client-id":{"type":"string","minLength":1},"#,
        r#""content":{"if":{"type":"string"},"then":{"type":"string","maxLength":524288}},"content-base64":{"#,
        r#""type":["string","null"],"maxLength":699052,"if":{"type":"string","minLength":699052},"then":{"type":"string","pattern":"=$"}},"#,
    ),
    EVENT_GRID_TOPIC,
    r#"{"type":"string","maxLength":256,"pattern":"^[^/]*(/[^/]*){0,7}$"},"delay-interval":{"type":["integer","null"],"maximum":300}"#,
];
const EVENT_GRID_TOPIC: &str = r#"{"type":"string","maxLength":256,"pattern":"^[^/]*(/[^/]*){0,7}$"}"#;

/// Writes the start of a schema that accepts no parameter of this kind. The object and its `properties` are left open, for further
/// properties.
fn nothing_of(out: &mut String, only: Only) {
    put(out, r#"{"properties":{"#);
    let names = PARAMETERS.iter().filter(|parameter| parameter.only == Some(only));
    for (index, parameter) in names.enumerate() {
        push(out, &[if index > 0 { "," } else { "" }, "\"", parameter.name, r#"":{"type":"null"}"#]);
    }
}
