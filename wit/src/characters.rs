//! Which characters a UTF-8 string of an MQTT packet may have (MQTT 3.1.1, section 1.5.3; MQTT 5.0, section 1.5.4).

use std::fmt;

use crate::white_space::{Stray, is_white_space};

/// A character that a string of an MQTT packet must not or should not have: a broker may close the connection for it.
///
/// Displayed as `the control character U+0007`, or `the non-character U+FFFE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// The character.
    pub character: char,
    /// How many characters stand before it.
    pub position: usize,
}

impl Forbidden {
    /// The first such character of `text`: U+0000 to U+001F, U+007F to U+009F, and the non-characters of Unicode
    /// (U+FDD0 to U+FDEF, and the last two of each plane).
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        // Printable ASCII is looked at many bytes at a time.
        if text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~')) {
            return None;
        }
        let found = text.chars().enumerate().find(|(_, character)| is_forbidden(*character));
        found.map(|(position, character)| Self { character, position })
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.character.is_control() { "control character" } else { "non-character" };
        write!(f, "the {kind} U+{:04X}", u32::from(self.character))
    }
}

/// A forbidden character, and how a person finds it in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The first one.
    pub forbidden: Forbidden,
    /// When it is the white space with which the text begins or ends.
    pub stray: Option<Stray>,
}

impl Finding {
    /// The first forbidden character of `text`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let forbidden = Forbidden::find(text)?;
        let Forbidden { character, position } = forbidden;
        let at_end = text.chars().skip(position).all(is_white_space);
        let is_stray = at_end || (position == 0 && is_white_space(character));
        Some(Self { forbidden, stray: is_stray.then_some(Stray { at_end, character }) })
    }

    /// What a text must not have, in the plural: `control characters`, or `non-characters`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.forbidden.character.is_control() { "control characters" } else { "non-characters" }
    }

    /// Says what it is and where, as a clause about `subject`: `it ends in a line break (U+000A, character 5)`, or
    /// `character 2 of it is the control character U+0007`. Characters are counted from 1.
    #[must_use]
    pub fn about<'a>(&self, subject: &'a dyn fmt::Display) -> impl fmt::Display + use<'a> {
        let Self { forbidden, stray } = *self;
        fmt::from_fn(move |f| {
            let (code, place) = (u32::from(forbidden.character), forbidden.position + 1);
            match (stray, forbidden.character) {
                (Some(stray), _) => write!(f, "{subject} {stray} (U+{code:04X}, character {place})"),
                (None, '\t') => write!(f, "character {place} of {subject} is the tab U+{code:04X}"),
                (None, '\n' | '\r') => {
                    write!(f, "character {place} of {subject} is the line break U+{code:04X}")
                }
                (None, _) => write!(f, "character {place} of {subject} is {forbidden}"),
            }
        })
    }
}

fn is_forbidden(character: char) -> bool {
    character.is_control() || is_non_character(character)
}

/// Whether Unicode has set the code point aside for ever: U+FDD0 to U+FDEF, and the last two of each plane.
pub(crate) fn is_non_character(character: char) -> bool {
    // The last two of each plane end in FFFE and FFFF.
    matches!(character, '\u{fdd0}'..='\u{fdef}') || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_non_characters_are_found_where_they_stand() {
        for (text, character, position, shown) in [
            ("\0", '\0', 0, "the control character U+0000"),
            ("a\u{1}", '\u{1}', 1, "the control character U+0001"),
            ("ä\u{1f}b\u{7f}", '\u{1f}', 1, "the control character U+001F"),
            ("line\n", '\n', 4, "the control character U+000A"),
            ("\u{7f}", '\u{7f}', 0, "the control character U+007F"),
            ("äö\u{9f}", '\u{9f}', 2, "the control character U+009F"),
            ("\u{fdd0}", '\u{fdd0}', 0, "the non-character U+FDD0"),
            ("\u{fdef}", '\u{fdef}', 0, "the non-character U+FDEF"),
            ("\u{fffe}", '\u{fffe}', 0, "the non-character U+FFFE"),
            ("\u{ffff}", '\u{ffff}', 0, "the non-character U+FFFF"),
            ("\u{1f600}\u{10ffff}", '\u{10ffff}', 1, "the non-character U+10FFFF"),
        ] {
            let found = Forbidden::find(text).unwrap();
            assert_eq!((found.character, found.position), (character, position), "{text:?}");
            assert_eq!(found.to_string(), shown);
        }
    }

    #[test]
    fn a_finding_says_where() {
        for (text, said) in [
            ("a/b\n", "it ends in a line break (U+000A, character 4)"),
            ("a\r\n", "it ends in a line break (U+000D, character 2)"),
            ("a\n ", "it ends in a line break (U+000A, character 2)"),
            ("ä\t", "it ends in a tab (U+0009, character 2)"),
            ("\n", "it ends in a line break (U+000A, character 1)"),
            ("\na", "it begins with a line break (U+000A, character 1)"),
            ("\na\n", "it begins with a line break (U+000A, character 1)"),
            ("a\nb\n", "character 2 of it is the line break U+000A"),
            ("a\tb", "character 2 of it is the tab U+0009"),
            ("ab\u{7}", "character 3 of it is the control character U+0007"),
            ("\0", "character 1 of it is the control character U+0000"),
            ("\u{1f600}\u{fffe}", "character 2 of it is the non-character U+FFFE"),
        ] {
            let found = Finding::of(text).map(|finding| finding.about(&"it").to_string());
            assert_eq!(found.as_deref(), Some(said), "{text:?}");
        }
        assert_eq!(Finding::of("a b"), None);
        assert_eq!(Finding::of("\u{80}").unwrap().kind(), "control characters");
        assert_eq!(Finding::of("\u{fdd0}").unwrap().kind(), "non-characters");
    }

    #[test]
    fn every_other_character_is_allowed() {
        for text in
            ["", " ~", "\u{a0}\u{fdcf}\u{fdf0}\u{fffd}", "\u{feff}", "\u{202e}", "\u{1f600}", "\u{10fffd}"]
        {
            assert_eq!(Forbidden::find(text), None, "{text:?}");
        }
    }
}
