//! [`Held`]: what this node has accepted and may carry out itself, so that it need not be read again.

use std::collections::HashMap;
use std::sync::Arc;

use super::record::Record;

/// How many bytes are held at most, of all tenants together.
const BYTES: usize = 8 * 1024 * 1024;

/// Executions that wait, each by its place. Of one tenant no more is held than there is room for then, so that whoever comes finds some; what is not held is read from the
/// stream.
#[derive(Default)]
pub(super) struct Held {
    by_place: HashMap<u64, Holding>,
    /// How many bytes each tenant has.
    by_tenant: HashMap<Arc<str>, usize>,
    bytes: usize,
}

/// An execution as it was written, and how many bytes it takes.
pub(super) struct Holding {
    pub(super) record: Record,
    pub(super) bytes: usize,
}

impl Held {
    /// An execution was accepted, which waits at this place.
    pub(super) fn hold(&mut self, place: u64, holding: Holding) {
        let tenant = &holding.record.execution.tenant;
        let has = self.by_tenant.get(tenant).copied().unwrap_or_default() + holding.bytes;
        if has > BYTES.saturating_sub(self.bytes) {
            return;
        }
        self.by_tenant.insert(Arc::clone(tenant), has);
        self.bytes += holding.bytes;
        self.by_place.insert(place, holding);
    }

    /// It is somebody's now, or has changed: it is held no longer.
    pub(super) fn take(&mut self, place: u64) -> Option<Record> {
        let Holding { record, bytes } = self.by_place.remove(&place)?;
        self.bytes -= bytes;
        if let Some(has) = self.by_tenant.get_mut(&record.execution.tenant) {
            *has -= bytes;
            if *has == 0 {
                self.by_tenant.remove(&record.execution.tenant);
            }
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Execution, Options, Request, Timestamp};

    fn holding(tenant: &str, bytes: usize) -> Holding {
        let request = Request::parse(r#"{"content": "x"}"#).unwrap();
        let execution = Execution::new(tenant.into(), request, Options::default(), Timestamp::now());
        Holding { record: Record { execution, key: None }, bytes }
    }

    #[test]
    fn a_tenant_holds_no_more_than_there_is_room_for_others() {
        let mut held = Held::default();
        held.hold(1, holding("a", BYTES / 2));
        held.hold(2, holding("a", 1));
        held.hold(3, holding("b", BYTES / 4));
        held.hold(4, holding("b", 1));
        assert!(held.take(2).is_none() && held.take(4).is_none());
        assert_eq!(held.take(1).map(|record| record.execution.tenant), Some("a".into()));
        assert!(held.take(1).is_none());
        held.hold(5, holding("b", 1));
        assert!(held.take(3).is_some() && held.take(5).is_some());
        assert_eq!((held.bytes, held.by_tenant.len(), held.by_place.len()), (0, 0, 0));
    }
}
