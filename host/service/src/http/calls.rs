//! [`Calls`]: what the calls of each tenant take, within limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::problem::Problem;

/// What the calls of each tenant take at this time: one tenant's do not keep the others' out.
pub(super) struct Calls {
    most: usize,
    most_bytes: usize,
    by_tenant: ByTenant,
}

type ByTenant = Arc<Mutex<HashMap<Arc<str>, Taken>>>;

/// What the calls of a tenant take.
#[derive(Default)]
struct Taken {
    calls: usize,
    /// Of their bodies.
    bytes: usize,
}

/// A call, for as long as it is there.
pub(super) struct Call {
    tenant: Arc<str>,
    bytes: usize,
    most_bytes: usize,
    by_tenant: ByTenant,
}

impl Calls {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, by_tenant: Arc::default() }
    }

    pub(super) fn begin(&self, tenant: Arc<str>) -> Result<Call, Problem> {
        let most_bytes = self.most_bytes;
        let mut by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = by_tenant.entry(Arc::clone(&tenant)).or_default();
        if taken.calls >= self.most {
            let most = self.most;
            return Err(Problem::too_many(format_args!(
                "{most} calls of the tenant are under way, which are the most"
            )));
        }
        taken.calls += 1;
        Ok(Call { tenant, bytes: 0, most_bytes, by_tenant: Arc::clone(&self.by_tenant) })
    }
}

impl Call {
    /// Whether more of its body may be kept.
    pub(super) fn has_room(&self) -> bool {
        let by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        by_tenant.get(&self.tenant).is_none_or(|taken| taken.bytes < self.most_bytes)
    }

    /// So many more bytes of its body are kept, which have come where there was room.
    pub(super) fn add(&mut self, bytes: usize) {
        let mut by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        by_tenant.entry(Arc::clone(&self.tenant)).or_default().bytes += bytes;
        self.bytes += bytes;
    }

    /// So many bytes of its body are kept no longer.
    pub(super) fn let_go(&mut self, bytes: usize) {
        let mut by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = by_tenant.get_mut(&self.tenant) {
            taken.bytes -= bytes;
        }
        self.bytes -= bytes;
    }

    /// So many bytes of its body are kept, until it has ended.
    pub(super) fn keep(&mut self, bytes: usize) -> Result<(), Problem> {
        let most = self.most_bytes;
        let mut by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = by_tenant.entry(Arc::clone(&self.tenant)).or_default();
        if bytes > most.saturating_sub(taken.bytes) {
            return Err(Problem::too_many(format_args!(
                "the bodies of the tenant's calls that are under way would have more than {most} bytes, which are the most"
            )));
        }
        taken.bytes += bytes;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = by_tenant.get_mut(&self.tenant) {
            taken.calls -= 1;
            taken.bytes -= self.bytes;
            if taken.calls == 0 {
                by_tenant.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_so_many_calls_and_leaves_the_others_theirs() {
        let calls = Calls::new(2, 1000);
        let both = [calls.begin("a".into()).unwrap(), calls.begin("a".into()).unwrap()];
        assert!(calls.begin("a".into()).is_err());
        let other = calls.begin("b".into()).unwrap();
        drop(both);
        let _again = calls.begin("a".into()).unwrap();
        drop(other);
        assert_eq!(calls.by_tenant.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_tenants_bodies_take_so_much_and_leave_the_others_theirs() {
        let calls = Calls::new(10, 1000);
        let [mut one, mut two] = [(); 2].map(|()| calls.begin("a".into()).unwrap());
        one.keep(600).unwrap();
        two.keep(400).unwrap();
        assert!(two.keep(1).is_err());
        calls.begin("b".into()).unwrap().keep(1000).unwrap();
        drop(one);
        two.keep(600).unwrap();
        assert!(calls.begin("a".into()).unwrap().keep(1).is_err());
    }
}
