//! How much of a tenant is on its way to NATS at a time, while others have something as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// So many changes of one tenant's executions are on their way from a node. With more, another tenant's wait behind them; with fewer, NATS waits.
const SHARE: usize = 8;

/// For so long a tenant counts among those that have something.
const RECENT: Duration = Duration::from_secs(10);

/// A tenant's places for what is on its way.
#[derive(Clone)]
pub(super) struct Share(pub(super) Arc<Semaphore>);

impl Default for Share {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SHARE)))
    }
}

/// The two tenants that something was heard of last, the last one first.
#[derive(Default)]
pub(super) struct Recent([Option<(Arc<str>, Instant)>; 2]);

impl Recent {
    pub(super) fn hear(&mut self, tenant: &Arc<str>, now: Instant) {
        let [last, before] = &mut self.0;
        if last.as_ref().is_some_and(|(last, _)| last != tenant) {
            *before = last.take();
        }
        *last = Some((Arc::clone(tenant), now));
    }

    /// Whether a tenant has the cluster for itself.
    pub(super) fn is_alone(&self, tenant: &str, now: Instant) -> bool {
        let mut heard = self.0.iter().flatten();
        !heard.any(|(other, at)| **other != *tenant && now.saturating_duration_since(*at) < RECENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_alone_when_nothing_was_heard_of_others_for_a_while() {
        let (a, b, c): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "c".into());
        let (mut recent, start) = (Recent::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(recent.is_alone("a", start));
        recent.hear(&a, start);
        recent.hear(&a, at(1));
        assert!(recent.is_alone("a", at(1)) && !recent.is_alone("b", at(1)));
        recent.hear(&b, at(2));
        recent.hear(&a, at(3));
        recent.hear(&a, at(4));
        assert!(!recent.is_alone("a", at(11)) && recent.is_alone("a", at(12)));
        recent.hear(&c, at(12));
        recent.hear(&a, at(13));
        assert!(
            !recent.is_alone("a", at(21)) && recent.is_alone("a", at(22)) && !recent.is_alone("c", at(22))
        );
    }
}
