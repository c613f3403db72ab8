//! Every parameter, given every kind of wrong value: the whole message.

use mqtt_connector_contract::exit_code;

use crate::check;
use crate::schema::assert_agrees;

const CONFIG: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#;

pub(crate) fn assert_messages(table: &[(&str, &str)]) {
    for (request, message) in table {
        let meta = check(CONFIG, request);
        assert_eq!(meta.message, *message, "{request}");
        assert_eq!(meta.exit_code, exit_code::PARAMETER, "{request}");
        assert_agrees(CONFIG, request);
    }
}

#[test]
fn broker_and_client() {
    assert_messages(&[
        (
            r#"{"broker":7}"#,
            r#"Not sent: broker in the request got the number 7, wants a string, or a list of 1 to 16 strings."#,
        ),
        (
            r#"{"broker":true}"#,
            r#"Not sent: broker in the request got true, wants a string, or a list of 1 to 16 strings."#,
        ),
        (r#"{"broker":[]}"#, r#"Not sent: broker in the request got a list, wants 1 to 16 URLs, not 0."#),
        (
            r#"{"broker":{}}"#,
            r#"Not sent: broker in the request got an object, wants a string, or a list of 1 to 16 strings."#,
        ),
        (
            r#"{"broker":""}"#,
            r#"Not sent: broker in the request got the string "", wants a URL such as ssl://broker.example.com:8883 or tcp://broker.example.com:1883."#,
        ),
        (
            r#"{"broker":"h:1883"}"#,
            r#"Not sent: broker in the request got the string "h:1883", wants a URL such as ssl://broker.example.com:8883 or tcp://broker.example.com:1883."#,
        ),
        (
            r#"{"broker":"http://h"}"#,
            r#"Not sent: broker in the request got the string "http://h", wants one of the schemes tcp, mqtt, ssl, tls, mqtts, ws and wss."#,
        ),
        (
            r#"{"broker":"mqtt://a,mqtt://b"}"#,
            r#"Not sent: broker in the request got the string "mqtt://a,mqtt://b", wants one URL, or a list of URLs: ["mqtt://a.example.com", "mqtt://b.example.com"]."#,
        ),
        (
            r#"{"broker":"[\"tcp://a\"]"}"#,
            r#"Not sent: broker in the request got the string "[\"tcp://a\"]", wants a URL without quotation marks or brackets around it, or a list: ["mqtt://a.example.com", "mqtt://b.example.com"]."#,
        ),
        (
            r#"{"broker":["tcp://h","a,b"]}"#,
            r#"Not sent: broker in the request got the string "a,b", wants one URL, or a list of URLs: ["mqtt://a.example.com", "mqtt://b.example.com"] (entry 2 of the list)."#,
        ),
        (
            r#"{"broker":"tcp://[fe80::1%eth0]:1883"}"#,
            r#"Not sent: broker in the request got the string "tcp://[fe80::1%eth0]:1883", wants an IPv6 address without a zone identifier (the part from % on): what is link-local cannot be reached, so give a host name or another address."#,
        ),
        (
            r#"{"broker":"tcp://mqtt://h"}"#,
            r#"Not sent: broker in the request got the string "tcp://mqtt://h", wants one scheme, as in tcp://broker.example.com:1883."#,
        ),
        (
            r#"{"broker":"tcp://"}"#,
            r#"Not sent: broker in the request got the string "tcp://", wants a host after ://."#,
        ),
        (
            r#"{"broker":"tcp://ann:SECRET@h"}"#,
            r#"Not sent: broker in the request got a string of 18 bytes, wants a URL without user information: there are the parameters username and password."#,
        ),
        (
            r#"{"broker":"tcp://ann:SECRET"}"#,
            r#"Not sent: broker in the request got a string of 16 bytes, wants a port from 1 to 65535 after the colon."#,
        ),
        (
            r#"{"broker":"tcp://ann:123456"}"#,
            r#"Not sent: broker in the request got a string of 16 bytes, wants a port from 1 to 65535 after the colon."#,
        ),
        (
            r#"{"broker":"tcp://h:0"}"#,
            r#"Not sent: broker in the request got the string "tcp://h:0", wants a port from 1 to 65535 after the colon."#,
        ),
        (
            r#"{"broker":"tcp://h:65536"}"#,
            r#"Not sent: broker in the request got the string "tcp://h:65536", wants a port from 1 to 65535 after the colon."#,
        ),
        (
            r#"{"broker":"tcp://h/x"}"#,
            r#"Not sent: broker in the request got the string "tcp://h/x", wants nothing after host and port: only ws and wss have a path."#,
        ),
        (r#"{"client-id":7}"#, r#"Not sent: client-id in the request got the number 7, wants a string."#),
        (
            r#"{"client-id":"a\u0000b"}"#,
            r#"Not sent: client-id in the request got the string "a\u{0}b", wants a text without control characters: character 2 of it is the control character U+0000."#,
        ),
        (
            r#"{"client-id":"","clean-session":false}"#,
            r#"Not sent: client-id in the request: "" lets the broker choose, and that needs clean-session to be true."#,
        ),
        (r#"{"username":1}"#, r#"Not sent: username in the request got the number 1, wants a string."#),
        (
            r#"{"username":"a\u0000"}"#,
            r#"Not sent: username in the request got the string "a\u{0}", wants a text without control characters: character 2 of it is the control character U+0000."#,
        ),
        (
            r#"{"password":"SECRET"}"#,
            r#"Not sent: password in the request: it needs a username under MQTT 3.1.1."#,
        ),
        (r#"{"password":7}"#, r#"Not sent: password in the request got a number, wants a string."#),
        (
            r#"{"username":"a","password":["SECRET"]}"#,
            r#"Not sent: password in the request got a list, wants a string."#,
        ),
        (
            r#"{"broker":"ssl\u003a//ann\u0040h:x"}"#,
            r#"Not sent: broker in the request got a string of 13 bytes, wants a URL without user information: there are the parameters username and password."#,
        ),
        (
            r#"{"content":"x","broker":"ssl://h:8883?x"}"#,
            r#"Not sent: broker in the request got the string "ssl://h:8883?x", wants nothing after host and port: only ws and wss have a path."#,
        ),
    ]);
}

#[test]
fn message() {
    assert_messages(&[
        (
            r#"{"topic":""}"#,
            r#"Not sent: topic in the request got the string "", wants at least one character."#,
        ),
        (
            r#"{"topic":"a/+"}"#,
            r#"Not sent: topic in the request got the string "a/+", wants a topic without the wildcards + and #, which only a subscription may have."#,
        ),
        (
            r##"{"topic":"#"}"##,
            r##"Not sent: topic in the request got the string "#", wants a topic without the wildcards + and #, which only a subscription may have."##,
        ),
        (
            r#"{"topic":"a\u0000"}"#,
            r#"Not sent: topic in the request got the string "a\u{0}", wants a text without control characters: character 2 of it is the control character U+0000."#,
        ),
        (r#"{"topic":7}"#, r#"Not sent: topic in the request got the number 7, wants a string."#),
        (
            r#"{"topic":"\ud800"}"#,
            r#"Not sent: topic in the request got a string, wants whole characters: \ud800 to \udfff only in pairs."#,
        ),
        (r#"{"qos":3}"#, r#"Not sent: qos in the request got the number 3, wants the number 0, 1 or 2."#),
        (r#"{"qos":-1}"#, r#"Not sent: qos in the request got the number -1, wants the number 0, 1 or 2."#),
        (r#"{"qos":"1"}"#, r#"Not sent: qos in the request got the string "1", wants the number 0, 1 or 2."#),
        (r#"{"qos":1.0}"#, r#"Not sent: qos in the request got the number 1.0, wants the number 0, 1 or 2."#),
        (r#"{"qos":true}"#, r#"Not sent: qos in the request got true, wants the number 0, 1 or 2."#),
        (r#"{"qos":[1]}"#, r#"Not sent: qos in the request got a list, wants the number 0, 1 or 2."#),
        (
            r#"{"retain":"true"}"#,
            r#"Not sent: retain in the request got the string "true", wants true or false, without quotes."#,
        ),
        (
            r#"{"retain":1}"#,
            r#"Not sent: retain in the request got the number 1, wants true or false, without quotes."#,
        ),
        (
            r#"{"content":"\udc00"}"#,
            r#"Not sent: content in the request got a string, wants whole characters: \ud800 to \udfff only in pairs."#,
        ),
        (
            r#"{"content":"a","content-base64":"AA=="}"#,
            r#"Not sent: content in the request: give either content or content-base64, not both."#,
        ),
        (
            r#"{"content-base64":"AA="}"#,
            r#"Not sent: content-base64 in the request got a string of 3 bytes, wants base64 whose length is a multiple of 4, filled up with = at the end."#,
        ),
        (
            r#"{"content-base64":"AA"}"#,
            r#"Not sent: content-base64 in the request got a string of 2 bytes, wants base64 whose length is a multiple of 4, filled up with = at the end."#,
        ),
        (
            r#"{"content-base64":"A A="}"#,
            r#"Not sent: content-base64 in the request got a string of 4 bytes, wants base64 of the alphabet A-Z a-z 0-9 + / only: byte 1 is another."#,
        ),
        (
            r#"{"content-base64":"AB=="}"#,
            r#"Not sent: content-base64 in the request got a string of 4 bytes, wants complete base64: its last character has bits left over."#,
        ),
        (
            r#"{"content-base64":"_-=="}"#,
            r#"Not sent: content-base64 in the request got a string of 4 bytes, wants base64 of the alphabet A-Z a-z 0-9 + / only: byte 0 is another."#,
        ),
        (
            r#"{"content-base64":7}"#,
            r#"Not sent: content-base64 in the request got a number, wants a string."#,
        ),
        (r#"{"will":"x"}"#, r#"Not sent: will in the request got a string of 1 byte, wants an object."#),
        (
            r#"{"will":{}}"#,
            r#"Not sent, 2 problems: will.topic is missing in the request; will.content is missing in the request."#,
        ),
        (
            r#"{"will":{"topic":"w/#","content":"x","qos":"1","retain":1,"content-base64":"AA=="}}"#,
            r#"Not sent, 4 problems: will.topic in the request got the string "w/#", wants a topic without the wildcards + and #, which only a subscription may have; will.content in the request: give either content or content-base64, not both; will.qos in the request got the string "1", wants the number 0, 1 or 2; will.retain in the request got the number 1, wants true or false, without quotes."#,
        ),
        (
            r#"{"will":{"topic":"w","content-base64":"?"}}"#,
            r#"Not sent: will.content-base64 in the request got a string of 1 byte, wants base64 of the alphabet A-Z a-z 0-9 + / only: byte 0 is another."#,
        ),
        (
            r#"{"will":{"topic":"w","payload":"SECRET","QoS":1}}"#,
            r#"Not sent, 3 problems: "will.payload" in the request is unknown (did you mean will.content?); "will.QoS" in the request is unknown (did you mean will.qos?); will.content is missing in the request."#,
        ),
        (
            r#"{"will":{"topic":"w","topic":"v","content":""}}"#,
            r#"Not sent: "will.topic" stands in the request more than once."#,
        ),
        (
            r#"{"will":{"topic":null,"content":null}}"#,
            r#"Not sent, 2 problems: will.topic is missing in the request; will.content is missing in the request."#,
        ),
    ]);
}

#[test]
fn tls() {
    assert_messages(&[
        (
            r#"{"root-ca-crt":"ca.pem"}"#,
            r#"Not sent: root-ca-crt in the request got a string of 6 bytes, wants an absolute path, starting with /, or PEM text, starting with -----BEGIN."#,
        ),
        (r#"{"root-ca-crt":7}"#, r#"Not sent: root-ca-crt in the request got a number, wants a string."#),
        (
            r#"{"root-ca-crt":""}"#,
            r#"Not sent: root-ca-crt in the request got an empty string, wants an absolute path, starting with /, or PEM text, starting with -----BEGIN."#,
        ),
        (
            r#"{"root-ca-crt":"/a\u0000"}"#,
            r#"Not sent: root-ca-crt in the request got a string of 3 bytes, wants a text without the character U+0000."#,
        ),
        (
            r#"{"use-certificate":true}"#,
            r#"Not sent, 3 problems: use-certificate in the request: true needs a broker with TLS, such as ssl://broker.example.com:8883; certificate is missing, and use-certificate true needs it; private-key is missing, and use-certificate true needs it."#,
        ),
        (
            r#"{"use-certificate":"true"}"#,
            r#"Not sent: use-certificate in the request got the string "true", wants true or false, without quotes."#,
        ),
        (
            r#"{"broker":"ssl://h","use-certificate":true}"#,
            r#"Not sent, 2 problems: certificate is missing, and use-certificate true needs it; private-key is missing, and use-certificate true needs it."#,
        ),
        (
            r#"{"certificate":"c"}"#,
            r#"Not sent: certificate in the request got a string of 1 byte, wants an absolute path, starting with /, or PEM text, starting with -----BEGIN."#,
        ),
        (
            r#"{"private-key":"MIIEvSECRET"}"#,
            r#"Not sent: private-key in the request got a string of 11 bytes, wants an absolute path, starting with /, or PEM text, starting with -----BEGIN."#,
        ),
        (r#"{"private-key":7}"#, r#"Not sent: private-key in the request got a number, wants a string."#),
        (
            r#"{"private-key-password":7}"#,
            r#"Not sent: private-key-password in the request got a number, wants a string."#,
        ),
        (
            r#"{"server-name":"a b"}"#,
            r#"Not sent: server-name in the request got the string "a b", wants a host name or an IP address, without scheme and port."#,
        ),
        (
            r#"{"server-name":"ssl://h"}"#,
            r#"Not sent: server-name in the request got the string "ssl://h", wants a host name or an IP address, without scheme and port."#,
        ),
        (r#"{"server-name":7}"#, r#"Not sent: server-name in the request got the number 7, wants a string."#),
        (
            r#"{"alpn-protocols":"mqtt"}"#,
            r#"Not sent: alpn-protocols in the request got the string "mqtt", wants a list of strings."#,
        ),
        (
            r#"{"alpn-protocols":[1]}"#,
            r#"Not sent: alpn-protocols in the request got a list, wants a list of strings."#,
        ),
        (
            r#"{"alpn-protocols":[""]}"#,
            r#"Not sent: alpn-protocols in the request got a list, wants protocol names of 1 to 255 bytes."#,
        ),
        (
            r#"{"verify-server":"no"}"#,
            r#"Not sent: verify-server in the request got the string "no", wants true or false, without quotes."#,
        ),
        (
            r#"{"verify-server":0}"#,
            r#"Not sent: verify-server in the request got the number 0, wants true or false, without quotes."#,
        ),
    ]);
}

#[test]
fn session_and_version() {
    assert_messages(&[
        (
            r#"{"clean-session":0}"#,
            r#"Not sent: clean-session in the request got the number 0, wants true or false, without quotes."#,
        ),
        (
            r#"{"keep-alive":65536}"#,
            r#"Not sent: keep-alive in the request got the number 65536, wants a whole number of seconds from 0 to 65535."#,
        ),
        (
            r#"{"keep-alive":-1}"#,
            r#"Not sent: keep-alive in the request got the number -1, wants a whole number of seconds from 0 to 65535."#,
        ),
        (
            r#"{"keep-alive":"60"}"#,
            r#"Not sent: keep-alive in the request got the string "60", wants a whole number of seconds from 0 to 65535."#,
        ),
        (
            r#"{"keep-alive":60.5}"#,
            r#"Not sent: keep-alive in the request got the number 60.5, wants a whole number of seconds from 0 to 65535."#,
        ),
        (
            r#"{"timeout":0}"#,
            r#"Not sent: timeout in the request got the number 0, wants a whole number of milliseconds from 1 to 4294967295."#,
        ),
        (
            r#"{"timeout":4294967296}"#,
            r#"Not sent: timeout in the request got the number 4294967296, wants a whole number of milliseconds from 1 to 4294967295."#,
        ),
        (
            r#"{"timeout":1e3}"#,
            r#"Not sent: timeout in the request got the number 1e3, wants a whole number of milliseconds from 1 to 4294967295."#,
        ),
        (
            r#"{"timeout":99999999999999999999999999999999999999999999999999999999999999999999999999999}"#,
            r#"Not sent: timeout in the request got the number 999999999999999999999999999999999999999999999999999999999999…, wants a whole number of milliseconds from 1 to 4294967295."#,
        ),
        (
            r#"{"retries":101}"#,
            r#"Not sent: retries in the request got the number 101, wants a whole number from 0 to 100."#,
        ),
        (
            r#"{"protocol-version":"3.1"}"#,
            r#"Not sent: protocol-version in the request got the string "3.1", wants "3.1.1" or "5"."#,
        ),
        (
            r#"{"protocol-version":5}"#,
            r#"Not sent: protocol-version in the request got the number 5, wants "3.1.1" or "5"."#,
        ),
        (
            r#"{"content-type":"x"}"#,
            r#"Not sent: content-type in the request: it needs protocol-version "5"; MQTT 3.1.1 has no such property."#,
        ),
        (
            r#"{"websocket-headers":{}}"#,
            r#"Not sent: websocket-headers in the request: it needs a broker with the scheme ws or wss."#,
        ),
        (
            r#"{"action":"receive"}"#,
            r#"Not sent: action in the request got the string "receive", wants "send"."#,
        ),
        (r#"{"action":7}"#, r#"Not sent: action in the request got the number 7, wants "send"."#),
    ]);
}
