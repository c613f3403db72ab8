//! [`StepState`]: what the store of an instance holds that is called in steps.

use super::budget::MemoryBudget;

/// What the store of an instance holds.
pub(super) struct StepState {
    pub(super) memory: MemoryBudget,
    /// Whether a step that takes long is given up, because the call can be made in another way.
    pub(super) may_be_given_up: bool,
}
