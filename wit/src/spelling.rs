//! The known name that one which is unknown was most likely meant for.

use std::cmp::Reverse;

/// A longer name, in bytes, is nothing mistyped: no known one is nearly as long, and comparing takes time by the square of the
/// length.
const LONGEST: usize = 40;

/// The known name that is nearest to `name`: equal but for case, hyphens, underscores, dots and spaces; or else a few typing
/// errors away (one, and one more for every five characters); or else one of the two starts with the other, which has three
/// characters at least.
#[must_use]
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > LONGEST {
        return None;
    }
    let known = || known.iter().copied();
    let folded = fold(name);
    if let Some(same) = known().find(|known| fold(known) == folded) {
        return Some(same);
    }
    let limit = 1 + folded.len() / 5;
    let mistyped = known()
        // An insertion, an omission, a change, or two neighbours that have changed places: one each.
        .map(|known| (strsim::osa_distance(&folded, &fold(known)), known))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known);
    mistyped.or_else(|| {
        let starts = |long: &str, short: &str| short.len() >= 3 && long.starts_with(short);
        known()
            .filter(|known| starts(&folded, &fold(known)) || starts(&fold(known), &folded))
            .max_by_key(|known| (known.len().min(folded.len()), Reverse(known.len())))
    })
}

/// The name in lower case, without hyphens, underscores, spaces and dots.
#[must_use]
pub fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_then_mistyped_then_longer_or_shorter() {
        let known = ["topic", "client-id", "retain", "payload-format"];
        for (name, found) in [
            ("CLIENT_ID", Some("client-id")),
            ("topci", Some("topic")),
            ("tipoc", Some("topic")),
            ("tapak", None),
            ("retian", Some("retain")),
            ("retaining", Some("retain")),
            ("payload", Some("payload-format")),
            ("to", None),
            ("unrelated", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &known), found, "{name:?}");
        }
        assert_eq!(nearest(&"t".repeat(LONGEST + 1), &known), None);
        assert_eq!(nearest(&format!("topic{}", "x".repeat(LONGEST - 5)), &known), Some("topic"));
        assert_eq!(nearest(&format!("topic{}", "x".repeat(LONGEST - 4)), &known), None);
    }
}
