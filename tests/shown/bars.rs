//! Bars of text, to an eighth of a column.

/// From an eighth of a column to seven eighths.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar that is as long as `share` of `columns`, and blanks behind it. What is longer than that ends in an arrow.
pub(crate) fn bar(share: f64, columns: usize) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number of columns, which a negative share or none does not have"
    )]
    let eighths = (share * columns as f64 * 8.0).round() as usize;
    if eighths > columns * 8 {
        return "█".repeat(columns - 1) + "▶";
    }
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).map(|part| PARTS[part]));
    let blanks = columns - bar.chars().count();
    bar + &" ".repeat(blanks)
}
