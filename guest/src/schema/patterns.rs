//! What strings look like, as regular expressions.
//!
//! They stay within what JSON Schema recommends (draft 2020-12, core, section 6.4): no look-ahead, no flags, so that every
//! letter whose case does not matter is there twice. They are written as they stand in JSON, with escapes.

use crate::brokers::MAX_BROKERS;
use crate::parameters::Text;

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
    concat!("(:0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?",);
const PATH: &str = "([/?]([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?";

/// The type and the constraints of a string, after other members of its schema.
pub(super) fn write_text(out: &mut String, text: Text, or_null: bool) {
    out.push_str(if or_null { r#","type":["string","null"]"# } else { r#","type":"string""# });
    let parts: &[&str] = match text {
        Text::Any => &[],
        Text::Bytes => &[r#","maxLength":65535"#],
        Text::Mqtt => &[r#","maxLength":65535,"pattern":"^[^\u0000]*$""#],
        Text::Topic => &[r#","maxLength":65535,"pattern":"^[^+#\u0000]+$""#],
        Text::Base64 => &[
            r#","contentEncoding":"base64","pattern":"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|"#,
            r#"[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$""#,
        ],
        Text::Pem => &[r#","pattern":"^(/[^\u0000]*$|[\t\n\f\r ]*-----BEGIN)""#],
        Text::ServerName => &[r#","pattern":"^("#, NAME, "|", IPV6, r#")$""#],
        Text::Proxy => &[
            r#","format":"uri","pattern":"^([sS][oO][cC][kK][sS]5|[hH][tT][tT][pP])://"#,
            "(",
            NAME,
            r"|\\[",
            IPV6,
            r"\\])",
            PORT,
            r#"/?$""#,
        ],
    };
    push(out, parts);
}

/// The type and the constraints of `broker`, after other members of its schema.
pub(super) fn broker(out: &mut String) {
    let mut url = String::with_capacity(2048);
    let (ipv6_starts, ipv6_ends) = (r"|\\[", r"\\])");
    push(
        &mut url,
        &[r#""pattern":"^(("#, TCP, "|", TLS, ")://(", NAME, ipv6_starts, IPV6, ipv6_ends, PORT, "/?|"],
    );
    push(&mut url, &[WEBSOCKET, "://(", NAME, ipv6_starts, IPV6, ipv6_ends, PORT, PATH, r#")$""#]);
    // Each alternative has the form that it can be drawn by; a list is never empty.
    push(out, &[r#","type":["string","array"],"format":"uri","#, &url]);
    push(out, &[r#","items":{"type":"string","format":"uri","#, &url, "}"]);
    out.push_str(r#","minItems":1,"uniqueItems":true,"maxItems":"#);
    out.push_str(&MAX_BROKERS.to_string());
}

/// That one broker, or one of a list, has such a URL: `starts` is the start of it.
pub(super) fn any_broker(out: &mut String, pattern: &[&str]) {
    out.push_str(r#""broker":{"anyOf":[{"type":"string","pattern":""#);
    push(out, pattern);
    out.push_str(r#""},{"type":"array","contains":{"type":"string","pattern":""#);
    push(out, pattern);
    out.push_str(r#""}}]}"#);
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

pub(super) fn push(out: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| out.push_str(part));
}
