//! JSON text (RFC 8259), taken apart without building a tree, and its values, unread until somebody knows what they should be.
//!
//! A document is judged once, while it is taken apart by [`read_object`]: strings without escapes here, many bytes at a
//! time, because most of a document is inside them, and every other value by `serde_json`, which [`check`] asks for the
//! place of the first error, too. After that the text is known to be right, and the rest of this module only has to find
//! where a value ends. So a value keeps its text, digits, order and escapes included, a value that nobody reads costs
//! nothing more, and the component is spared a deserializer's machinery (a fifth of its size). On text that has not been
//! judged the other functions answer nonsense, but they neither panic nor run past the end.

mod fault;
mod value;

use std::borrow::Cow;

use serde_core::de::IgnoredAny;

pub use fault::Fault;
pub use value::{JsonType, Mismatch, Value};

/// Whether `text` is one JSON value; gives it back without the white space around it. Nesting has no limit here:
/// it takes no stack.
///
/// # Errors
///
/// The first thing that is wrong, with line and column. The error never holds a part of the text.
pub fn check(text: &str) -> Result<&str, Fault> {
    let judged = serde_json::from_str::<IgnoredAny>(text);
    judged.map(|_| text.trim_ascii()).map_err(|error| Fault::new(text, &error))
}

/// Reads a document that is one object: hands its members to `take`, in order, duplicates included: names without quotes
/// and escapes, values, and whether a value is a string without escapes.
///
/// False when it is anything else, or no JSON at all, which may only turn out after some members have been taken.
pub fn read_object<'a>(document: &'a str, mut take: impl FnMut(Cow<'a, str>, Value<'a>, bool)) -> bool {
    let mut rest = document;
    if !mark(&mut rest, b'{') {
        return false;
    }
    if !mark(&mut rest, b'}') {
        loop {
            let Some(name) = judged_name(&mut rest) else { return false };
            if !mark(&mut rest, b':') {
                return false;
            }
            let Some(Judged { text, is_plain }) = judged_value(&mut rest) else { return false };
            take(name, Value::new(text), is_plain);
            if mark(&mut rest, b'}') {
                break;
            }
            if !mark(&mut rest, b',') {
                return false;
            }
        }
    }
    skip_white_space(&mut rest);
    rest.is_empty()
}

/// Moves `rest` behind white space and this byte; false, and only behind white space, if something else comes.
fn mark(rest: &mut &str, byte: u8) -> bool {
    skip_white_space(rest);
    let found = rest.as_bytes().first() == Some(&byte);
    if found {
        *rest = rest.get(1..).unwrap_or_default();
    }
    found
}

fn skip_white_space(rest: &mut &str) {
    // Byte by byte, which takes a fifth of the time that it takes to look at characters.
    let length = rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    *rest = rest.get(length..).unwrap_or_default();
}

/// The value that comes next, and moves `rest` behind it; `None` if that is no value.
fn judged_value<'a>(rest: &mut &'a str) -> Option<Judged<'a>> {
    skip_white_space(rest);
    if rest.starts_with('"') {
        return judged_string(rest);
    }
    let (text, after) = rest.split_at_checked(value_length(rest.as_bytes()))?;
    *rest = after;
    is_value(text).then_some(Judged { text, is_plain: false })
}

/// A name, without quotes and escapes, and moves `rest` behind it; `None` if what comes next is no string.
fn judged_name<'a>(rest: &mut &'a str) -> Option<Cow<'a, str>> {
    let string = judged_string(rest)?;
    Some(if string.is_plain { Cow::Borrowed(unquoted(string.text)?) } else { name_text(string.text) })
}

/// A value that is right.
struct Judged<'a> {
    /// With its quotes and escapes.
    text: &'a str,
    /// It is a string, and there are no escapes in it.
    is_plain: bool,
}

/// The string that comes next, and moves `rest` behind it; `None` if that is no string.
fn judged_string<'a>(rest: &mut &'a str) -> Option<Judged<'a>> {
    skip_white_space(rest);
    let inside = rest.strip_prefix('"')?.as_bytes();
    let end = first(inside, |word| quotes_and_controls(word) | exactly(word, b'\\'))?;
    let is_plain = inside.get(end) == Some(&b'"');
    let length = if is_plain { end + 2 } else { string_end(rest.as_bytes(), end + 1) };
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    (is_plain || is_value(text)).then_some(Judged { text, is_plain })
}

fn is_value(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A name without quotes and escapes. One with half a surrogate pair is no parameter's: it is shown as it was written.
fn name_text(name: &str) -> Cow<'_, str> {
    string(name).unwrap_or_else(|| Cow::Borrowed(name.trim_matches('"')))
}

/// The members of an object, in order, duplicates included: names without quotes and escapes, texts of values.
pub fn members(object: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    pairs(object).map(|(name, value)| (name_text(name), value))
}

/// The members of an object, in order, duplicates included: texts of names, with quotes and escapes, and of values.
pub fn pairs(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = object.strip_prefix('{').unwrap_or_default();
    std::iter::from_fn(move || Some((next_value(&mut rest)?, next_value(&mut rest)?)))
}

/// The texts of a list's elements, in order.
pub fn elements(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list.strip_prefix('[').unwrap_or_default();
    std::iter::from_fn(move || next_value(&mut rest))
}

/// The next value after white space and one `,` or `:`, and moves `rest` behind it; `None` at the end of the
/// list or object.
fn next_value<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':');
    let start = rest.bytes().take_while(is_between).count();
    let start = rest.get(start..)?;
    let (value, after) = start.split_at_checked(value_length(start.as_bytes()))?;
    *rest = after;
    (!value.is_empty()).then_some(value)
}

/// How many bytes the value at the start of `text` has; 0 at a closing bracket and at the end.
fn value_length(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at + 1);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 0 => return at,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Where the string ends whose first character stands at `at`: behind its closing quote.
pub(crate) fn string_end(text: &[u8], mut at: usize) -> usize {
    while let Some(rest) = text.get(at..)
        && let Some(found) = quote_or_backslash(rest)
    {
        at += found + 1;
        if rest.get(found) == Some(&b'"') {
            return at;
        }
        // Whatever is escaped is no end; the four digits of \u are none either.
        at += 1;
    }
    text.len()
}

/// Where the first `"` or `\` stands.
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    first(text, |word| exactly(word, b'"') | exactly(word, b'\\'))
}

/// A word of which each byte is 1.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of each byte of a word.
const HIGHEST: u64 = ONES << 7;

/// The position of the first byte that is sought, which is ASCII.
///
/// `marks` is given eight bytes at a time, as a word whose lowest byte comes first, and sets the highest bit of each byte that is
/// sought. It may also set that of bytes after the first one sought, and that of bytes that are not ASCII.
///
/// The component spends most of a send in this search. The crate `memchr` is not used for two reasons: components run without SIMD
/// here, where it takes four bytes at a time; and it cannot search for a range, so that it would read a content twice, once for
/// `"` and `\`, once for control characters.
#[inline(always)]
fn first(text: &[u8], marks: impl Fn(u64) -> u64) -> Option<usize> {
    const BLOCK: usize = 32;
    let all_marks = |all, word: &[u8; 8]| all | marks(u64::from_le_bytes(*word));
    let marked = |word: &[u8; 8]| marks(u64::from_le_bytes(*word)) & !u64::from_le_bytes(*word) & HIGHEST;
    let (blocks, _) = text.as_chunks::<BLOCK>();
    let is_clean = |block: &&[u8; BLOCK]| {
        let words = block.as_chunks().0;
        // The first test is exact for ASCII. Only a block with other text needs the second one.
        words.iter().fold(0, all_marks) & HIGHEST == 0 || words.iter().all(|word| marked(word) == 0)
    };
    let place = |word: &[u8; 8]| marked(word).trailing_zeros() as usize / 8;
    // Most names, and many values, end in the first word.
    if let Some(found) = text.first_chunk().map(place).filter(|found| *found < 8) {
        return Some(found);
    }
    let clean = blocks.iter().take_while(is_clean).count() * BLOCK;
    let (words, rest) = text.get(clean..)?.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = place(word);
        if found < 8 {
            return Some(clean + at * 8 + found);
        }
    }
    // The rest, filled up to eight bytes with a letter, which is never sought.
    let mut last = [b'a'; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    Some(place(&last)).filter(|found| *found < 8).map(|found| clean + words.len() * 8 + found)
}

/// Marks the bytes of `word` that are `byte`, which is ASCII.
#[inline(always)]
fn exactly(word: u64, byte: u8) -> u64 {
    // A byte that is equal becomes 0, and 0 less 1 has the highest bit set. It borrows from the byte after it, which may then be
    // marked too.
    (word ^ (ONES * u64::from(byte))).wrapping_sub(ONES)
}

/// Marks the bytes of `word` that are `"` or below U+0020, which a JSON string has only escaped.
#[inline(always)]
fn quotes_and_controls(word: u64) -> u64 {
    // Flipping the bit 0x02 turns `"` (0x22) into 0x20 and keeps everything below 0x20 below it. So the bytes below 0x21 are sought.
    (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21)
}

/// What stands between the quotes of a string; `None` when the value is not a string.
fn unquoted(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

/// The text that a JSON string stands for; `None` when the value is not a string, or holds half a surrogate pair,
/// which JSON allows and Unicode text does not (RFC 8259, section 8.2).
pub fn string(value: &str) -> Option<Cow<'_, str>> {
    let inside = unquoted(value)?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        text.push(match characters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode_escape(&mut characters)?,
            itself => itself,
        });
    }
    Some(Cow::Owned(text))
}

/// The character of `\uXXXX`, or of two of them that are a surrogate pair, after the first `\u`.
fn unicode_escape(characters: &mut std::str::Chars<'_>) -> Option<char> {
    let first = four_digits(characters)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    if characters.next()? != '\\' || characters.next()? != 'u' {
        return None;
    }
    let second = four_digits(characters)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
}

fn four_digits(characters: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut number = 0;
    for _ in 0..4 {
        number = number * 16 + characters.next()?.to_digit(16)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_is_looked_for() {
        let in_string = |text: &[u8]| first(text, |word| quotes_and_controls(word) | exactly(word, b'\\'));
        let ends_string = |byte: u8| matches!(byte, 0..0x20 | b'"' | b'\\');
        let is_mark = |byte: u8| matches!(byte, b'"' | b'\\');
        // Every byte at every position, so that it stands before, at and after the borders of words and blocks. The bytes around it
        // are those that the search could mistake: they differ from a byte that is sought in one bit, or are next to the range.
        for filler in [0x00, 0x20, 0x21, 0x23, 0x54, 0x58, 0x5b, 0x5d, 0x7f, 0x80, 0xa0, 0xa2, 0xdc, 0xff] {
            for length in (0..40).chain([63, 64, 65, 130]) {
                let mut text = vec![filler; length];
                assert_eq!(quote_or_backslash(&text), None, "{filler:x} {length}");
                let end = text.first().copied().filter(|byte| ends_string(*byte)).map(|_| 0);
                assert_eq!(in_string(&text), end, "{filler:x} {length}");
                for at in (0..length).rev() {
                    for byte in 0..=u8::MAX {
                        text[at] = byte;
                        let expected = |sought: fn(u8) -> bool| text.iter().position(|byte| sought(*byte));
                        assert_eq!(
                            quote_or_backslash(&text),
                            expected(is_mark),
                            "{filler:x} {length} {at} {byte:x}"
                        );
                        assert_eq!(
                            in_string(&text),
                            expected(ends_string),
                            "{filler:x} {length} {at} {byte:x}"
                        );
                    }
                    // The next position is tried with another byte that is sought after it.
                    text[at] = b'"';
                }
            }
        }
    }
}
