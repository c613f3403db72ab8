//! [`Turns`]: whose work is next.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Work of many tenants, which take turns: however much one has, another one's is next but a few. Of one tenant it stays in order.
pub(super) struct Turns<T> {
    by_tenant: HashMap<Arc<str>, VecDeque<T>>,
    /// The tenants that have work, the next one first.
    order: VecDeque<Arc<str>>,
}

impl<T> Turns<T> {
    pub(super) fn new() -> Self {
        Self { by_tenant: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn push(&mut self, tenant: Arc<str>, work: T) {
        if let Some(waiting) = self.by_tenant.get_mut(&tenant) {
            return waiting.push_back(work);
        }
        self.by_tenant.insert(Arc::clone(&tenant), VecDeque::from([work]));
        self.order.push_back(tenant);
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let tenant = self.order.pop_front()?;
        let waiting = self.by_tenant.get_mut(&tenant)?;
        let work = waiting.pop_front();
        if waiting.is_empty() {
            self.by_tenant.remove(&tenant);
        } else {
            self.order.push_back(tenant);
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns_and_each_ones_work_stays_in_order() {
        let mut turns = Turns::new();
        for (tenant, work) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)] {
            turns.push(tenant.into(), work);
        }
        let first: Vec<_> = std::iter::from_fn(|| turns.pop()).take(3).collect();
        assert_eq!(first, [1, 4, 5]);
        turns.push("c".into(), 7);
        let rest: Vec<_> = std::iter::from_fn(|| turns.pop()).collect();
        assert_eq!(rest, [2, 6, 7, 3]);
        assert!(turns.is_empty() && turns.by_tenant.is_empty());
    }
}
