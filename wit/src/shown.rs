//! Texts that came from outside, made fit for a message: one line, printable, and not too long.

use std::fmt::{self, Write};

use crate::characters::is_non_character;

/// How many characters of a parameter's value or name a message shows.
pub const VALUE: usize = 60;

/// How many characters of a topic a message shows.
pub const TOPIC: usize = 120;

/// How many characters of a reason (the host's or the broker's words) a message shows.
pub const REASON: usize = 400;

/// How many characters a message shows of several reasons, which stand in one text.
pub const REASONS: usize = 4000;

/// Displays `text` on one line: control characters and characters that change the direction or the line of
/// what follows are escaped as `\u{…}`; what is longer than `limit` characters ends in `…`.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    text: &'a str,
    limit: usize,
    quoted: bool,
}

impl<'a> Shown<'a> {
    /// The text as it is, for words that stand in a sentence.
    #[must_use]
    pub fn plain(text: &'a str, limit: usize) -> Self {
        Shown { text, limit, quoted: false }
    }

    /// All of the text in double quotes, for what is short by itself or what somebody wrote for this program alone.
    #[must_use]
    pub fn whole(text: &'a str) -> Self {
        Self::quoted(text, usize::MAX)
    }

    /// The text in double quotes; quotes and backslashes in it are escaped.
    #[must_use]
    pub fn quoted(text: &'a str, limit: usize) -> Self {
        Shown { text, limit, quoted: true }
    }
}

impl Shown<'_> {
    fn is_escaped(&self, character: char) -> bool {
        match character {
            character if is_plain(character) => false,
            '"' | '\\' => self.quoted,
            character => misleads(character),
        }
    }
}

/// Whether the character is printable ASCII, and no quote or backslash.
fn is_plain(character: char) -> bool {
    matches!(character, ' ' | '!' | '#'..='[' | ']'..='~')
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted {
            f.write_char('"')?;
        }
        // Most texts are plain, which their bytes tell in less time than their characters.
        if self.text.len() <= self.limit && self.text.bytes().all(|byte| is_plain(char::from(byte))) {
            f.write_str(self.text)?;
        } else {
            self.escape(f)?;
        }
        if self.quoted {
            f.write_char('"')?;
        }
        Ok(())
    }
}

impl Shown<'_> {
    fn escape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What needs no escape is written in one piece.
        let (mut rest, mut end) = (self.text, 0);
        for (count, character) in self.text.chars().enumerate() {
            let is_over = count == self.limit;
            if !is_over && !self.is_escaped(character) {
                end += character.len_utf8();
                continue;
            }
            let (plain, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            f.write_str(plain)?;
            if is_over {
                rest = "";
                f.write_char('…')?;
                break;
            }
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                character => write!(f, "\\u{{{:x}}}", u32::from(character))?,
            }
            (rest, end) = (after.get(character.len_utf8()..).unwrap_or_default(), 0);
        }
        f.write_str(rest)
    }
}

/// Whether a reader, or a terminal, would be misled by the character: controls, line and paragraph separators, zero-width
/// characters, bidirectional marks, overrides and isolates, the byte order mark, and what is not shown at all: soft hyphens,
/// annotations, tags, non-characters.
#[must_use]
pub fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
        || is_non_character(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_printable_and_short() {
        for (text, limit, plain, quoted) in [
            ("a b", 9, "a b", r#""a b""#),
            ("a\nb\tc\r", 9, r"a\nb\tc\u{d}", r#""a\nb\tc\u{d}""#),
            (r#"a"\"#, 9, r#"a"\"#, r#""a\"\\""#),
            ("\u{1b}[31m", 9, r"\u{1b}[31m", r#""\u{1b}[31m""#),
            ("\u{202e}x\u{2028}\u{85}", 9, r"\u{202e}x\u{2028}\u{85}", r#""\u{202e}x\u{2028}\u{85}""#),
            ("\u{61c}\u{ad}x", 9, r"\u{61c}\u{ad}x", r#""\u{61c}\u{ad}x""#),
            ("\u{180e}\u{fff9}\u{e0041}", 9, r"\u{180e}\u{fff9}\u{e0041}", r#""\u{180e}\u{fff9}\u{e0041}""#),
            ("a\u{fffe}\u{fdd0}", 9, r"a\u{fffe}\u{fdd0}", r#""a\u{fffe}\u{fdd0}""#),
            ("äöü", 3, "äöü", r#""äöü""#),
            ("äöüß", 3, "äöü…", r#""äöü…""#),
            ("", 0, "", r#""""#),
        ] {
            assert_eq!(Shown::plain(text, limit).to_string(), plain, "{text:?}");
            assert_eq!(Shown::quoted(text, limit).to_string(), quoted, "{text:?}");
        }
    }

    #[test]
    fn what_misleads_is_escaped_to_the_ends_of_its_ranges() {
        for (first, last) in [
            ('\0', '\u{1f}'),
            ('\u{7f}', '\u{9f}'),
            ('\u{ad}', '\u{ad}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{180e}', '\u{180e}'),
            ('\u{200b}', '\u{200f}'),
            ('\u{2028}', '\u{202e}'),
            ('\u{2060}', '\u{206f}'),
            ('\u{fdd0}', '\u{fdef}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{fff9}', '\u{fffb}'),
            ('\u{fffe}', '\u{ffff}'),
            ('\u{1d173}', '\u{1d17a}'),
            ('\u{dfffe}', '\u{e007f}'),
            ('\u{10fffe}', '\u{10ffff}'),
        ] {
            assert!((first..=last).all(misleads), "{first:?}");
            let before = char::from_u32(u32::from(first).wrapping_sub(1));
            let after = char::from_u32(u32::from(last) + 1);
            for outside in [before, after].into_iter().flatten() {
                assert!(!misleads(outside), "{outside:?}");
            }
        }
    }
}
