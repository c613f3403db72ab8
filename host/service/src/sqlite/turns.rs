//! [`Turns`]: whose work is next.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Work of many tenants, which take turns: however much one has, another one's is next but a few. Of one tenant it stays in order.
///
/// What is taken until [`end_group`](Self::end_group) is called is a group.
pub(super) struct Turns<T> {
    by_tenant: HashMap<Arc<str>, Work<T>>,
    /// The tenants that have work, the next one first.
    order: VecDeque<Arc<str>>,
    /// How many of them have less than [`SHARE`] in the group.
    left_out: usize,
    /// How many tenants have one piece of work in the group, and no other that waits.
    single: usize,
}

/// So much of a tenant's work is in a group before the group ends for the sake of another tenant.
const SHARE: usize = 4;

/// A tenant's work.
struct Work<T> {
    waiting: VecDeque<T>,
    /// How much of it is in the group.
    taken: usize,
}

impl<T> Turns<T> {
    pub(super) fn new() -> Self {
        Self { by_tenant: HashMap::new(), order: VecDeque::new(), left_out: 0, single: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn push(&mut self, tenant: Arc<str>, work: T) {
        let has = self
            .by_tenant
            .entry(Arc::clone(&tenant))
            .or_insert_with(|| Work { waiting: VecDeque::new(), taken: 0 });
        if has.waiting.is_empty() {
            self.order.push_back(tenant);
            if has.taken < SHARE {
                self.left_out += 1;
            }
            if has.taken == 1 {
                self.single -= 1;
            }
        }
        has.waiting.push_back(work);
    }

    /// The next piece of work, and how many its tenant has in the group with it.
    pub(super) fn pop(&mut self) -> Option<(usize, T)> {
        let tenant = self.order.pop_front()?;
        let has = self.by_tenant.get_mut(&tenant)?;
        let work = has.waiting.pop_front()?;
        has.taken += 1;
        let taken = has.taken;
        if has.waiting.is_empty() {
            if has.taken <= SHARE {
                self.left_out -= 1;
            }
            if has.taken == 1 {
                self.single += 1;
            }
        } else {
            if has.taken == SHARE {
                self.left_out -= 1;
            }
            self.order.push_back(tenant);
        }
        Some((taken, work))
    }

    /// Whether a tenant has one piece of work in the group and no other, and would wait for others' work if the group went on; and each
    /// of those who have work has a share in the group.
    pub(super) fn is_somebody_served(&self) -> bool {
        self.single > 0 && self.left_out == 0
    }

    /// What is taken from now on is another group.
    pub(super) fn end_group(&mut self) {
        self.by_tenant.retain(|_, has| {
            has.taken = 0;
            !has.waiting.is_empty()
        });
        (self.left_out, self.single) = (self.order.len(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one piece of work, and says whether the group may end with it.
    fn take(turns: &mut Turns<i32>) -> (Option<(usize, i32)>, bool) {
        (turns.pop(), turns.is_somebody_served())
    }

    #[test]
    fn tenants_take_turns_and_each_ones_work_stays_in_order() {
        let mut turns = Turns::new();
        for (tenant, work) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)] {
            turns.push(tenant.into(), work);
        }
        let first: Vec<_> = std::iter::from_fn(|| turns.pop()).take(3).collect();
        assert_eq!(first, [(1, 1), (1, 4), (1, 5)]);
        turns.push("c".into(), 7);
        let rest: Vec<_> = std::iter::from_fn(|| turns.pop()).collect();
        assert_eq!(rest, [(2, 2), (2, 6), (2, 7), (3, 3)]);
        turns.end_group();
        assert!(turns.is_empty() && turns.by_tenant.is_empty());
    }

    #[test]
    fn a_group_may_end_for_the_sake_of_who_has_one_piece_of_work_when_the_others_have_their_share() {
        let mut turns = Turns::new();
        for work in 1..=SHARE + 1 {
            turns.push("a".into(), i32::try_from(work).unwrap());
        }
        turns.push("b".into(), 10);
        assert_eq!(take(&mut turns), (Some((1, 1)), false));
        assert_eq!(take(&mut turns), (Some((1, 10)), false));
        assert_eq!(take(&mut turns), (Some((2, 2)), false));
        assert_eq!(take(&mut turns), (Some((3, 3)), false));
        assert_eq!(take(&mut turns), (Some((4, 4)), true));
        // Who has come since is not left out.
        turns.push("c".into(), 20);
        assert!(!turns.is_somebody_served());
        assert_eq!(take(&mut turns), (Some((5, 5)), false));
        assert_eq!(take(&mut turns), (Some((1, 20)), true));
        turns.end_group();
        assert!(!turns.is_somebody_served() && turns.is_empty());
    }

    #[test]
    fn a_group_does_not_end_for_the_sake_of_who_has_more() {
        let mut turns = Turns::new();
        for (tenant, work) in [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("a", 5), ("b", 6), ("b", 7)] {
            turns.push(tenant.into(), work);
        }
        let all: Vec<_> = std::iter::from_fn(|| Some(take(&mut turns))).take(7).collect();
        assert!(all.iter().all(|(work, may_end)| work.is_some() && !may_end), "{all:?}");
        assert!(turns.is_empty());
        turns.end_group();
        turns.push("b".into(), 8);
        assert_eq!(take(&mut turns), (Some((1, 8)), true));
        turns.push("b".into(), 9);
        assert!(!turns.is_somebody_served());
    }
}
