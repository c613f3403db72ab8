//! PEM as it arrives (RFC 7468, and what forms, environment variables, editors and programs' sources make of it).
//!
//! The markers are looked for wherever they stand. Between them, whatever cannot be base64 and carries no meaning is left out:
//! white space, line breaks written as `\n` or `%0A`, quotes.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";
const DASHES: &str = "-----";

/// The longest label, with what may have become of its spaces.
const LONGEST_LABEL: usize = 64;

/// Padding may have been lost with a line break.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands between `-----BEGIN …-----` and `-----END …-----`.
pub(super) struct Section {
    /// The label, in capital letters and digits alone: `RSAPRIVATEKEY`.
    pub(super) label: String,
    pub(super) content: Content,
}

pub(super) enum Content {
    Der(Zeroizing<Vec<u8>>),
    /// Encrypted in the way of old versions of OpenSSL (RFC 1421).
    LegacyEncrypted,
}

/// What is wrong with PEM, without a line of it: it may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    Begin,
    CutOff,
    OtherEnd,
    NotBase64,
}

impl Malformed {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Begin => "is malformed: the first line of a PEM section is not complete",
            Self::CutOff => "is cut off: a PEM section has no end",
            Self::OtherEnd => "is malformed: a PEM section ends with another label than it begins with",
            Self::NotBase64 => "is malformed: a PEM section is not base64",
        }
    }
}

/// Whether there is a section in it.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// All sections, in order.
pub(super) fn sections(text: &str) -> Result<Vec<Section>, Malformed> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once(DASHES).ok_or(Malformed::Begin)?;
        if label.len() > LONGEST_LABEL {
            return Err(Malformed::Begin);
        }
        let (body, after) = after.split_once(END).ok_or(Malformed::CutOff)?;
        if body.contains(BEGIN) {
            return Err(Malformed::CutOff);
        }
        // The dashes behind the label may have been cut short, and be followed by those of the next section.
        let end = after.find('-').and_then(|dash| after.get(..dash)).unwrap_or(after);
        let label = plain(label);
        if plain(end) != label {
            return Err(Malformed::OtherEnd);
        }
        let content = if body.contains("Proc-Type") && body.contains("ENCRYPTED") {
            Content::LegacyEncrypted
        } else {
            Content::Der(decode(&digits(body).ok_or(Malformed::NotBase64)?).ok_or(Malformed::NotBase64)?)
        };
        found.push(Section { label, content });
        rest = after.get(end.len()..).unwrap_or_default();
    }
    Ok(found)
}

/// What base64 alone stands for, without the lines of PEM; `None` when there is something else in the text.
pub(super) fn bare_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = digits(text)?;
    if digits.is_empty() { None } else { decode(&digits) }
}

/// The label in letters and digits, whatever has become of its spaces.
fn plain(label: &str) -> String {
    let label = label.replace("%20", "");
    label.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

fn decode(digits: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut der = Zeroizing::new(Vec::with_capacity(digits.len()));
    BASE64.decode_vec(digits, &mut der).ok()?;
    Some(der)
}

/// The digits of base64 in `text`; `None` when something is in it that has a meaning of its own.
fn digits(text: &str) -> Option<Zeroizing<String>> {
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    let quoted = quoted(text);
    let has_headers = text.contains(':');
    for line in quoted.as_deref().map_or(text, |quoted| quoted.as_str()).lines() {
        // Headers (RFC 1421, section 4.6), which say nothing where nothing is encrypted.
        if !(has_headers && line.contains(':')) {
            push_digits(line, &mut digits)?;
        }
    }
    Some(digits)
}

fn push_digits(line: &str, digits: &mut String) -> Option<()> {
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' | '=' => digits.push(character),
            '\\' => {
                // An escape for white space; a backslash before anything else continues a line.
                let after = characters.as_str();
                if after.starts_with(['n', 'r', 't']) {
                    characters.next();
                }
            }
            '%' => {
                let code = characters.as_str().get(..2)?;
                match u8::from_str_radix(code, 16).ok()? {
                    b'\n' | b'\r' | b'\t' | b' ' => {}
                    byte @ (b'+' | b'/' | b'=') => digits.push(char::from(byte)),
                    _ => return None,
                }
                characters.nth(1);
            }
            '"' | '\'' | '`' | '>' | '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}' => {}
            space if space.is_whitespace() => {}
            _ => return None,
        }
    }
    Some(())
}

/// What stands inside of quotes, when the text is lines of a program's source or of a list. The text begins inside of the first
/// quotes; between the others stands only what joins them.
fn quoted(text: &str) -> Option<Zeroizing<String>> {
    let joins =
        |part: &str| part.chars().all(|c| c.is_whitespace() || matches!(c, '+' | ',' | '\\' | '.' | '&'));
    let mut inside = Zeroizing::new(String::with_capacity(text.len()));
    let mut is_several = false;
    for (index, part) in text.split('"').enumerate() {
        if index % 2 == 0 {
            inside.push_str(part);
            inside.push('\n');
        } else if joins(part) {
            is_several = true;
        } else {
            return None;
        }
    }
    is_several.then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A label, and the DER unless it is encrypted in the old way.
    type Read = (String, Option<Vec<u8>>);

    fn read(text: &str) -> Result<Vec<Read>, Malformed> {
        let read = |section: Section| match section.content {
            Content::Der(der) => (section.label, Some(der.to_vec())),
            Content::LegacyEncrypted => (section.label, None),
        };
        sections(text).map(|found| found.into_iter().map(read).collect())
    }

    /// 48 bytes in base64, in two lines, with a + and a /.
    const LINES: [&str; 2] = ["+/8AAQIDBAUGBwgJCgsMDQ4PEBESExQV", "FhcYGRobHB0eHyAhIiMkJSYnKCkqKyw="];

    fn bytes() -> Vec<u8> {
        [&[0xfb, 0xff][..], &(0..=44).collect::<Vec<u8>>()].concat()
    }

    #[test]
    fn every_shape_is_read() {
        let [first, second] = LINES;
        let right =
            format!("-----BEGIN EC PRIVATE KEY-----\n{first}\n{second}\n-----END EC PRIVATE KEY-----\n");
        let joined = |by: &str| right.trim_end().split('\n').collect::<Vec<_>>().join(by);
        for text in [
            right.clone(),
            joined("\r\n"),
            joined("\r"),
            joined(" "),
            joined(""),
            joined("\\n"),
            joined("\\r\\n"),
            joined("\\\\n"),
            joined("\n    "),
            joined("\n\n"),
            joined(" \t\n"),
            joined("\n> "),
            joined("\u{a0}"),
            joined("%0A").replace(' ', "%20").replace("+/8A", "%2B%2F8A"),
            joined("%0D%0A").replace("EC PRIVATE KEY", "EC+PRIVATE+KEY"),
            right.replace(' ', ""),
            right.trim_end().to_owned(),
            right.replace("KEY-----\n", "KEY-----"),
            format!("\u{feff}{right}"),
            format!("Bag Attributes\n    friendlyName: a\nKey Attributes: <No Attributes>\n{right}bye"),
            format!("\"{right}\""),
            format!("'{}'", joined("\\n")),
            format!("\"{}\"", joined("\\n\" \\\n\"")),
            format!("\"{}\\n\";", joined("\\n\" +\n    \"")),
            format!("[\"{}\"]", joined("\", \"")),
            right.replacen("KEY-----\n", "KEY-----\nComment: mine\n\n", 1),
            right.replace("=\n", "\n"),
            right.trim_end_matches('\n').trim_end_matches('-').to_owned() + "--",
        ] {
            let wanted = vec![("ECPRIVATEKEY".to_owned(), Some(bytes()))];
            assert_eq!(read(&text), Ok(wanted.clone()), "{text}");
            let twice = [wanted.clone(), wanted].concat();
            assert_eq!(read(&format!("{text}{right}")), Ok(twice.clone()), "{text}");
            assert_eq!(read(&format!("{right}{text}")), Ok(twice), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_a_line_of_it() {
        let [first, second] = LINES;
        for (text, wrong) in [
            ("-----BEGIN EC PRIVATE KEY".to_owned(), Malformed::Begin),
            (
                format!("-----BEGIN EC PRIVATE KEY\n{first}\n{second}\n-----END EC PRIVATE KEY-----"),
                Malformed::Begin,
            ),
            (format!("-----BEGIN X-----\n{first}"), Malformed::CutOff),
            (
                format!("-----BEGIN X-----\n{first}\n-----BEGIN X-----\n{first}\n-----END X-----"),
                Malformed::CutOff,
            ),
            (format!("-----BEGIN X-----\n{first}\n-----END Y-----"), Malformed::OtherEnd),
            (format!("-----BEGIN X-----\n{first}!\n-----END X-----"), Malformed::NotBase64),
            ("-----BEGIN X-----\nA\n-----END X-----".to_owned(), Malformed::NotBase64),
            (format!("-----BEGIN X-----\n{first}%2\n-----END X-----"), Malformed::NotBase64),
            (format!("-----BEGIN X-----\n{first}%\u{e4}\n-----END X-----"), Malformed::NotBase64),
        ] {
            assert_eq!(read(&text), Err(wrong), "{text}");
        }
        assert_eq!(read("no section"), Ok(Vec::new()));
    }

    #[test]
    fn keys_that_old_versions_of_openssl_encrypted_are_told() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
                    -----END RSA PRIVATE KEY-----\n";
        for text in [text.to_owned(), text.replace('\n', " "), text.replace('\n', "\\n")] {
            assert_eq!(read(&text), Ok(vec![("RSAPRIVATEKEY".to_owned(), None)]), "{text}");
        }
    }

    #[test]
    fn base64_without_the_lines_of_pem() {
        assert_eq!(bare_base64(&LINES.join("\\n")).map(|der| der.to_vec()), Some(bytes()));
        assert_eq!(bare_base64("no-base64"), None);
        assert_eq!(bare_base64(""), None);
    }
}
