//! The known name that is nearest to one that is unknown.

use std::cmp::Reverse;

#[inline(never)]
pub(super) fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let known = known.iter().copied();
    // The distance takes time by the square of the length, and no known name is nearly as long.
    if name.len() > 40 {
        return None;
    }
    let folded = fold(name);
    if let Some(same) = known.clone().find(|known| fold(known) == folded) {
        return Some(same);
    }
    let limit = 1 + folded.len() / 5;
    let mistyped = known
        .clone()
        .map(|known| (distance(folded.as_bytes(), fold(known).as_bytes()), known))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known);
    mistyped.or_else(|| {
        let start = |long: &str, short: &str| short.len() >= 3 && long.starts_with(short);
        known
            .filter(|known| start(&folded, &fold(known)) || start(&fold(known), &folded))
            .max_by_key(|known| (known.len().min(folded.len()), Reverse(known.len())))
    })
}

/// How many bytes to insert, leave out, change or swap with the next one make one name the other (optimal string
/// alignment). Nothing is that near to names that are longer than `N` - 1 bytes.
fn distance(name: &[u8], known: &[u8]) -> usize {
    const N: usize = 64;
    if known.len() >= N {
        return N;
    }
    // The last three rows of the table: before the one before, before, and this one.
    let (mut older, mut old, mut row) = ([0; N], [0; N], [0; N]);
    for (index, cell) in old.iter_mut().enumerate() {
        *cell = index;
    }
    let mut before = 0;
    for (i, byte) in name.iter().enumerate() {
        row[0] = i + 1;
        let mut known_before = 0;
        for (j, other) in known.iter().enumerate() {
            let mut least = (old[j] + usize::from(byte != other)).min(old[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && (*byte, before) == (known_before, *other) {
                least = least.min(older[j - 1] + 1);
            }
            row[j + 1] = least;
            known_before = *other;
        }
        before = *byte;
        (older, old) = (old, row);
    }
    old[known.len()]
}

/// The name in lower case, without hyphens, underscores, spaces and dots.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}
