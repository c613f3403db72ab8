//! White space at the ends of a text, which nobody sees and hardly anybody means.

use std::fmt;

/// White space with which a text begins or ends.
///
/// Displayed as a verb and its object: `ends in a line break`, `begins with a space`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Whether the text ends in it; otherwise, it begins with it.
    pub at_end: bool,
    /// The outermost character.
    pub character: char,
}

impl Stray {
    /// The white space at the end of `text`, or else that at its start.
    // Inlined, it would be in the component once for each use.
    #[inline(never)]
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let outermost = |character: Option<char>| character.filter(|character| is_white_space(*character));
        let last = outermost(text.chars().next_back()).map(|character| Self { at_end: true, character });
        let first = || outermost(text.chars().next()).map(|character| Self { at_end: false, character });
        last.or_else(first)
    }
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.at_end { "ends in " } else { "begins with " })?;
        f.write_str(match self.character {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
            '\t' => "a tab",
            ' ' => "a space",
            '\u{a0}' => "a no-break space",
            '\u{feff}' => "a byte order mark",
            _ => "white space",
        })
    }
}

/// Whether the character is white space, or is shown as nothing, as a byte order mark is.
#[must_use]
pub fn is_white_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_before_the_start() {
        for (text, found) in [
            ("a\n", "ends in a line break"),
            ("a\r\n", "ends in a line break"),
            ("a \r", "ends in a line break"),
            ("a\u{2028}", "ends in a line break"),
            ("a\t", "ends in a tab"),
            (" a ", "ends in a space"),
            ("a\u{a0}", "ends in a no-break space"),
            ("a\u{3000}", "ends in white space"),
            ("a\u{200b}", "ends in white space"),
            ("\u{feff}a", "begins with a byte order mark"),
            ("\na", "begins with a line break"),
            ("\ta", "begins with a tab"),
            (" ", "ends in a space"),
        ] {
            assert_eq!(Stray::find(text).map(|stray| stray.to_string()).as_deref(), Some(found), "{text:?}");
        }
        for text in ["", "a", "a b", "a\nb", "\u{ad}"] {
            assert_eq!(Stray::find(text), None, "{text:?}");
        }
    }
}
