//! How the broker is reached: a list of brokers, WebSockets and a proxy.

use mqtt_connector_guest::publication::{Publication, prepare};

use crate::check;
use crate::schema::assert_agrees;
use crate::wrong::assert_messages;

const CONFIG: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#;

fn prepared(config: &str, request: &str) -> Publication {
    assert_agrees(config, request);
    prepare(config, request).unwrap_or_else(|invalid| panic!("{request}: {invalid}"))
}

#[test]
fn brokers_are_kept_in_order() {
    let shown = |request| {
        let options = prepared(CONFIG, request).options;
        let brokers = options.brokers.iter();
        let brokers: Vec<String> = brokers
            .map(|broker| format!("{:?} {} {}{}", broker.transport, broker.host, broker.port, broker.path))
            .collect();
        format!("{} {}", brokers.join(", "), options.tls.is_some())
    };
    for (request, expected) in [
        (r#"{"broker":["tcp://h"]}"#, "Tcp h 1883 false"),
        (r#"{"broker":["tcp://b","TCP://A:2"]}"#, "Tcp b 1883, Tcp a 2 false"),
        (
            r#"{"broker":["ws://a","wss://a","wss://a/x?y","ssl://a"]}"#,
            "Websocket a 80/mqtt, WebsocketTls a 443/mqtt, WebsocketTls a 443/x?y, Tls a 8883 true",
        ),
    ] {
        assert_eq!(shown(request), expected, "{request}");
    }
    let sixteen: Vec<String> = (1..=16).map(|number| format!("\"tcp://h:{number}\"")).collect();
    assert_eq!(
        prepared(CONFIG, &format!(r#"{{"broker":[{}]}}"#, sixteen.join(","))).options.brokers.len(),
        16
    );
}

#[test]
fn wrong_lists_of_brokers() {
    let seventeen: Vec<String> = (1..=17).map(|number| format!("\"tcp://h:{number}\"")).collect();
    assert_messages(&[
        (
            &format!(r#"{{"broker":[{}]}}"#, seventeen.join(",")),
            "Not sent: broker in the request got a list, wants 1 to 16 URLs, not 17.",
        ),
        (
            r#"{"broker":["tcp://h",7,"h","tcp://u:SECRET@h"]}"#,
            r#"Not sent, 3 problems: broker in the request got the number 7, wants a string of whole characters (entry 2 of the list); broker in the request got the string "h", wants a URL such as ssl://broker.example.com:8883 or tcp://broker.example.com:1883 (entry 3 of the list); broker in the request got a string of 16 bytes, wants a URL without user information: there are the parameters username and password (entry 4 of the list)."#,
        ),
        (
            r#"{"broker":["tcp://h","mqtt://H:1883"]}"#,
            r#"Not sent: broker in the request got the string "mqtt://H:1883", wants each broker once (entry 2 of the list)."#,
        ),
        (
            r#"{"broker":["ssl://h","tcp://h"],"use-certificate":true,"certificate":"/c","private-key":"/k"}"#,
            "Not sent: use-certificate in the request: true needs TLS at each of the brokers.",
        ),
        (
            r#"{"broker":["tcp://h","ssl://h"],"websocket-headers":{}}"#,
            "Not sent: websocket-headers in the request: it needs a broker with the scheme ws or wss.",
        ),
        (
            r#"{"broker":["tcp://h","ssl://a.iot.r.amazonaws.com"],"topic":"1/2/3/4/5/6/7/8/9"}"#,
            "Not sent: topic in the request: AWS IoT takes 7 slashes at most (after $aws/rules/RULE/), not 8.",
        ),
        (
            r#"{"broker":"wss://h/a b?token=SECRET"}"#,
            "Not sent: broker in the request got a string of 24 bytes, wants a path of the characters that a URL may have, without a fragment (#).",
        ),
    ]);
}

#[test]
fn what_holds_for_any_broker_of_a_list() {
    let request = r#"{"broker":["tcp://h","ssl://a.iot.r.amazonaws.com:443"]}"#;
    let publication = prepared(CONFIG, request);
    assert!(publication.remarks.lowered);
    assert_eq!(publication.options.tls.unwrap().alpn_protocols, [""; 0]);
    let request = r#"{"broker":["ssl://h","ssl://a.iot.r.amazonaws.com:443"],"use-certificate":true,"certificate":"/c","private-key":"/k"}"#;
    assert_eq!(prepared(CONFIG, request).options.tls.unwrap().alpn_protocols, ["x-amzn-mqtt-ca"]);
    // On a WebSocket, AWS IoT tells nothing by ALPN.
    let request = r#"{"broker":"wss://a.iot.r.amazonaws.com","use-certificate":true,"certificate":"/c","private-key":"/k"}"#;
    assert_eq!(prepared(CONFIG, request).options.tls.unwrap().alpn_protocols, [""; 0]);
}

#[test]
fn headers() {
    let shown = |headers: &str| {
        let options =
            prepared(CONFIG, &format!(r#"{{"broker":"ws://h","websocket-headers":{headers}}}"#)).options;
        let headers: Vec<String> = options
            .websocket_headers
            .iter()
            .map(|header| format!("{}: {:?}", header.name, header.value))
            .collect();
        headers.join(", ")
    };
    for (headers, expected) in [
        ("{}", ""),
        (
            r#"{"Authorization":"Bearer T","x-a!":"ä\t","B":""}"#,
            r#"Authorization: "Bearer T", x-a!: "ä\t", B: """#,
        ),
        (r#"{"Hosts":"h","Sec-WebSocket":"x"}"#, r#"Hosts: "h", Sec-WebSocket: "x""#),
    ] {
        assert_eq!(shown(headers), expected, "{headers}");
    }
    let token = "names of headers that have letters, digits and !#$%&'*+-.^_`|~ only";
    let control = "values of headers without control characters";
    let own = |name| format!("other headers than those of the handshake itself, of which {name} is one");
    let long = format!(r#"{{"a":"{}"}}"#, "SECRET".repeat(3_000));
    for (headers, got, wants) in [
        (r#""SECRET""#, "a string of 6 bytes", "an object of strings"),
        (r#"[["a","SECRET"]]"#, "a list", "an object of strings"),
        (r#"{"a":7}"#, "an object", "an object of strings"),
        (r#"{"":"x"}"#, "an object", token),
        (r#"{"SECRET x":"x"}"#, "an object", token),
        (r#"{"ä":"x"}"#, "an object", token),
        (r#"{"a:":"x"}"#, "an object", token),
        (r#"{"\ud800":"x"}"#, "an object", token),
        (r#"{"a":"SECRET\r\nb: c"}"#, "an object", control),
        (r#"{"a":"\u0000"}"#, "an object", control),
        (r#"{"a":"\u007f"}"#, "an object", control),
        (r#"{"A":"b","a":"c"}"#, "an object", "each header once, in whatever case"),
        (r#"{"HOST":"x"}"#, "an object", &own("Host")),
        (r#"{"upgrade":"x"}"#, "an object", &own("Upgrade")),
        (r#"{"Connection":"x"}"#, "an object", &own("Connection")),
        (r#"{"content-length":"1"}"#, "an object", &own("Content-Length")),
        (r#"{"Transfer-Encoding":"x"}"#, "an object", &own("Transfer-Encoding")),
        (r#"{"sec-websocket-KEY":"x"}"#, "an object", &own("Sec-WebSocket-")),
        (&long, "an object", "headers of 16384 bytes at most, four more for each counted"),
    ] {
        let request = format!(r#"{{"broker":"ws://h","websocket-headers":{headers}}}"#);
        let message = format!("Not sent: websocket-headers in the request got {got}, wants {wants}.");
        let meta = check(CONFIG, &request);
        assert_eq!((meta.exit_code, meta.message), (64, message), "{headers}");
        if !long.contains(headers) {
            assert_agrees(CONFIG, &request);
        }
    }
}

#[test]
fn proxies() {
    let shown = |request| {
        let proxy = prepared(CONFIG, request).options.proxy.unwrap();
        let credentials = proxy.credentials.map(|given| (given.username, given.password));
        format!("{:?} {} {} {credentials:?}", proxy.protocol, proxy.host, proxy.port)
    };
    for (request, expected) in [
        (r#"{"proxy":"socks5://p"}"#, "Socks5 p 1080 None"),
        (r#"{"proxy":"SOCKS5://P.Example:1/"}"#, "Socks5 p.example 1 None"),
        (r#"{"proxy":"http://p"}"#, "Http p 80 None"),
        (r#"{"proxy":"http://[::1]:3128"}"#, "Http ::1 3128 None"),
        (r#"{"proxy":"http://p","proxy-username":""}"#, r#"Http p 80 Some((Some(""), None))"#),
        (
            r#"{"proxy":"socks5://p","proxy-username":"u:v","proxy-password":"w"}"#,
            r#"Socks5 p 1080 Some((Some("u:v"), Some("w")))"#,
        ),
    ] {
        assert_eq!(shown(request), expected, "{request}");
    }
    let long = "a".repeat(256);
    assert_messages(&[
        (r#"{"proxy":7}"#, "Not sent: proxy in the request got the number 7, wants a string."),
        (
            r#"{"proxy":"p:1080"}"#,
            r#"Not sent: proxy in the request got the string "p:1080", wants a URL such as socks5://proxy.example.com:1080 or http://proxy.example.com:3128."#,
        ),
        (
            r#"{"proxy":"https://p"}"#,
            r#"Not sent: proxy in the request got the string "https://p", wants one of the schemes socks5 and http."#,
        ),
        (
            r#"{"proxy":"http://u:SECRET@p"}"#,
            "Not sent: proxy in the request got a string of 17 bytes, wants a URL without user information: there are the parameters proxy-username and proxy-password.",
        ),
        (
            r#"{"proxy":"socks5://u:SECRET"}"#,
            "Not sent: proxy in the request got a string of 17 bytes, wants a port from 1 to 65535 after the colon.",
        ),
        (
            r#"{"proxy":"http://p:3128,http://q:3128"}"#,
            "Not sent: proxy in the request got a string of 27 bytes, wants the URL of one proxy: there is no list of proxies.",
        ),
        (
            r#"{"proxy":"socks5://[fe80::1%eth0]:1080"}"#,
            r#"Not sent: proxy in the request got the string "socks5://[fe80::1%eth0]:1080", wants an IPv6 address without a zone identifier (the part from % on): what is link-local cannot be reached, so give a host name or another address."#,
        ),
        (
            r#"{"proxy":"http://p/x"}"#,
            r#"Not sent: proxy in the request got the string "http://p/x", wants nothing after host and port."#,
        ),
        (
            r#"{"proxy-username":"u","proxy-password":"SECRET"}"#,
            "Not sent, 2 problems: proxy-username in the request: it needs proxy; proxy-password in the request: it needs proxy.",
        ),
        (
            r#"{"proxy":"http://p","proxy-password":"SECRET"}"#,
            "Not sent: proxy-password in the request: it needs a proxy-username.",
        ),
        (
            r#"{"proxy":"http://p","proxy-username":"u:v"}"#,
            "Not sent: proxy-username in the request: an http proxy takes no colon in it.",
        ),
        (
            r#"{"proxy":"http://p","proxy-username":"u\nv","proxy-password":"SECRET\u0085"}"#,
            "Not sent, 2 problems: proxy-username in the request: an http proxy takes no control characters in it; proxy-password in the request: an http proxy takes no control characters in it.",
        ),
        (
            r#"{"proxy":"socks5://p","proxy-username":"u"}"#,
            "Not sent: proxy-username in the request: a socks5 proxy needs a proxy-password with it.",
        ),
        (
            &format!(r#"{{"proxy":"socks5://p","proxy-username":"","proxy-password":"{long}"}}"#),
            "Not sent, 2 problems: proxy-username in the request: a socks5 proxy takes 1 to 255 bytes, not 0; proxy-password in the request: a socks5 proxy takes 1 to 255 bytes, not 256.",
        ),
        (
            r#"{"proxy":"http://p","proxy-username":7}"#,
            "Not sent: proxy-username in the request got the number 7, wants a string.",
        ),
        (
            r#"{"proxy":"http://p","proxy-username":"u","proxy-password":7}"#,
            "Not sent: proxy-password in the request got a number, wants a string.",
        ),
    ]);
}

#[test]
fn a_dry_run_says_the_way() {
    for (request, message) in [
        (
            r#"{"broker":"ws://h/x?token=S3CRET"}"#,
            r#"The message would be sent with QoS 2 to topic "t" at ws://h:80."#,
        ),
        (
            r#"{"broker":["tcp://a","ssl://[::1]"],"protocol-version":"5"}"#,
            r#"The message would be sent with QoS 2 to topic "t" at the first that takes it of tcp://a:1883, ssl://[::1]:8883, with MQTT 5."#,
        ),
        (
            r#"{"broker":["tcp://a","tcp://b","tcp://c","tcp://d","tcp://e","tcp://f"],"proxy":"http://p","proxy-username":"u","proxy-password":"S3CRET"}"#,
            r#"The message would be sent with QoS 2 to topic "t" at the first that takes it of tcp://a:1883, tcp://b:1883, tcp://c:1883, tcp://d:1883 and 2 more through the proxy http://p:80."#,
        ),
    ] {
        let meta = check(CONFIG, request);
        assert_eq!((meta.exit_code, meta.message.as_str()), (0, message), "{request}");
    }
}
