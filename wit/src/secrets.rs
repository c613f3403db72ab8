//! Whether a text of somebody else's repeats what is secret: what a broker, a proxy or a component says is held against what
//! it was given before anything of it is shown.
//!
//! The rule: a text repeats a secret when it has 8 bytes in a row in common with it, or all of a secret of 4 to 7 bytes; and
//! it repeats content when it has 16 bytes in a row in common with it, or all of content of 8 to 15 bytes (of 4 to 7, when
//! that is neither a word nor a number). Case does not matter, nor do spaces and what stands for characters that are not
//! printable ASCII. The text is read as it came, and in the
//! forms that programs give to what they repeat: with escapes (JSON, and those of programming languages), percent-encoded,
//! with HTML's entities, as base64, in hexadecimal, as a list of numbers, in Latin-1.

mod readings;

use std::cell::OnceCell;

use readings::readings;

/// A shorter secret is not looked for: its bytes may stand in any text by chance.
const MIN_SECRET: usize = 4;
/// A text that has so many bytes in a row in common with a secret repeats it.
const RUN_OF_SECRET: usize = 8;
/// Shorter content is only looked for when it is neither a word nor a number.
const MIN_CONTENT: usize = 8;
/// A text that has so many bytes in a row in common with content repeats it: more than of a secret, because content may hold
/// words of everyday language.
const RUN_OF_CONTENT: usize = 16;

/// How many bytes of a text are looked at. A message shows far fewer of them, so that a secret of which it shows the beginning
/// is seen whole, in whatever form it is written.
const LOOKED_AT: usize = 8 * 1024;
/// How many bytes of content are looked at, at its beginning and at its end: it is to take bounded time.
const FIRST_OF_CONTENT: usize = 12 * 1024 * 1024;
const LAST_OF_CONTENT: usize = 4 * 1024 * 1024;

/// A text of somebody else's, ready to be held against secrets.
pub struct Heard {
    /// What it says in each form, folded.
    readings: Vec<Vec<u8>>,
    /// The pieces of the readings that have [`MIN_SECRET`] bytes, one more, and so on.
    pieces: [OnceCell<Pieces>; RUN_OF_CONTENT - MIN_SECRET + 1],
}

impl Heard {
    /// Reads a text. It is to be whole: who shortens it first, or makes it printable, can hide a secret from this.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let text = &text[..text.len().min(LOOKED_AT)];
        let mut folded: Vec<Vec<u8>> = Vec::new();
        for reading in readings(text) {
            folded.push(lower(&reading).collect());
            folded.push(printable(&reading).collect());
        }
        folded.retain(|reading| reading.len() >= MIN_SECRET);
        folded.sort_unstable();
        folded.dedup();
        Self { readings: folded, pieces: Default::default() }
    }

    /// Whether the text repeats a secret: a password, a token.
    #[must_use]
    pub fn repeats_secret(&self, secret: &[u8]) -> bool {
        self.repeats(secret, MIN_SECRET, RUN_OF_SECRET)
    }

    /// Whether the text repeats content.
    #[must_use]
    pub fn repeats_content(&self, content: &[u8]) -> bool {
        if (MIN_SECRET..MIN_CONTENT).contains(&content.len()) {
            let is_word = content.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ');
            let is_number = !content.iter().any(u8::is_ascii_alphabetic);
            return !is_word && !is_number && self.repeats_secret(content);
        }
        let Some(last) = content.len().checked_sub(FIRST_OF_CONTENT + LAST_OF_CONTENT) else {
            return self.repeats(content, MIN_CONTENT, RUN_OF_CONTENT);
        };
        [&content[..FIRST_OF_CONTENT], &content[FIRST_OF_CONTENT + last..]]
            .iter()
            .any(|part| self.repeats(part, MIN_CONTENT, RUN_OF_CONTENT))
    }

    fn repeats(&self, secret: &[u8], least: usize, run: usize) -> bool {
        if secret.len() < least || self.readings.is_empty() {
            return false;
        }
        if self.has_run(lower(secret), secret.len().min(run)) {
            return true;
        }
        // Where little is left of a secret, that is not the secret.
        let left = printable(secret).count();
        left >= least && 2 * left >= secret.len() && self.has_run(printable(secret), left.min(run))
    }

    /// Whether `length` bytes in a row of `secret` stand in one of the readings.
    fn has_run(&self, secret: impl Iterator<Item = u8>, length: usize) -> bool {
        let Some(cell) = length.checked_sub(MIN_SECRET).and_then(|index| self.pieces.get(index)) else {
            return false;
        };
        let pieces = cell.get_or_init(|| Pieces::of(&self.readings, length));
        windows(secret, length).any(|piece| pieces.contain(piece))
    }
}

/// Letters in lower case, everything else as it is.
fn lower(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().map(u8::to_ascii_lowercase)
}

/// Printable ASCII alone, without spaces, which many add or take away, and without the question mark, which often stands for
/// what is not ASCII.
fn printable(bytes: &[u8]) -> impl Iterator<Item = u8> {
    lower(bytes).filter(|byte| matches!(byte, b'!'..=b'~') && *byte != b'?')
}

/// Every `length` bytes in a row, as a number; at most 16.
fn windows(bytes: impl Iterator<Item = u8>, length: usize) -> impl Iterator<Item = u128> {
    let mask = u128::MAX.checked_shr((128 - 8 * length) as u32).unwrap_or(0);
    let mut window = 0_u128;
    let all = bytes.map(move |byte| {
        window = (window << 8 | u128::from(byte)) & mask;
        window
    });
    all.skip(length - 1)
}

/// Pieces of one length.
struct Pieces {
    sorted: Vec<u128>,
    /// A bit for each piece, at a place that follows from it: most of what is looked for has none.
    bits: Vec<u64>,
    /// How much of a product is not part of the place.
    shift: u32,
}

impl Pieces {
    fn of(readings: &[Vec<u8>], length: usize) -> Self {
        let mut sorted: Vec<u128> = Vec::new();
        for reading in readings.iter().filter(|reading| reading.len() >= length) {
            sorted.extend(windows(reading.iter().copied(), length));
        }
        sorted.sort_unstable();
        sorted.dedup();
        let size = (16 * sorted.len()).next_power_of_two().max(64);
        let mut pieces = Self { sorted: Vec::new(), bits: vec![0; size / 64], shift: 64 - size.ilog2() };
        for piece in &sorted {
            let place = pieces.place(*piece);
            pieces.bits[place / 64] |= 1 << (place % 64);
        }
        pieces.sorted = sorted;
        pieces
    }

    fn contain(&self, piece: u128) -> bool {
        let place = self.place(piece);
        self.bits[place / 64] & (1 << (place % 64)) != 0 && self.sorted.binary_search(&piece).is_ok()
    }

    /// By Fibonacci hashing, whose highest bits depend on all others.
    fn place(&self, piece: u128) -> usize {
        let halves = (piece >> 64) as u64 ^ (piece as u64).rotate_left(29);
        (halves.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests;
