//! Texts of which parts differ from run to run: times, ports, addresses.

/// Whether the whole of `text` is as `pattern` says. In a pattern `…` stands for any text, none included, and `#` for a
/// number (digits and points) or for itself; everything else stands for itself.
///
/// ```
/// use mqtt_connector_tests::pattern::fits;
///
/// assert!(fits("Sent to tcp://127.0.0.1:40001 in 1.5 ms.", "Sent to tcp://127.0.0.1:# in # ms."));
/// assert!(fits("Sent to a/# in 2 ms.", "Sent to a/# in # ms."));
/// assert!(fits("Not sent: the broker is busy.", "Not sent: …."));
/// assert!(!fits("Sent in 1.5 ms.", "Sent in # s."));
/// assert!(!fits("Sent in 1.5 ms. Or not.", "Sent in # ms."));
/// ```
#[must_use]
pub fn fits(text: &str, pattern: &str) -> bool {
    let Some(at) = pattern.find(['#', '…']) else { return text == pattern };
    let (before, rest) = pattern.split_at(at);
    let Some(text) = text.strip_prefix(before) else { return false };
    if let Some(rest) = rest.strip_prefix('#') {
        let after = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let itself = text.strip_prefix('#').is_some_and(|after| fits(after, rest));
        return itself || after.len() < text.len() && fits(after, rest);
    }
    let rest = rest.trim_start_matches('…');
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| fits(&text[at..], rest))
}
