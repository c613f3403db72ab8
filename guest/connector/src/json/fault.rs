//! What is wrong with a text that is not JSON: where, and what a person most likely meant.

use std::fmt;

use super::is_value;

/// The first place where a text is not JSON. It never holds a part of the text, which may be a secret.
///
/// Displayed as a clause without a full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    line: usize,
    column: usize,
    cause: Cause,
}

/// What stands at the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The end of the text, in the middle of a value.
    End,
    /// A quote of another kind than JSON's.
    Quote,
    /// A bracket or a brace that closes too early.
    Closing,
    /// What begins a comment in other languages.
    Comment,
    /// A letter: a word without quotes.
    Word,
    /// A digit, or what belongs to a number.
    Number,
    /// A control character, which stands in a string.
    Control,
    /// What stands behind a backslash in a string, and is no escape.
    Escape,
    /// A byte order mark behind another.
    ByteOrderMark,
    /// Anything else.
    Other,
}

impl Fault {
    /// What the parser stumbled over in `text`.
    pub(super) fn new(text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let cause = if error.is_eof() { Cause::End } else { Cause::at(text, line, column) };
        Fault { line, column, cause }
    }
}

impl Cause {
    /// What stands in the line and the column, both counted from 1, the column in bytes.
    fn at(text: &str, line: usize, column: usize) -> Self {
        let line = text.split_inclusive('\n').nth(line.saturating_sub(1)).unwrap_or_default();
        let (at, bytes) = (column.saturating_sub(1), line.as_bytes());
        // Of a control character in a string, the parser has the place before it.
        if bytes.get(column).is_some_and(|byte| *byte < b' ') && ends_in_string(&bytes[..column]) {
            return Cause::Control;
        }
        if ends_in_string(bytes.get(..at).unwrap_or_default()) {
            return Cause::Escape;
        }
        // A number or a word that breaks off, as in `1.` or `tru`: the parser has the place behind it.
        let before = bytes.get(..at).unwrap_or_default();
        let start = before.iter().rposition(|byte| !belongs_to_a_word(*byte)).map_or(0, |end| end + 1);
        let word = line.get(start..at).filter(|word| !is_value(word));
        match word.unwrap_or_default().as_bytes() {
            [] => {}
            [b'a'..=b'z' | b'A'..=b'Z', ..] => return Cause::Word,
            [_, ..] => return Cause::Number,
        }
        match bytes.get(at).copied().unwrap_or(b'\n') {
            b'\'' | b'`' => Cause::Quote,
            b']' | b'}' => Cause::Closing,
            b'/' | b'#' => Cause::Comment,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => Cause::Word,
            b'0'..=b'9' | b'+' | b'-' | b'.' => Cause::Number,
            0xef if line.get(at..).is_some_and(|rest| rest.starts_with('\u{feff}')) => Cause::ByteOrderMark,
            // Typographic quotes, as word processors make them of JSON's.
            0xe2 if line
                .get(at..)
                .is_some_and(|rest| rest.starts_with(|quote| matches!(quote, '\u{2018}'..='\u{201f}'))) =>
            {
                Cause::Quote
            }
            _ => Cause::Other,
        }
    }
}

/// Whether it may stand in a number, or in `true`, `false` or `null`.
fn belongs_to_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Whether the begin of a line, in which no string goes on, ends in a string.
fn ends_in_string(begin: &[u8]) -> bool {
    let (mut is_inside, mut bytes) = (false, begin.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_inside = !is_inside,
            b'\\' if is_inside => {
                // The parser takes four digits before it looks at them.
                let is_escape =
                    bytes.next() != Some(&b'u') || bytes.by_ref().take(4).all(u8::is_ascii_hexdigit);
                if !is_escape {
                    return true;
                }
            }
            _ => {}
        }
    }
    is_inside
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { line, column, cause } = self;
        if *cause == Cause::End {
            return write!(
                f,
                "it ends at line {line}, column {column}, before a quote, a bracket or a brace is closed"
            );
        }
        write!(f, "line {line}, column {column}: ")?;
        f.write_str(match cause {
            Cause::End => "the end",
            Cause::Quote => "names and strings stand in double quotes, \"",
            Cause::Closing => "nothing can be closed here; perhaps a comma before it is one too many",
            Cause::Comment => "JSON has no comments",
            Cause::Word => {
                "a word without quotes, or something behind the end; names and strings stand in double quotes"
            }
            Cause::Number => "not a number as JSON has them, or a comma before it is missing",
            Cause::Control => {
                "a line break or another control character in a string is written as \\n or \\u000a"
            }
            Cause::Escape => {
                "a backslash in a string begins an escape, such as \\n or \\u000a; a backslash itself is \\\\"
            }
            Cause::ByteOrderMark => "one byte order mark is enough",
            Cause::Other => "a comma, a colon, a value or the end was expected here",
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::json::check;

    #[test]
    fn what_is_not_json_says_where_and_why() {
        for (text, said) in [
            ("{\"a\":1", "it ends at line 1, column 6, before a quote, a bracket or a brace is closed"),
            ("{\"a\":\"b}", "it ends at line 1, column 8, before a quote, a bracket or a brace is closed"),
            ("{\n 'a': 1}", "line 2, column 2: names and strings stand in double quotes, \""),
            ("{\u{201c}a\u{201d}: 1}", "line 1, column 2: names and strings stand in double quotes, \""),
            (
                "{\"a\": 1,}",
                "line 1, column 9: nothing can be closed here; perhaps a comma before it is one too many",
            ),
            (
                "[1, 2,\n]",
                "line 2, column 1: nothing can be closed here; perhaps a comma before it is one too many",
            ),
            ("{\"a\": 1} // x", "line 1, column 10: JSON has no comments"),
            ("# x\n{}", "line 1, column 1: JSON has no comments"),
            (
                "{a: 1}",
                "line 1, column 2: a word without quotes, or something behind the end; names and strings stand in double \
                 quotes",
            ),
            (
                "{\"a\": 01}",
                "line 1, column 8: not a number as JSON has them, or a comma before it is missing",
            ),
            (
                "{\"a\": \"b\nc\"}",
                "line 1, column 8: a line break or another control character in a string is written as \\n or \\u000a",
            ),
            (
                r#"{"a\"": "C:\certs"}"#,
                r"line 1, column 13: a backslash in a string begins an escape, such as \n or \u000a; a backslash itself is \\",
            ),
            (
                r#"{"a": "\u12"}"#,
                r"line 1, column 13: a backslash in a string begins an escape, such as \n or \u000a; a backslash itself is \\",
            ),
            (
                "{\"a\\\"\": \"b\nc\"}",
                "line 1, column 10: a line break or another control character in a string is written as \\n or \\u000a",
            ),
            ("{}\0", "line 1, column 3: a comma, a colon, a value or the end was expected here"),
            ("\u{feff}{}", "line 1, column 1: one byte order mark is enough"),
            (
                "{\"a\": 1 \"b\": 2}",
                "line 1, column 9: a comma, a colon, a value or the end was expected here",
            ),
            (
                "{\"a\": 1.}",
                "line 1, column 9: not a number as JSON has them, or a comma before it is missing",
            ),
            ("[-, 1]", "line 1, column 3: not a number as JSON has them, or a comma before it is missing"),
            ("[1.e5]", "line 1, column 4: not a number as JSON has them, or a comma before it is missing"),
            (
                "[tru]",
                "line 1, column 5: a word without quotes, or something behind the end; names and strings stand in double \
                 quotes",
            ),
            (
                "[1}",
                "line 1, column 3: nothing can be closed here; perhaps a comma before it is one too many",
            ),
            ("{\"a\" 1}", "line 1, column 6: not a number as JSON has them, or a comma before it is missing"),
        ] {
            assert_eq!(check(text).unwrap_err().to_string(), said, "{text:?}");
        }
    }
}
