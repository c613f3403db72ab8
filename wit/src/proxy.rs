//! Which user names and passwords a proxy can be told.

/// The longest user name and the longest password for a SOCKS5 proxy, in bytes (RFC 1929, section 2).
pub const MAX_SOCKS: usize = 255;

/// Whether SOCKS5 can carry the user name or the password, of so many bytes.
#[must_use]
pub const fn fits_socks(length: usize) -> bool {
    matches!(length, 1..=MAX_SOCKS)
}

/// Whether HTTP's Basic authentication can carry the user name or the password: without control characters (RFC 7617, section 2).
#[must_use]
pub fn fits_basic(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// What ends the user name in HTTP's Basic authentication, so that it holds none itself (RFC 7617, section 2).
pub const BASIC_SEPARATOR: char = ':';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_protocol_carries() {
        assert_eq!([0, 1, 255, 256].map(fits_socks), [false, true, true, false]);
        assert_eq!(["", "ä b", "a\n", "\u{7f}", "\u{85}"].map(fits_basic), [true, true, false, false, false]);
    }
}
