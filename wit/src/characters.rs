//! Which characters a UTF-8 string of an MQTT packet may have (MQTT 3.1.1, section 1.5.3; MQTT 5.0, section 1.5.4).

use std::fmt;

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

fn is_forbidden(character: char) -> bool {
    // The last two of each plane end in FFFE and FFFF.
    character.is_control()
        || matches!(character, '\u{fdd0}'..='\u{fdef}')
        || u32::from(character) & 0xfffe == 0xfffe
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
    fn every_other_character_is_allowed() {
        for text in
            ["", " ~", "\u{a0}\u{fdcf}\u{fdf0}\u{fffd}", "\u{feff}", "\u{202e}", "\u{1f600}", "\u{10fffd}"]
        {
            assert_eq!(Forbidden::find(text), None, "{text:?}");
        }
    }
}
