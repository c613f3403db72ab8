//! What other tools call a parameter: mosquitto's clients, Paho, MQTT.js, MQTTX, HiveMQ's command line, Node-RED, n8n, Home
//! Assistant and the software of AWS IoT.

use std::fmt;

use mqtt_connector_contract::spelling::fold;

use super::{Name, PARAMETERS};

/// What to use instead of a name that another tool has.
///
/// Displayed as a clause without a full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tip {
    /// The parameter that has another name here.
    Called(Name),
    /// What to do instead, where another name alone is not enough.
    Instead(&'static str),
}

impl fmt::Display for Tip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tip::Called(name) => write!(f, "did you mean {}?", name.as_str()),
            Tip::Instead(clause) => f.write_str(clause),
        }
    }
}

/// The tip for a name that some other tool has, as a member of a document or as a flag without its hyphens.
///
/// Case, hyphens, underscores, dots and spaces do not matter, nor does `mqtt` in front; only of single letters, which are
/// flags, does the case count.
pub fn foreign(name: &str) -> Option<Tip> {
    // Every name that is known is much shorter.
    if name.len() > 40 {
        return None;
    }
    let letters = name.trim_start_matches('-');
    if letters.len() == 1 {
        return find(letters);
    }
    let folded = fold(name);
    find(&folded).or_else(|| {
        let rest = folded.strip_prefix("mqtt")?;
        let same = PARAMETERS.iter().find(|parameter| fold(parameter.name) == rest);
        same.map(|parameter| Tip::Called(parameter.id)).or_else(|| find(rest))
    })
}

fn find(word: &str) -> Option<Tip> {
    let holds = |words: &str| words.split(' ').any(|known| known == word);
    FOREIGN.iter().find(|(words, _)| holds(words)).map(|(_, tip)| *tip)
}

/// Names without hyphens and underscores, in lower case, with a space between them; single letters are mosquitto_pub's.
const FOREIGN: &[(&str, Tip)] = &[
    (
        "payload message msg data body text value contents messagebody messagecontent messagetext payloadstring \
         payloadjson payloadtext publishpayload m",
        Tip::Called(Name::Content),
    ),
    (
        "base64 payloadbase64 messagebase64 base64payload payloadbytes bytes binary",
        Tip::Called(Name::ContentBase64),
    ),
    ("nullmessage n", Tip::Instead("content \"\" is an empty message")),
    (
        "file filename stdinfile contentfile payloadfile f s",
        Tip::Instead(
            "no parameter names a file with the content, which content and content-base64 hold; the flag \
             --content-file of the command line reads one",
        ),
    ),
    ("stdinline l", Tip::Instead("the flag --lines of the command line sends a message for each line")),
    (
        "url uri server servers address brokers brokerurl brokeruri brokeraddress serverurl serveruri serveruris \
         serveraddress connectionstring endpoint",
        Tip::Instead("broker has the URL, as in \"tcp://broker.example.com:1883\""),
    ),
    (
        "L",
        Tip::Instead(
            "broker has the URL, without user name and topic, as in \"tcp://broker.example.com:1883\"",
        ),
    ),
    (
        "host hostname brokerhost brokername brokerip serverhost serverip ip ipaddress h",
        Tip::Instead("the host is part of broker, as in \"tcp://broker.example.com:1883\""),
    ),
    (
        "port brokerport serverport p",
        Tip::Instead("the port is part of broker, as in \"tcp://broker.example.com:1883\""),
    ),
    (
        "tls ssl secure usetls usessl enabletls enablessl tlsenabled sslenabled tlsset mqtts sslcontext tlscontext",
        Tip::Instead("TLS is part of broker: the scheme ssl, as in \"ssl://broker.example.com:8883\""),
    ),
    (
        "ws wss websocket websockets usewebsocket usewebsockets transport scheme",
        Tip::Instead(
            "the transport is part of broker: the scheme tcp, ssl, ws or wss, as in \"wss://broker.example.com\"",
        ),
    ),
    (
        "path wspath websocketpath basepath",
        Tip::Instead("the path of a WebSocket is part of broker, as in \"wss://broker.example.com/mqtt\""),
    ),
    (
        "id client clientname clientidentifier identifier clientidprefix identifierprefix idprefix thingname i I",
        Tip::Called(Name::ClientId),
    ),
    ("user login usr brokeruser u", Tip::Called(Name::Username)),
    ("pass passwd pw pwd secret brokerpassword P", Tip::Called(Name::Password)),
    ("auth credentials", Tip::Instead("there are the parameters username and password")),
    (
        "topics topicname statetopic commandtopic publishtopic destination subject channel t",
        Tip::Called(Name::Topic),
    ),
    ("qoslevel qualityofservice q", Tip::Called(Name::Qos)),
    ("retained retainflag retainmessage retainedmessage isretained r", Tip::Called(Name::Retain)),
    (
        "ca cafile cacert cacerts cacertfile cacertificate cacrt cabundle capath cas caroot tlsca tlscacert tlscafile sslca \
         rootca rootcafile rootcert rootcertificate servercert servercertificate serverca trustedca trustedcerts truststore \
         certificateauthority",
        Tip::Called(Name::RootCaCrt),
    ),
    (
        "cert certfile certificatefile certpath certificatepath certpem certificatepem crt crtfile tlscert tlscertfile \
         sslcert clientcert clientcertfile clientcertificate clientcrt pfx pkcs12 p12 keystore",
        Tip::Called(Name::Certificate),
    ),
    (
        "key keyfile keypath keypem privatekeyfile privatekeypath privatekeypem privkey pkey tlskey tlskeyfile sslkey \
         clientkey clientkeyfile clientprivatekey",
        Tip::Called(Name::PrivateKey),
    ),
    (
        "passphrase keypass keypassword keypassphrase keyfilepassword keypw privatekeypassphrase clientkeypassword \
         certpassword certificatepassword pfxpassword keystorepassword",
        Tip::Called(Name::PrivateKeyPassword),
    ),
    (
        "usecert useclientcert useclientcertificate clientauth mtls mutualtls",
        Tip::Called(Name::UseCertificate),
    ),
    ("sni tlsservername sslservername tlshostname", Tip::Called(Name::ServerName)),
    ("alpn tlsalpn alpnprotocol alpnprotos nextprotos", Tip::Called(Name::AlpnProtocols)),
    (
        "rejectunauthorized verify verifycert verifyservercert verifyservercertificate verifycertificate verifypeer \
         verifyssl verifytls sslverify tlsverify certreqs checkcertificate",
        Tip::Called(Name::VerifyServer),
    ),
    (
        "insecure tlsinsecure tlsinsecureset tlsallowinsecure insecureskipverify skipverify tlsskipverify skipcertverify \
         noverify ignorecertificateerrors ignoressl allowunauthorized allowuntrusted allowinvalidcertificates trustall",
        Tip::Instead("verify-server false leaves the broker's certificate unchecked, which is dangerous"),
    ),
    ("clean cleanstart newsession", Tip::Called(Name::CleanSession)),
    (
        "disablecleansession nocleansession noclean nocleanstart persistent persistentsession c",
        Tip::Instead("clean-session false keeps the session"),
    ),
    ("keepaliveinterval keepaliveseconds keepalivesecs k", Tip::Called(Name::KeepAlive)),
    (
        "connecttimeout connectiontimeout connecttimeoutms timeoutms requesttimeout operationtimeout publishtimeout \
         sockettimeout acktimeout",
        Tip::Instead("timeout bounds the whole send, in milliseconds"),
    ),
    (
        "retry maxretries retrycount maxreconnects maxreconnectattempts reconnect reconnectperiod reconnectdelay \
         autoreconnect automaticreconnect attempts",
        Tip::Called(Name::Retries),
    ),
    (
        "lwt lastwill lastwillandtestament lastwilltestament testament willmessageoptions",
        Tip::Called(Name::Will),
    ),
    (
        "willtopic lwttopic lastwilltopic willpayload willmessage willmsg willcontent lwtpayload lwtmessage \
         lastwillmessage lastwillpayload willqos lwtqos lastwillqos willretain lwtretain lastwillretain",
        Tip::Instead(
            "will is an object, as in {\"topic\":\"plant/7/state\",\"content\":\"lost\",\"qos\":1,\"retain\":true}",
        ),
    ),
    ("version protocolid protocollevel mqttversion V", Tip::Called(Name::ProtocolVersion)),
    (
        "protocol",
        Tip::Instead(
            "protocol-version is \"3.1.1\" or \"5\", and the transport is part of broker, as in \
             \"ssl://broker.example.com:8883\"",
        ),
    ),
    ("mqtt5 mqttv5 v5", Tip::Instead("protocol-version \"5\" speaks MQTT 5")),
    ("mimetype mediatype ct", Tip::Called(Name::ContentType)),
    ("replyto responsetopicname rt", Tip::Called(Name::ResponseTopic)),
    ("correlation correlationid cd", Tip::Called(Name::CorrelationData)),
    ("expiry messageexpiry expiryinterval ttl messagettl", Tip::Called(Name::MessageExpiryInterval)),
    ("sessionexpiry se x", Tip::Called(Name::SessionExpiryInterval)),
    ("userproperty userprops up", Tip::Called(Name::UserProperties)),
    (
        "properties property D",
        Tip::Instead("each property has a parameter of its own, as content-type or user-properties"),
    ),
    (
        "headers wsheaders websocketheader wsoptions httpheaders customheaders wh",
        Tip::Called(Name::WebsocketHeaders),
    ),
    (
        "proxyurl proxyhost proxyport proxyaddress proxyserver httpproxy socksproxy socks socks5",
        Tip::Instead("proxy has the URL, as in \"socks5://proxy.example.com:1080\""),
    ),
    ("proxyuser proxylogin", Tip::Called(Name::ProxyUsername)),
    ("proxypass proxypasswd proxypw proxypwd", Tip::Called(Name::ProxyPassword)),
    ("psk pskidentity", Tip::Instead("TLS with a pre-shared key is not supported")),
    (
        "tlsversion tlsversions sslversion ciphers ciphersuites",
        Tip::Instead("nothing has to be set: TLS 1.3 and 1.2 are spoken, with the ciphers that are safe"),
    ),
    ("dup", Tip::Instead("DUP is set by itself where a message is repeated")),
    ("debug verbose quiet loglevel d", Tip::Instead("the environment variable RUST_LOG says what is logged")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_there_twice_or_a_name_of_ours() {
        let mut words: Vec<&str> = FOREIGN.iter().flat_map(|(words, _)| words.split(' ')).collect();
        for word in &words {
            assert!(word.len() == 1 || *word == fold(word), "{word}");
            let ours = PARAMETERS.iter().find(|parameter| fold(parameter.name) == **word);
            assert_eq!(ours.map(|parameter| parameter.name), None, "{word}");
        }
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn case_counts_for_letters_alone() {
        let called = |name| Some(Tip::Called(name));
        for (name, tip) in [
            ("payload", called(Name::Content)),
            ("Pay-Load", called(Name::Content)),
            ("mqtt_message", called(Name::Content)),
            ("MQTT_USERNAME", called(Name::Username)),
            ("mqttPass", called(Name::Password)),
            ("P", called(Name::Password)),
            ("-P", called(Name::Password)),
            ("i", called(Name::ClientId)),
            ("--cafile", called(Name::RootCaCrt)),
            ("--ca_certs", called(Name::RootCaCrt)),
            ("V", called(Name::ProtocolVersion)),
            ("v", None),
            ("p", find("port")),
            ("h", find("hostname")),
            ("H", None),
            ("topic", None),
            ("mqtt", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(foreign(name), tip, "{name}");
        }
        assert_eq!(
            foreign("port").map(|tip| tip.to_string()).as_deref(),
            Some("the port is part of broker, as in \"tcp://broker.example.com:1883\"")
        );
        assert_eq!(foreign("msg").map(|tip| tip.to_string()).as_deref(), Some("did you mean content?"));
    }
}
