//! A bar beside its bound.

use super::bars::bar;

/// How many columns there are on each side of the bound.
const HALF: usize = 20;

/// A bar for the `share` of its bound that a value takes, with the bound in the middle: what ends before that is met.
pub(crate) fn beside_bound(share: f64) -> String {
    let mut columns: Vec<char> = bar(share / 2.0, 2 * HALF).chars().collect();
    columns.insert(HALF, '│');
    columns.into_iter().collect()
}
