//! The forms in which a program may repeat a text, read back.

/// The most readings as text of one text: they are made of each other.
const MOST: usize = 16;
/// The fewest characters of base64, or hexadecimal digits, that are decoded: fewer do not make four bytes.
const MIN_ENCODED: usize = 6;

/// What `text` says: as it stands, with what is escaped in it put back, and what is encoded in it.
pub(super) fn readings(text: &[u8]) -> Vec<Vec<u8>> {
    let mut found = vec![text.to_vec()];
    let mut index = 0;
    while let Some(reading) = found.get(index).cloned() {
        index += 1;
        for read in [backslashes, percent, plus, entities, to_latin_1, from_latin_1] {
            if let Some(read) = read(&reading)
                && found.len() < MOST
                && !found.contains(&read)
            {
                found.push(read);
            }
        }
    }
    let mut encoded = Vec::new();
    for reading in &found {
        base64(reading, &mut encoded);
        hexadecimal(reading, &mut encoded);
        numbers(reading, &mut encoded);
    }
    found.append(&mut encoded);
    found
}

/// Replaces what begins with `sign` by what `read` makes of what follows it, and of how many bytes; what it makes nothing of
/// stays as it is. `None` when nothing was replaced.
fn replace(text: &[u8], sign: u8, read: impl Fn(&[u8], &mut Vec<u8>) -> Option<usize>) -> Option<Vec<u8>> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut is_changed = false;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match Some(after).filter(|_| *byte == sign).and_then(|after| read(after, &mut replaced)) {
            Some(length) => {
                is_changed = true;
                rest = after.get(length..).unwrap_or_default();
            }
            None => replaced.push(*byte),
        }
    }
    is_changed.then_some(replaced)
}

/// The escapes of JSON (RFC 8259, section 7) and those of programming languages: `\n`, `\u00f6`, `\u{f6}`, `\xc3`, `\303`.
fn backslashes(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, b'\\', |after, read| {
        let (kind, digits) = after.split_first()?;
        let simple = match kind {
            b'u' | b'U' => {
                let (character, length) = code_point(*kind, digits)?;
                push(read, character);
                return Some(1 + length);
            }
            b'x' => {
                read.push(u8::try_from(number(digits.get(..2)?, 16)?).ok()?);
                return Some(3);
            }
            b'0'..=b'3' => {
                read.push(u8::try_from(number(after.get(..3)?, 8)?).ok()?);
                return Some(3);
            }
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            other if other.is_ascii_punctuation() => *other,
            _ => return None,
        };
        read.push(simple);
        Some(1)
    })
}

/// The character behind `\u` or `\U`, and how many bytes it takes there; two halves of a pair are one.
fn code_point(kind: u8, digits: &[u8]) -> Option<(u32, usize)> {
    if let Some(inside) = digits.strip_prefix(b"{") {
        let length = inside.iter().take(8).position(|byte| *byte == b'}')?;
        return Some((number(inside.get(..length)?, 16)?, length + 2));
    }
    if kind == b'U' {
        return Some((number(digits.get(..8)?, 16)?, 8));
    }
    let first = number(digits.get(..4)?, 16)?;
    let second = || number(digits.get(4..)?.strip_prefix(b"\\u")?.get(..4)?, 16);
    match (first, second()) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            Some((0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 10))
        }
        _ => Some((first, 4)),
    }
}

/// `%C3` (RFC 3986, section 2.1).
fn percent(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, b'%', |after, read| {
        read.push(u8::try_from(number(after.get(..2)?, 16)?).ok()?);
        Some(2)
    })
}

/// What a form makes of a space.
fn plus(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, b'+', |_, read| {
        read.push(b' ');
        Some(0)
    })
}

/// `&amp;`, `&#38;`, `&#x26;`.
fn entities(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, b'&', |after, read| {
        let length = after.iter().take(10).position(|byte| *byte == b';')?;
        let name = after.get(..length)?;
        let character = match name {
            b"amp" => u32::from(b'&'),
            b"lt" => u32::from(b'<'),
            b"gt" => u32::from(b'>'),
            b"quot" => u32::from(b'"'),
            b"apos" => u32::from(b'\''),
            b"nbsp" => u32::from(b' '),
            _ => match name.strip_prefix(b"#")? {
                [b'x' | b'X', digits @ ..] => number(digits, 16)?,
                digits => number(digits, 10)?,
            },
        };
        push(read, character);
        Some(length + 1)
    })
}

/// UTF-8 that somebody took for Latin-1 and wrote as UTF-8 again.
fn to_latin_1(text: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(text).ok().filter(|text| !text.is_ascii())?;
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

/// Latin-1, which is hardly ever UTF-8 as well.
fn from_latin_1(text: &[u8]) -> Option<Vec<u8>> {
    if str::from_utf8(text).is_ok() {
        return None;
    }
    let text: String = text.iter().map(|byte| char::from(*byte)).collect();
    Some(text.into_bytes())
}

/// What is base64 (RFC 4648, sections 4 and 5), wherever its groups of four begin.
fn base64(text: &[u8], found: &mut Vec<Vec<u8>>) {
    let sextet = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    for run in text.split(|byte| sextet(byte).is_none()).filter(|run| run.len() >= MIN_ENCODED) {
        for start in 0..4 {
            let sextets: Vec<u8> = run.iter().skip(start).filter_map(sextet).collect();
            let mut decoded = Vec::with_capacity(sextets.len());
            for group in sextets.chunks(4) {
                let bits = group.iter().fold(0_u32, |bits, sextet| bits << 6 | u32::from(*sextet));
                let bits = bits << (6 * (4 - group.len()));
                decoded.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
            }
            found.push(decoded);
        }
    }
}

/// What is written in hexadecimal, without anything between the digits, or byte by byte.
fn hexadecimal(text: &[u8], found: &mut Vec<Vec<u8>>) {
    let is_other = |byte: &u8| !byte.is_ascii_hexdigit();
    for run in text.split(is_other).filter(|run| run.len() >= MIN_ENCODED) {
        for start in 0..2 {
            let pairs = run.get(start..).unwrap_or_default().chunks_exact(2);
            found.push(pairs.filter_map(|pair| u8::try_from(number(pair, 16)?).ok()).collect());
        }
    }
    let pairs = text.split(is_other).filter(|run| run.len() == 2);
    found.push(pairs.filter_map(|pair| u8::try_from(number(pair, 16)?).ok()).collect());
}

/// A list of numbers, as many languages show bytes.
fn numbers(text: &[u8], found: &mut Vec<Vec<u8>>) {
    let runs = text.split(|byte| !byte.is_ascii_digit()).filter(|run| (1..=3).contains(&run.len()));
    found.push(runs.filter_map(|run| u8::try_from(number(run, 10)?).ok()).collect());
}

/// The number that these digits are.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let is_number = digits.iter().all(|digit| char::from(*digit).is_digit(radix));
    u32::from_str_radix(str::from_utf8(digits).ok().filter(|_| is_number)?, radix).ok()
}

fn push(read: &mut Vec<u8>, character: u32) {
    if let Some(character) = char::from_u32(character) {
        read.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
