//! What the text of a parameter that names a certificate or a key is: the text itself, or the path of a file.
//!
//! A path may be shown in a message, and a key may not: what is not plainly a path is never taken for one.

/// How many characters base64 without PEM lines has at least: the shortest key, Ed25519 in PKCS#8, has 64.
const SHORTEST: usize = 64;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemSource {
    /// PEM (RFC 7468), whatever has become of its line breaks and whatever stands before it; or base64 of DER or of PEM,
    /// without the lines of PEM.
    Text,
    /// An absolute path.
    Path,
    /// Neither.
    Neither,
}

impl PemSource {
    /// Tells what `text` is. A slash makes it a path, a `-----BEGIN` anywhere else PEM. DER begins with the tag of a sequence, so that base64 of it
    /// begins with M, and of PEM with L: a path, which begins with a slash, is told apart.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.starts_with('/') {
            PemSource::Path
        } else if holds(text, b"-----BEGIN") || is_base64(text) {
            PemSource::Text
        } else {
            PemSource::Neither
        }
    }
}

/// Whether `part` is in it: a plain search, which the component has no room to do faster.
#[must_use]
pub fn holds(text: &str, part: &[u8]) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window == part)
}

fn is_base64(text: &str) -> bool {
    let text = text.trim_ascii_start();
    let belongs = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || byte.is_ascii_whitespace()
            || matches!(byte, b'+' | b'/' | b'=' | b'\\')
    };
    text.starts_with(['M', 'L']) && text.len() >= SHORTEST && text.bytes().all(belongs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_a_path() {
        let der = format!("MC4CAQAwBQYDK2VwBCIEI{}", "x".repeat(43));
        assert_eq!(der.len(), SHORTEST);
        for text in [
            "-----BEGIN CERTIFICATE-----",
            "\u{feff}-----BEGIN",
            "subject=CN = a\n-----BEGIN CERTIFICATE-----\\nMII",
            "\"-----BEGIN RSA PRIVATE KEY-----",
            &der,
            &format!("\n  {}\\n{}\n", &der[..40], &der[40..]),
            &der.replacen('M', "L", 1),
        ] {
            assert_eq!(PemSource::of(text), PemSource::Text, "{text:?}");
        }
        for text in ["/ca.pem", "/", "/MIIB", "/-----BEGIN EC PRIVATE KEY-----", &format!("/{der}")] {
            assert_eq!(PemSource::of(text), PemSource::Path, "{text:?}");
        }
        for text in
            ["", "ca.pem", "./ca.pem", "MIIB", &der[1..], &der[..63], &format!("{der}-"), "-----END KEY-----"]
        {
            assert_eq!(PemSource::of(text), PemSource::Neither, "{text:?}");
        }
    }
}
