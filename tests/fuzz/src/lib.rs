//! What the fuzz targets share: what every message promises, whatever it is about.
#![forbid(unsafe_code)]

/// Asserts that `message` is a sentence for one line of at most `most` bytes, in which nothing is a control character,
/// a break of lines, or a character that hides or turns what stands around it.
///
/// # Panics
///
/// If it is not, with the message.
pub fn assert_message(message: &str, most: usize) {
    assert!(!message.is_empty(), "an empty message");
    assert!(message.len() <= most, "{} bytes, of {most}: {message:?}", message.len());
    let misleads = |character: char| {
        character.is_control()
            || ('\u{200b}'..='\u{200f}').contains(&character)
            || ('\u{2028}'..='\u{202e}').contains(&character)
            || ('\u{2060}'..='\u{206f}').contains(&character)
            || ['\u{ad}', '\u{61c}', '\u{180e}', '\u{feff}'].contains(&character)
            || ('\u{e0000}'..='\u{e007f}').contains(&character)
    };
    assert!(!message.contains(misleads), "{message:?}");
}
