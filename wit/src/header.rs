//! What may stand in a header that a tenant adds to the WebSocket handshake (RFC 6455, section 4.1).

/// The most bytes that all headers take together, each [counted](length) with what stands around it: many servers take half
/// of it.
pub const MAX_HEADERS: usize = 16 * 1024;

/// What the handshake sets itself, or what would change where its head ends (RFC 6455, section 4.1; RFC 9112, section 6);
/// besides these, every name that starts with [`RESERVED_PREFIX`].
pub const RESERVED: [&str; 5] = ["Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"];

/// How the names of the handshake's own headers start.
pub const RESERVED_PREFIX: &str = "Sec-WebSocket-";

/// Whether this is the name of a header: a token (RFC 9110, section 5.6.2).
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// The reserved name that this one is, in whatever case, or [`RESERVED_PREFIX`].
#[must_use]
pub fn reserved(name: &str) -> Option<&'static str> {
    let start = name.get(..RESERVED_PREFIX.len());
    if start.is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX)) {
        return Some(RESERVED_PREFIX);
    }
    RESERVED.into_iter().find(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// Whether this may be the value of a header: no control characters but the tab (RFC 9110, section 5.5).
#[must_use]
pub fn is_value(value: &str) -> bool {
    !value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control())
}

/// How many bytes a header takes: name, value, and the four around them.
#[must_use]
pub const fn length(name: &str, value: &str) -> usize {
    name.len() + value.len() + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "X-Api-Key", "!#$%&'*+-.^_`|~09AZ"] {
            assert!(is_name(name), "{name:?}");
        }
        for name in ["", "a b", "a:", "a\r", "ä", "(", "\u{7f}"] {
            assert!(!is_name(name), "{name:?}");
        }
        for (name, found) in [
            ("host", Some("Host")),
            ("CONTENT-LENGTH", Some("Content-Length")),
            ("sec-websocket-key", Some("Sec-WebSocket-")),
            ("Sec-WebSocket-", Some("Sec-WebSocket-")),
            ("Sec-WebSocket", None),
            ("Hosts", None),
            ("Authorization", None),
            // The prefix would end inside of a character.
            ("Sec-WebSocketä", None),
        ] {
            assert_eq!(reserved(name), found, "{name:?}");
        }
    }

    #[test]
    fn values() {
        for value in ["", "a\tb", "ä \u{9f}"] {
            assert!(is_value(value), "{value:?}");
        }
        for value in ["a\r\nb", "a\rb", "a\nb", "\0", "\u{7f}", "\u{1f}"] {
            assert!(!is_value(value), "{value:?}");
        }
    }
}
