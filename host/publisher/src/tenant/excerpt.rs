//! Texts of an operator's in messages, none longer than a person reads.

/// How many characters are shown at the start.
const HEAD: usize = 150;
/// How many characters are shown at the end.
const TAIL: usize = 50;

/// `text`, or what is shown of a long one: its start, `…`, its end.
pub(super) fn excerpt(text: &str) -> String {
    let head = text.char_indices().nth(HEAD).map(|(end, _)| end);
    let tail = text.char_indices().nth_back(TAIL - 1).map(|(start, _)| start);
    match (head, tail) {
        (Some(end), Some(start)) if end < start => format!("{}…{}", &text[..end], &text[start..]),
        (_, _) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_and_end_of_a_long_text() {
        let (head, tail) = ("ä".repeat(HEAD), "ß".repeat(TAIL));
        for (text, shown) in [
            (String::new(), String::new()),
            ("tcp://a".to_owned(), "tcp://a".to_owned()),
            (format!("{head}{tail}"), format!("{head}{tail}")),
            (format!("{head}x{tail}"), format!("{head}…{tail}")),
            (format!("{head}{}{tail}", "x".repeat(10_000)), format!("{head}…{tail}")),
        ] {
            assert_eq!(excerpt(&text), shown);
        }
    }
}
