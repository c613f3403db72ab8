//! Texts that a component or a broker chose, made fit for a person or a log.

use std::fmt::Write as _;

/// Whether a terminal would obey the character, or a reader be misled about what stands where: controls, line and
/// paragraph separators, and what turns the direction of writing round.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one line of at most `most` characters: what misleads is escaped, what is too much ends in `…`.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == most {
            line.push('…');
            break;
        }
        if misleads(character) {
            let _ = write!(line, "{}", character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_printable_and_short() {
        for (text, most, expected) in [
            ("a b", 9, "a b"),
            ("a\nb\u{1b}[31m", 9, "a\\u{a}b\\u{1b}[31m"),
            ("\u{202e}x\u{2028}\u{85}\u{2066}", 9, "\\u{202e}x\\u{2028}\\u{85}\\u{2066}"),
            ("äöü", 3, "äöü"),
            ("äöüß", 3, "äöü…"),
            ("שלום\u{200f}", 9, "שלום\u{200f}"),
        ] {
            assert_eq!(shown(text, most), expected, "{text:?}");
        }
    }
}
