//! Names that no parameter has, and names that stand there twice.

use crate::wrong::assert_messages;

#[test]
fn names() {
    assert_messages(&[
        (
            r#"{"clientId":"x"}"#,
            r#"Not sent: "clientId" in the request is unknown (did you mean client-id?)."#,
        ),
        (
            r#"{"client_id":"x"}"#,
            r#"Not sent: "client_id" in the request is unknown (did you mean client-id?)."#,
        ),
        (
            r#"{"CLIENT-ID":"x"}"#,
            r#"Not sent: "CLIENT-ID" in the request is unknown (did you mean client-id?)."#,
        ),
        (r#"{"topc":"x"}"#, r#"Not sent: "topc" in the request is unknown (did you mean topic?)."#),
        (r#"{"brokr":"x"}"#, r#"Not sent: "brokr" in the request is unknown (did you mean broker?)."#),
        (r#"{"user":"x"}"#, r#"Not sent: "user" in the request is unknown (did you mean username?)."#),
        (
            r#"{"userName":"x"}"#,
            r#"Not sent: "userName" in the request is unknown (did you mean username?)."#,
        ),
        (
            r#"{"pasword":"SECRET"}"#,
            r#"Not sent: "pasword" in the request is unknown (did you mean password?)."#,
        ),
        (
            r#"{"rootCaCrt":"x"}"#,
            r#"Not sent: "rootCaCrt" in the request is unknown (did you mean root-ca-crt?)."#,
        ),
        (
            r#"{"zzz":1}"#,
            r#"Not sent: "zzz" in the request is unknown, and no parameter has a name like it."#,
        ),
        (r#"{"":1}"#, r#"Not sent: "" in the request is unknown, and no parameter has a name like it."#),
        (
            r#"{"a\nb":1}"#,
            r#"Not sent: "a\nb" in the request is unknown, and no parameter has a name like it."#,
        ),
        (r#"{"qos":1,"qos":2}"#, r#"Not sent: "qos" stands in the request more than once."#),
        (r#"{"qos":null,"qos":2}"#, r#"Not sent: "qos" stands in the request more than once."#),
        (
            r#"{"x\ud800":2}"#,
            r#"Not sent: "x\\ud800" in the request is unknown, and no parameter has a name like it."#,
        ),
        (
            r##"{"qos":"1","retain":"no","topic":"#","nope":1}"##,
            r##"Not sent, 4 problems: "nope" in the request is unknown, and no parameter has a name like it; topic in the request got the string "#", wants a topic without the wildcards + and #, which only a subscription may have; qos in the request got the string "1", wants the number 0, 1 or 2; retain in the request got the string "no", wants true or false, without quotes."##,
        ),
        (
            r#"{"cert":"x","key":"x","payload":1,"topic-name":"x","contentt":"x"}"#,
            r#"Not sent, 5 problems: "cert" in the request is unknown (did you mean certificate?); "key" in the request is unknown, and no parameter has a name like it; "payload" in the request is unknown, and no parameter has a name like it; "topic-name" in the request is unknown (did you mean topic?); "contentt" in the request is unknown (did you mean content?)."#,
        ),
        (
            r#"{"qos":1,"nope\u0022":"x"}"#,
            r#"Not sent: "nope\"" in the request is unknown, and no parameter has a name like it."#,
        ),
    ]);
}
