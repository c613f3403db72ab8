//! The table of parameters: their names, types, defaults and words.

use super::{Kind, Name, Only, Parameter, Secrecy, Text};

/// How many parameters there are.
pub const COUNT: usize = 35;

/// What `action` has to say: the connector has one action.
pub const ACTION: &str = "send";

const fn parameter(name: Name, text: &'static str, title: &'static str, kind: Kind) -> Parameter {
    Parameter {
        id: name,
        name: text,
        title,
        description: "",
        kind,
        default: None,
        default_note: "none",
        required: false,
        secrecy: Secrecy::Open,
        example: "",
        only: None,
    }
}

impl Parameter {
    const fn described(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self.default_note = "required";
        self
    }

    const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self.default_note = json;
        self
    }

    const fn without(mut self, note: &'static str) -> Self {
        self.default_note = note;
        self
    }

    const fn unshown(mut self) -> Self {
        self.secrecy = Secrecy::Unshown;
        self
    }

    const fn secret(mut self) -> Self {
        self.secrecy = Secrecy::Secret;
        self
    }

    const fn example(mut self, json: &'static str) -> Self {
        self.example = json;
        self
    }

    const fn only(mut self, only: Only) -> Self {
        self.only = Some(only);
        self
    }
}

/// Every parameter, in the order in which people read about them; `PARAMETERS[name as usize]` is the
/// parameter `name`.
pub const PARAMETERS: &[Parameter; COUNT] = &[
    parameter(Name::Action, "action", "Action", Kind::Constant(ACTION))
        .described("What to do. There is one action.")
        .default("\"send\"")
        .example("\"send\""),
    parameter(Name::Broker, "broker", "Broker", Kind::Brokers)
        .described(
            "URL of the broker: tcp or mqtt (port 1883), ssl, tls or mqtts (8883), ws (80), wss (443; both with \
             the path /mqtt unless another is given). An IPv6 address stands in brackets. No user information: \
             there are username and password. Or a list of 1 to 16 URLs, none twice, which are tried in order: an \
             unreachable or busy broker is passed over, one that refuses the client ends the search.",
        )
        .required()
        .example("\"ssl://broker.example.com:8883\""),
    parameter(Name::ClientId, "client-id", "Client identifier", Kind::String(Text::Mqtt))
        .described(
            "Name of this client, unique among the clients of the broker, which ends the connection of the first \
             of two with one name: command lines that overlap need one each. \"\" lets the broker choose one, and \
             needs clean-session true. 65535 bytes at most, no control characters; 128 bytes on AWS IoT and \
             Azure IoT Hub, where it is the name of the device.",
        )
        .required()
        .example("\"plant-7-reporter\""),
    parameter(Name::Username, "username", "User name", Kind::String(Text::Mqtt))
        .described(
            "User name for the broker, 65535 bytes at most, no control characters. Azure IoT Hub: \
             HOST/CLIENT-ID/?api-version=2021-04-12.",
        )
        .example("\"ann\""),
    parameter(Name::Password, "password", "Password", Kind::String(Text::Bytes))
        .described("Password for the broker, 65535 bytes at most. Under MQTT 3.1.1 it needs a username.")
        .secret()
        .example("\"correct horse\""),
    parameter(Name::Topic, "topic", "Topic", Kind::String(Text::Topic))
        .described(
            "Topic to publish to: 1 to 65535 bytes, no wildcard (+, #), no control characters. AWS IoT and \
             Azure Event Grid: 7 slashes and 256 bytes at most, on AWS IoT after $aws/rules/RULE/. Azure IoT Hub: \
             devices/CLIENT-ID/messages/events/, and properties behind it.",
        )
        .required()
        .example("\"plant/7/temperature\""),
    parameter(Name::Qos, "qos", "Quality of service", Kind::Qos)
        .described(
            "0: written to the socket, at most once. 1: acknowledged, at least once. 2: exactly once. AWS IoT, \
             Azure IoT Hub and Azure Event Grid have no 2: there a message is sent with 1 instead, and the answer says so.",
        )
        .default("2")
        .example("1"),
    parameter(Name::Retain, "retain", "Retain", Kind::Boolean)
        .described("Whether the broker keeps the message for later subscribers. Empty content clears what it keeps.")
        .default("false")
        .example("true"),
    parameter(Name::Content, "content", "Content", Kind::Any)
        .described(
            "What is published. A string is sent as it is, any other JSON value as compact JSON with the digits and \
             the order it was given with, nested 128 levels deep at most. \"\" is allowed. Instead of it: content-base64. Content in the request, \
             of either kind, replaces content of either kind in the configuration.",
        )
        .required()
        .unshown()
        .example("\"21.5\""),
    parameter(Name::ContentBase64, "content-base64", "Content, base64", Kind::String(Text::Base64))
        .described(
            "What is published, as base64: the standard alphabet with padding, no white space. Instead of content.",
        )
        .without("none; instead of content")
        .unshown()
        .example("\"AAEC/w==\""),
    parameter(Name::RootCaCrt, "root-ca-crt", "CA certificate", Kind::String(Text::Pem))
        .described(
            "Whom to trust for the broker's certificate: absolute path of a file, or its text (PEM or DER). \
             Ignored on a broker without TLS.",
        )
        .without("the system's")
        .unshown()
        .example("\"/etc/mqtt/root-CA.crt\""),
    parameter(Name::UseCertificate, "use-certificate", "Use a client certificate", Kind::Boolean)
        .described(
            "Whether to show the broker certificate and private-key, which are then required, as is TLS at each broker.",
        )
        .default("false")
        .example("true"),
    parameter(Name::Certificate, "certificate", "Client certificate", Kind::String(Text::Pem))
        .described(
            "The client's certificate, and its intermediates after it: absolute path of a file, or its text \
             (PEM, DER or PKCS#12). Used when use-certificate is true.",
        )
        .without("none; required when use-certificate is true")
        .unshown()
        .example("\"/etc/mqtt/certificate.pem.crt\""),
    parameter(Name::PrivateKey, "private-key", "Private key", Kind::String(Text::Pem))
        .described(
            "The client certificate's key, PKCS#1, PKCS#8 or SEC1: absolute path of a file, or its text (PEM or DER). \
             Not needed where certificate holds it: .p12, .pfx, or text with a key. Used when use-certificate is true.",
        )
        .without("none; required when use-certificate is true")
        .secret()
        .example("\"/etc/mqtt/private.pem.key\""),
    parameter(Name::PrivateKeyPassword, "private-key-password", "Password of the private key", Kind::String(Text::Any))
        .described("Password of a PKCS#8 private-key or a PKCS#12 certificate.")
        .secret()
        .example("\"correct horse\""),
    parameter(Name::ServerName, "server-name", "Server name", Kind::String(Text::ServerName))
        .described(
            "Name that the broker's certificate has to have, and that is asked for (SNI). Ignored on a broker \
             without TLS.",
        )
        .without("the host of broker")
        .example("\"broker.example.com\""),
    parameter(Name::AlpnProtocols, "alpn-protocols", "ALPN protocols", Kind::Strings)
        .described(
            "Application protocols to offer in the TLS handshake, in order of preference. Ignored on a broker \
             without TLS.",
        )
        .without("none; on port 443 of AWS IoT x-amzn-mqtt-ca with a client certificate, mqtt with a username and none")
        .example("[\"mqtt\"]"),
    parameter(Name::VerifyServer, "verify-server", "Verify the server", Kind::Boolean)
        .described(
            "Whether the broker's certificate has to be right. false is dangerous: anybody on the way can read and \
             change everything; it works only where the tenant's grants allow it. Ignored on a broker without TLS.",
        )
        .default("true")
        .example("true"),
    parameter(Name::CleanSession, "clean-session", "Clean session", Kind::Boolean)
        .described(
            "Whether the broker forgets the session when the connection ends. false lets a QoS 2 exchange go on \
             after a lost connection; under MQTT 5 only together with a session-expiry-interval, without which the \
             session ends with the connection.",
        )
        .default("true")
        .example("false"),
    parameter(
        Name::KeepAlive,
        "keep-alive",
        "Keep-alive",
        Kind::Integer { minimum: 0, maximum: 65_535, unit: "seconds" },
    )
    .described("Seconds without a packet after which the broker may take the client for dead; 0 turns it off.")
    .default("60")
    .example("30"),
    parameter(
        Name::Timeout,
        "timeout",
        "Timeout",
        Kind::Integer { minimum: 1, maximum: u32::MAX, unit: "milliseconds" },
    )
    .described(
        "Milliseconds for the whole send, from the name look-up to the last acknowledgement; capped by the \
         tenant's limit.",
    )
    .default("60000")
    .example("5000"),
    parameter(Name::Retries, "retries", "Retries", Kind::Integer { minimum: 0, maximum: 100, unit: "" })
        .described(
            "Further connections to try when one fails for a reason that may pass (unreachable, lost, server \
             unavailable or busy), all inside timeout. Before each of them is a wait, half to all of 100 ms, 200 ms, \
             400 ms and so on, 5 s at most: the default rides out a broker that is away for 10 s.",
        )
        .default("10")
        .example("0"),
    parameter(Name::Will, "will", "Will", Kind::Will)
        .described(
            "Message that the broker publishes for the client when the connection is lost: an object with topic, \
             content or content-base64 (65535 bytes at most), qos (default 0) and retain (default false); under \
             MQTT 5 also delay-interval (seconds, default 0), payload-format-indicator, message-expiry-interval \
             (seconds) and content-type.",
        )
        .unshown()
        .example("{\"topic\":\"plant/7/state\",\"content\":\"lost\"}"),
    parameter(
        Name::ProtocolVersion,
        "protocol-version",
        "Protocol version",
        Kind::Choice { values: &["3.1.1", "5"], called: "MQTT " },
    )
    .described("Version of MQTT to speak.")
    .default("\"3.1.1\"")
    .example("\"3.1.1\""),
    parameter(Name::ContentType, "content-type", "Content type", Kind::String(Text::Mqtt))
        .described("Content type of the message, 65535 bytes at most, no control characters. MQTT 5 only.")
        .example("\"application/json\"")
        .only(Only::Mqtt5),
    parameter(Name::ResponseTopic, "response-topic", "Response topic", Kind::String(Text::Topic))
        .described("Topic for an answer to the message: 1 to 65535 bytes, no wildcard (+, #), no control characters. MQTT 5 only.")
        .example("\"plant/7/answers\"")
        .only(Only::Mqtt5),
    parameter(Name::CorrelationData, "correlation-data", "Correlation data", Kind::String(Text::Bytes))
        .described(
            "What tells which message an answer belongs to: the bytes of this text in UTF-8, 65535 at most. MQTT 5 only.",
        )
        .unshown()
        .example("\"order-4711\"")
        .only(Only::Mqtt5),
    parameter(
        Name::PayloadFormatIndicator,
        "payload-format-indicator",
        "Payload format indicator",
        Kind::Boolean,
    )
    .described(
        "Whether to tell the receivers that the content is text in UTF-8, which content-base64 then has to hold. MQTT 5 \
         only.",
    )
    .without("true for content, false for content-base64")
    .example("false")
    .only(Only::Mqtt5),
    parameter(
        Name::MessageExpiryInterval,
        "message-expiry-interval",
        "Message expiry interval",
        Kind::Integer { minimum: 0, maximum: u32::MAX, unit: "seconds" },
    )
    .described("Seconds for which the broker tries to deliver the message. MQTT 5 only.")
    .without("none; no end")
    .example("3600")
    .only(Only::Mqtt5),
    parameter(
        Name::SessionExpiryInterval,
        "session-expiry-interval",
        "Session expiry interval",
        Kind::Integer { minimum: 0, maximum: u32::MAX, unit: "seconds" },
    )
    .described("Seconds for which the broker keeps the session after the connection; 4294967295: for ever. MQTT 5 only.")
    .without("none; the session ends with the connection")
    .example("3600")
    .only(Only::Mqtt5),
    parameter(Name::UserProperties, "user-properties", "User properties", Kind::Properties)
        .described(
            "Properties of your own on the message, in this order: an object, or a list of pairs, in which names may \
             repeat. Names and values are strings of 65535 bytes at most, without control characters. MQTT 5 only.",
        )
        .unshown()
        .example("{\"unit\":\"celsius\"}")
        .only(Only::Mqtt5),
    parameter(Name::WebsocketHeaders, "websocket-headers", "WebSocket headers", Kind::Texts)
        .described(
            "Further headers of the WebSocket handshake, 16 KiB at most. Not those that it sets itself: Host, Upgrade, \
             Connection, Sec-WebSocket-…, Content-Length, Transfer-Encoding. Needs a broker with ws or wss, and is \
             ignored at others.",
        )
        .secret()
        .example("{\"Authorization\":\"Bearer TOKEN\"}")
        .only(Only::WebSocket),
    parameter(Name::Proxy, "proxy", "Proxy", Kind::String(Text::Proxy))
        .described(
            "URL of a proxy through which the broker is reached: socks5 (port 1080) or http (80, by CONNECT). It looks \
             the broker's name up. No user information: there are proxy-username and proxy-password.",
        )
        .example("\"socks5://proxy.example.com:1080\""),
    parameter(Name::ProxyUsername, "proxy-username", "User name for the proxy", Kind::String(Text::ProxyUsername))
        .described(
            "User name for the proxy: without a colon for http, 1 to 255 bytes and together with a proxy-password for \
             socks5.",
        )
        .example("\"ann\"")
        .only(Only::Proxy),
    parameter(Name::ProxyPassword, "proxy-password", "Password for the proxy", Kind::String(Text::Bytes))
        .described("Password for the proxy: needs a proxy-username; 1 to 255 bytes for socks5.")
        .secret()
        .example("\"correct horse\"")
        .only(Only::Proxy),
];
