//! [`Dispatcher`]: whose turn it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::Timestamp;
use crate::carry_out::Worker;
use crate::error::StoreError;
use crate::execution::Execution;

/// How often the store is tidied at least.
const TIDY: Duration = Duration::from_secs(1);

/// Begins executions, tenant by tenant.
///
/// A tenant has no more under way than are free: one that is alone has half of all, and whoever comes finds some. So no tenant waits for
/// another one's executions to end, be there ever so many of them or be its broker ever so slow.
pub(crate) struct Dispatcher {
    worker: Worker,
    concurrency: usize,
    tasks: TaskTracker,
    under_way: UnderWay,
    /// The tenant that had the first turn last time.
    last: Option<Arc<str>>,
}

/// How many executions are under way.
#[derive(Default)]
struct UnderWay {
    all: usize,
    by_tenant: HashMap<Arc<str>, usize>,
}

impl UnderWay {
    /// How many more a tenant may begin, of which `limit` may be under way, when there are `concurrency` in all.
    fn room(&self, tenant: &str, limit: usize, concurrency: usize) -> usize {
        let has = self.by_tenant.get(tenant).copied().unwrap_or_default();
        let free = concurrency.saturating_sub(self.all);
        // As many as leave as many free as it has then.
        free.saturating_sub(has).div_ceil(2).min(limit.saturating_sub(has))
    }

    fn begin(&mut self, tenant: &Arc<str>, executions: usize) {
        if executions > 0 {
            self.all += executions;
            *self.by_tenant.entry(Arc::clone(tenant)).or_default() += executions;
        }
    }

    fn end(&mut self, tenant: &str, executions: usize) {
        self.all = self.all.saturating_sub(executions);
        if let Some(has) = self.by_tenant.get_mut(tenant) {
            *has = has.saturating_sub(executions);
            if *has == 0 {
                self.by_tenant.remove(tenant);
            }
        }
    }
}

/// Says that an execution is no longer under way, also when it panicked.
struct Ended {
    tenant: Arc<str>,
    tell: mpsc::UnboundedSender<Arc<str>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Nobody counts any more when the dispatcher is gone.
        let _ = self.tell.send(Arc::clone(&self.tenant));
    }
}

impl Dispatcher {
    pub(crate) fn new(worker: Worker, concurrency: usize, tasks: TaskTracker) -> Self {
        Self { worker, concurrency, tasks, under_way: UnderWay::default(), last: None }
    }

    /// Begins executions until nothing more is to begin.
    pub(crate) async fn run(mut self) {
        let (tell, mut ended) = mpsc::unbounded_channel();
        let (store, draining) = (Arc::clone(&self.worker.store), self.worker.draining.clone());
        let mut next = Instant::now();
        while !draining.is_cancelled() {
            if next <= Instant::now() {
                next = Instant::now() + self.tidy().await;
            }
            if let Err(error) = self.give_turns(&tell).await {
                tracing::error!(%error, "no execution can be claimed");
                tokio::select! {
                    () = draining.cancelled() => break,
                    () = tokio::time::sleep(TIDY) => continue,
                }
            }
            tokio::select! {
                () = draining.cancelled() => break,
                Some(tenant) = ended.recv() => {
                    self.under_way.end(&tenant, 1);
                    while let Ok(tenant) = ended.try_recv() {
                        self.under_way.end(&tenant, 1);
                    }
                }
                () = store.changed() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Has the store do what is due, and says when it is to be asked again.
    async fn tidy(&self) -> Duration {
        let now = Timestamp::now();
        match self.worker.store.tidy(now).await {
            Ok(None) => TIDY,
            Ok(Some(next)) => {
                let milliseconds = next.milliseconds().saturating_sub(now.milliseconds());
                Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default()).min(TIDY)
            }
            Err(error) => {
                tracing::error!(%error, "the store of executions cannot be tidied");
                TIDY
            }
        }
    }

    /// Begins what may begin, of each tenant as much as it has room for; each time another tenant is the first.
    async fn give_turns(&mut self, tell: &mpsc::UnboundedSender<Arc<str>>) -> Result<(), StoreError> {
        let mut tenants = self.worker.store.tenants();
        if let Some(last) = &self.last {
            let after = tenants.partition_point(|tenant| tenant <= last);
            tenants.rotate_left(after);
        }
        self.last = tenants.first().cloned();
        let mut claims = JoinSet::new();
        for tenant in tenants {
            let known = self.worker.connector.tenants().get(&tenant);
            // The executions of a tenant that is gone are answered at once.
            let limit = known
                .map_or(1, |known| usize::try_from(known.limits().concurrent_sends).unwrap_or(usize::MAX));
            let room = self.under_way.room(&tenant, limit, self.concurrency);
            if room > 0 {
                self.under_way.begin(&tenant, room);
                let store = Arc::clone(&self.worker.store);
                claims.spawn(async move {
                    let claimed = store.claim(&tenant, room).await;
                    (tenant, room, claimed)
                });
            }
        }
        let mut failure = Ok(());
        while let Some(claim) = claims.join_next().await {
            let Ok((tenant, room, claimed)) = claim else { continue };
            let claimed = claimed.unwrap_or_else(|error| {
                failure = Err(error);
                Vec::new()
            });
            self.under_way.end(&tenant, room - claimed.len());
            for execution in claimed {
                self.begin(execution, tell.clone());
            }
        }
        failure
    }

    fn begin(&self, execution: Execution, tell: mpsc::UnboundedSender<Arc<str>>) {
        let ended = Ended { tenant: Arc::clone(&execution.tenant), tell };
        // Not in the task, as nobody knows which of them runs first.
        let (worker, began) = (self.worker.clone(), Timestamp::now());
        self.tasks.spawn(async move {
            worker.carry_out(execution, began).await;
            drop(ended);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_no_more_under_way_than_are_free() {
        let mut under_way = UnderWay::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        assert_eq!(under_way.room("a", 1000, 256), 128);
        under_way.begin(&a, 128);
        assert_eq!((under_way.room("a", 1000, 256), under_way.room("b", 1000, 256)), (0, 64));
        under_way.begin(&b, 64);
        assert_eq!((under_way.room("b", 1000, 256), under_way.room("c", 1000, 256)), (0, 32));
        under_way.end("a", 100);
        assert_eq!(under_way.room("a", 30, 256), 2);
        under_way.end("a", 28);
        under_way.end("b", 64);
        assert!(under_way.by_tenant.is_empty());
        assert_eq!(under_way.room("a", 1, 2), 1);
    }
}
