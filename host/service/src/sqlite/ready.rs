//! [`Ready`]: who has executions to claim.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::execution::{Execution, Id};

/// How many bytes are held at most, of all tenants together.
const BYTES: usize = 1024 * 1024;

/// The tenants that have executions to claim, or may have.
///
/// What was accepted for a tenant that had nothing to claim is held here as well: it is claimed without looking into the file. As soon as there is
/// something else to claim, or too much is held, what the tenant has is found in the file.
#[derive(Default)]
pub(super) struct Ready {
    by_tenant: BTreeMap<Arc<str>, Found>,
    bytes: usize,
}

/// Where a tenant's executions that are ready and not claimed are found.
enum Found {
    /// These are all, in the order in which they were accepted, each with its row's number.
    Here(VecDeque<(i64, Execution)>),
    InFile,
}

impl Ready {
    pub(super) fn tenants(&self) -> Vec<Arc<str>> {
        self.by_tenant.keys().cloned().collect()
    }

    /// An execution is accepted, and ready.
    pub(super) fn accepted(&mut self, seq: i64, execution: Execution) {
        let tenant = Arc::clone(&execution.tenant);
        let bytes = bytes(&execution);
        if self.bytes.saturating_add(bytes) > BYTES {
            return self.in_file(tenant);
        }
        let found = self.by_tenant.entry(tenant).or_insert_with(|| Found::Here(VecDeque::new()));
        if let Found::Here(executions) = found {
            executions.push_back((seq, execution));
            self.bytes += bytes;
        }
    }

    /// The tenant has, or may have, something to claim that is found in the file.
    pub(super) fn in_file(&mut self, tenant: Arc<str>) {
        let before = self.by_tenant.insert(tenant, Found::InFile);
        self.let_go(before);
    }

    /// Up to `most` of those that are all the tenant has; nothing, if it may have others in the file.
    pub(super) fn take(&mut self, tenant: &str, most: usize) -> Option<Vec<(i64, Execution)>> {
        let Some(found) = self.by_tenant.get_mut(tenant) else { return Some(Vec::new()) };
        let Found::Here(executions) = found else { return None };
        let taken: Vec<_> = executions.drain(..most.min(executions.len())).collect();
        if executions.is_empty() {
            self.by_tenant.remove(tenant);
        }
        self.bytes -= taken.iter().map(|(_, execution)| bytes(execution)).sum::<usize>();
        Some(taken)
    }

    /// The execution is no longer to be claimed.
    pub(super) fn remove(&mut self, id: Id) {
        for found in self.by_tenant.values_mut() {
            if let Found::Here(executions) = found
                && let Some(place) = executions.iter().position(|(_, execution)| execution.id == id)
                && let Some((_, execution)) = executions.remove(place)
            {
                self.bytes -= bytes(&execution);
            }
        }
    }

    /// What the tenant has is about to be looked for in the file.
    pub(super) fn forget(&mut self, tenant: &str) {
        let before = self.by_tenant.remove(tenant);
        self.let_go(before);
    }

    fn let_go(&mut self, before: Option<Found>) {
        if let Some(Found::Here(executions)) = before {
            self.bytes -= executions.iter().map(|(_, execution)| bytes(execution)).sum::<usize>();
        }
    }
}

/// What an execution takes, or a little more.
fn bytes(execution: &Execution) -> usize {
    let request = execution.request.as_ref().map_or(0, |request| request.as_str().len());
    let texts = [&execution.topic, &execution.options.ordering_key];
    let texts: usize = texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum();
    size_of::<(i64, Execution)>() + request + texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Request, Timestamp};

    fn execution(tenant: &str, content: usize) -> Execution {
        let request = format!(r#"{{"content": "{}"}}"#, "x".repeat(content));
        let request = Request::parse(request).unwrap();
        Execution::new(tenant.into(), request, Options::default(), Timestamp::now())
    }

    fn numbers(taken: Option<Vec<(i64, Execution)>>) -> Option<Vec<i64>> {
        taken.map(|taken| taken.into_iter().map(|(seq, _)| seq).collect())
    }

    #[test]
    fn what_was_accepted_is_taken_in_its_order() {
        let mut ready = Ready::default();
        let executions =
            [(1, "a"), (2, "b"), (3, "a"), (4, "a")].map(|(seq, tenant)| (seq, execution(tenant, 1)));
        let third = executions[2].1.id;
        for (seq, execution) in executions {
            ready.accepted(seq, execution);
        }
        assert_eq!(ready.tenants(), ["a".into(), "b".into()]);
        assert_eq!(numbers(ready.take("a", 1)), Some(vec![1]));
        ready.remove(third);
        assert_eq!(numbers(ready.take("a", 9)), Some(vec![4]));
        assert_eq!(ready.tenants(), ["b".into()]);
        assert_eq!(numbers(ready.take("a", 9)), Some(vec![]));
        assert_eq!(numbers(ready.take("b", 9)), Some(vec![2]));
        assert_eq!((ready.tenants(), ready.bytes), (vec![], 0));
    }

    #[test]
    fn it_is_looked_for_in_the_file_when_something_else_is_there() {
        let mut ready = Ready::default();
        ready.accepted(1, execution("a", 1));
        ready.in_file("a".into());
        ready.accepted(2, execution("a", 1));
        assert_eq!((numbers(ready.take("a", 9)), ready.bytes), (None, 0));
        ready.forget("a");
        assert_eq!(ready.tenants(), []);
        ready.accepted(3, execution("a", 1));
        assert_eq!(numbers(ready.take("a", 9)), Some(vec![3]));
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let mut ready = Ready::default();
        ready.accepted(1, execution("a", BYTES / 2));
        ready.accepted(2, execution("b", BYTES / 2));
        assert_eq!(numbers(ready.take("b", 9)), None);
        assert_eq!(numbers(ready.take("a", 9)), Some(vec![1]));
        assert_eq!(ready.bytes, 0);
    }
}
