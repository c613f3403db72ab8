//! URLs in messages: a text that may hold a secret is not shown.

/// A URL's scheme, and what is behind `://`.
#[must_use]
pub fn split_scheme(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    Some((scheme, rest.strip_prefix("//")?))
}

/// What a URL has behind `://`, as host with port, and path with query and fragment.
#[must_use]
pub fn split_path(rest: &str) -> (&str, &str) {
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or((rest, ""))
}

/// Whether the text, which should be a URL or a part of one, may have a user name and a password in front of the host:
/// it has an `@`, also one that is written as `%40`, or a `%` where the host is, which has none outside of brackets.
#[must_use]
pub fn may_hold_user(text: &str) -> bool {
    text.contains('@') || text.contains("%40") || outside_brackets(authority(text)).contains('%')
}

/// Whether the text may be a URL that holds a secret: then no message may show it.
///
/// One does when it may have a user name and a password ([`may_hold_user`]), and perhaps when what should be the port
/// cannot be one: `tcp://user:password`, with the host forgotten. The query of a WebSocket's URL is where services want
/// their tokens.
#[must_use]
pub fn may_hold_secret(text: &str) -> bool {
    let looks_like_port = |text: &str| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = outside_brackets(authority(text)).split_once(':').map(|(_, port)| port);
    let is_websocket = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("ws"));
    may_hold_user(text)
        || port.is_some_and(|port| !looks_like_port(port))
        || (is_websocket && text.contains('?'))
}

fn authority(text: &str) -> &str {
    split_scheme(text).map_or(text, |(_, rest)| split_path(rest).0)
}

/// What is behind an IPv6 address; the whole when it begins with none.
fn outside_brackets(authority: &str) -> &str {
    let inside = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    inside.map_or(authority, |(_, after)| after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_seen_however_it_is_written() {
        for text in [
            "ssl://user:secret@host",
            "ssl://user:secret%40host",
            "ssl://user:secret%2540host",
            "ssl://user:sec/ret%40host:8883",
            "ssl://user%3Asecret@host@again",
            "user:secret%40host",
            "//user:secret@host",
            "wss://host/path?token=%40",
        ] {
            assert!(may_hold_user(text) && may_hold_secret(text), "{text}");
        }
        for text in ["ssl://host:8883", "tcp://[fe80::1%25eth0]:1883", "host", "", "wss://host/a%20b"] {
            assert!(!may_hold_user(text) && !may_hold_secret(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_port_may_be_a_password_and_a_query_a_token() {
        for text in
            ["ssl://user:secret", "user:secret", "tcp://[::1]:secret", "ws://host?token", "tcp://a:123456"]
        {
            assert!(!may_hold_user(text) && may_hold_secret(text), "{text}");
        }
    }
}
