//! What strings look like, as regular expressions.
//!
//! They stay within what JSON Schema recommends (draft 2020-12, core, section 6.4): no look-ahead, no flags, so that every
//! letter whose case does not matter is there twice. They are written as they stand in JSON, with escapes. Where a line break
//! at the end is wrong, it is ruled out by itself: `$` stands before one in some languages, Python among them.

use std::fmt::{self, Write};

use crate::broker::MAX_BROKERS;
use crate::catalogue::Text;

/// Schemes of brokers that are not WebSockets, but `ssl` and `tls`.
const TCP: &str = "[tT][cC][pP]|[mM][qQ][tT][tT]";
const TLS: &str = "[sS][sS][lL]|[tT][lL][sS]|[mM][qQ][tT][tT][sS]";
const WEBSOCKET: &str = "[wW][sS][sS]?";

/// A host name, whose last label is no number, or an IPv4 address.
const NAME: &str = concat!(
    r"([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\\.)*",
    r"([0-9]*[A-Za-z_]([A-Za-z0-9_-]*[A-Za-z0-9_])?|[0-9]+-[A-Za-z0-9_-]*[A-Za-z0-9_])\\.?|",
    r"((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3})",
);
const IPV6: &str = "[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*";
const PORT: &str =
    "(:0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?";
const PATH: &str = "([/?]([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?";

/// White space as [`mqtt_connector_contract::white_space`] has it, inside brackets.
const WHITE_SPACE: &str =
    r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff";

/// That a string has no line break.
const ONE_LINE: &str = r#","not":{"type":"string","pattern":"\n"}"#;

/// That a string has no character for which a broker may close the connection: no control characters, no non-characters.
pub(super) fn characters(out: &mut String) -> fmt::Result {
    put(out, r#""not":{"type":"string","pattern":"[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff"#);
    // The last two of each plane, whose first halves are 64 apart (RFC 8259, section 7).
    for high in (0xd83f..=0xdbff).step_by(64) {
        write!(out, r"\u{high:x}\udffe\u{high:x}\udfff")?;
    }
    put(out, r#"]"}"#);
    Ok(())
}

/// The type and the constraints of a string, after other members of its schema.
pub(super) fn write_text(out: &mut String, text: Text, or_null: bool) -> fmt::Result {
    put(out, if or_null { r#","type":["string","null"]"# } else { r#","type":"string""# });
    let parts: &[&str] = match text {
        Text::Any => &[],
        Text::Bytes => &[r#","maxLength":65535"#],
        Text::ProxyUsername => &[r#","maxLength":65535,"pattern":"^[^\u0000]*$""#],
        Text::Mqtt => &[r#","maxLength":65535"#],
        Text::Topic => &[r#","maxLength":65535,"pattern":"^[^+#]+$""#],
        Text::Base64 => &[
            r#","contentEncoding":"base64","pattern":"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|"#,
            r#"[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$""#,
            ONE_LINE,
        ],
        Text::Pem => &[
            r#","pattern":"-----BEGIN|^(/[^\u0000]*|[\t\n\f\r ]*[ML][A-Za-z0-9+/=\\\\\t\n\f\r ]{63,})$","#,
            r#""not":{"type":"string","pattern":"^/[^\u0000]*["#,
            WHITE_SPACE,
            r#"]$"}"#,
        ],
        Text::ServerName => &[r#","pattern":"^("#, NAME, "|", IPV6, r#")$""#, ONE_LINE],
        Text::Proxy => &[
            r#","format":"uri","pattern":"^([sS][oO][cC][kK][sS]5|[hH][tT][tT][pP])://"#,
            "(",
            NAME,
            r"|\\[",
            IPV6,
            r"\\])",
            PORT,
            r#"/?$""#,
            ONE_LINE,
        ],
    };
    push(out, parts);
    if matches!(text, Text::Mqtt | Text::Topic) {
        out.push(',');
        characters(out)?;
    }
    Ok(())
}

/// The type and the constraints of `broker`, after other members of its schema.
pub(super) fn broker(out: &mut String, or_null: bool) {
    let mut url = String::with_capacity(2048);
    let (ipv6_starts, ipv6_ends) = (r"|\\[", r"\\])");
    push(
        &mut url,
        &[r#""pattern":"^(("#, TCP, "|", TLS, ")://(", NAME, ipv6_starts, IPV6, ipv6_ends, PORT, "/?|"],
    );
    push(&mut url, &[WEBSOCKET, "://(", NAME, ipv6_starts, IPV6, ipv6_ends, PORT, PATH, r#")$""#, ONE_LINE]);
    push(
        out,
        &[
            r#","if":{"type":"array"},"then":{"type":"array","items":{"type":"string","format":"uri","#,
            &url,
            r#"},"minItems":1,"uniqueItems":true,"maxItems":"#,
            &MAX_BROKERS.to_string(),
            r#"},"else":{"type":"#,
            if or_null { r#"["string","null"]"# } else { r#""string""# },
            r#","format":"uri","#,
            &url,
            "}",
        ],
    );
}

/// Writes the property `broker` of a condition: the broker, or one of several, has a URL with this pattern.
pub(super) fn any_broker(out: &mut String, pattern: &[&str]) {
    put(out, r#""broker":{"anyOf":[{"type":"string","pattern":""#);
    push(out, pattern);
    put(out, r#""},{"type":"array","contains":{"type":"string","pattern":""#);
    push(out, pattern);
    put(out, r#""}}]}"#);
}

/// How the URLs of WebSockets start.
pub(super) const STARTS_WEBSOCKET: &[&str] = &["^", WEBSOCKET, ":"];

/// How the URLs of brokers with TLS start.
pub(super) const STARTS_TLS: &[&str] = &["^(", TLS, "|[wW][sS][sS]):"];

/// The URLs of brokers of AWS IoT.
pub(super) const AWS: &[&str] = &[
    r"^[A-Za-z]+://[^/?:]*\\.[iI][oO][tT]\\.[^./?:]+\\.[aA][mM][aA][zZ][oO][nN][aA][wW][sS]\\.",
    r"[cC][oO][mM](\\.[cC][nN])?\\.?([:/?]|$)",
];

/// Those of Azure IoT Hub.
pub(super) const AZURE_IOT_HUB: &[&str] = &[
    r"^[A-Za-z]+://[^/?:]+\\.[aA][zZ][uU][rR][eE]-[dD][eE][vV][iI][cC][eE][sS]\\.",
    r"([nN][eE][tT]|[cC][nN]|[uU][sS])\\.?([:/?]|$)",
];

/// Those of Azure Event Grid.
pub(super) const AZURE_EVENT_GRID: &[&str] = &[
    r"^[A-Za-z]+://[^/?:]+\\.[tT][sS]\\.[eE][vV][eE][nN][tT][gG][rR][iI][dD]\\.",
    r"[aA][zZ][uU][rR][eE]\\.[nN][eE][tT]\\.?([:/?]|$)",
];

/// A certificate that holds its key too.
pub(super) const HOLDS_KEY: &str =
    r#"PRIVATE KEY-----|^/[^\u0000]*\\.[pP](12|[fF][xX])$|^[\t\n\f\r ]*MI(ACAQMw|[^-]{4}IBAz)"#;

pub(super) fn push(out: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| put(out, part));
}

/// [`String::push_str`], kept from being inlined: the component would have a copy of it for each of many uses.
#[inline(never)]
pub(super) fn put(out: &mut String, text: &str) {
    out.push_str(text);
}
