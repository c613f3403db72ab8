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

/// The most executions of a tenant that are claimed at a time, so that nobody waits long while another tenant's are looked for.
const AT_A_TIME: usize = 16;

/// To look at so many tenants that have executions to claim takes a while: it is done once in a [`PAUSE`] then.
const MANY: usize = 128;

/// See [`MANY`].
const PAUSE: Duration = Duration::from_millis(1);

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
    claims: JoinSet<Claimed>,
    /// The tenants whose executions are being claimed, and whether there was more to claim meanwhile.
    claiming: HashMap<Arc<str>, bool>,
}

/// What the store gave for a turn of a tenant.
struct Claimed {
    tenant: Arc<str>,
    /// How many were asked for; they are under way until it is known how many there are.
    asked: usize,
    executions: Result<Vec<Execution>, StoreError>,
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
        let room = free.saturating_sub(has).div_ceil(2).min(limit.saturating_sub(has));
        // To claim costs less for several at a time, and of many that are under way some end soon.
        if room < has / 16 { 0 } else { room }
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
        Self {
            worker,
            concurrency,
            tasks,
            under_way: UnderWay::default(),
            last: None,
            claims: JoinSet::new(),
            claiming: HashMap::new(),
        }
    }

    /// Begins executions until nothing more is to begin.
    pub(crate) async fn run(mut self) {
        let (tell, mut ended) = mpsc::unbounded_channel::<Arc<str>>();
        let (store, draining) = (Arc::clone(&self.worker.store), self.worker.draining.clone());
        let mut next = Instant::now();
        let mut may_begin = true;
        while !draining.is_cancelled() {
            if next <= Instant::now() {
                next = Instant::now() + self.tidy().await;
            }
            if may_begin && self.give_turns() >= MANY {
                tokio::time::sleep(PAUSE).await;
            }
            may_begin = true;
            tokio::select! {
                () = draining.cancelled() => break,
                Some(tenant) = ended.recv() => {
                    self.under_way.end(&tenant, 1);
                    while let Ok(tenant) = ended.try_recv() {
                        self.under_way.end(&tenant, 1);
                    }
                }
                Some(Ok(claimed)) = self.claims.join_next() => {
                    let mut begun = self.begin_claimed(claimed, &tell);
                    while let Some(Ok(claimed)) = self.claims.try_join_next() {
                        let other = self.begin_claimed(claimed, &tell);
                        begun = begun.and_then(|is_more| Ok(is_more | other?));
                    }
                    match begun {
                        Ok(is_more) => may_begin = is_more,
                        Err(error) => {
                            self.worker.complain(None, &error, "no execution can be claimed");
                            tokio::select! {
                                () = draining.cancelled() => break,
                                () = tokio::time::sleep(TIDY) => {}
                            }
                        }
                    }
                }
                () = store.changed() => {}
                () = sleep_until(next) => {}
            }
        }
        while let Some(claimed) = self.claims.join_next().await {
            let executions = claimed.map(|claimed| claimed.executions.unwrap_or_default());
            executions.unwrap_or_default().iter().for_each(|execution| store.release(execution.id));
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
                self.worker.complain(None, &error, "the store of executions cannot be tidied");
                TIDY
            }
        }
    }

    /// Claims what may begin, of each tenant as much as it has room for; each time another tenant is the first. None waits for what
    /// another one claims. Answers how many tenants there were.
    fn give_turns(&mut self) -> usize {
        let mut tenants = self.worker.store.tenants();
        if let Some(last) = &self.last {
            let after = tenants.partition_point(|tenant| tenant <= last);
            tenants.rotate_left(after);
        }
        self.last = tenants.first().cloned();
        let count = tenants.len();
        for tenant in tenants {
            if let Some(is_again) = self.claiming.get_mut(&tenant) {
                *is_again = true;
                continue;
            }
            let known = self.worker.connector.tenants().get(&tenant);
            // The executions of a tenant that is gone are answered at once.
            let limit = known
                .map_or(1, |known| usize::try_from(known.limits().concurrent_sends).unwrap_or(usize::MAX));
            let asked = self.under_way.room(&tenant, limit, self.concurrency).min(AT_A_TIME);
            if asked > 0 {
                self.under_way.begin(&tenant, asked);
                self.claiming.insert(Arc::clone(&tenant), false);
                let store = Arc::clone(&self.worker.store);
                self.claims.spawn(async move {
                    let executions = store.claim(&tenant, asked).await;
                    Claimed { tenant, asked, executions }
                });
            }
        }
        count
    }

    /// Begins what was claimed. Answers whether the tenant may have more.
    fn begin_claimed(
        &mut self,
        claimed: Claimed,
        tell: &mpsc::UnboundedSender<Arc<str>>,
    ) -> Result<bool, StoreError> {
        let Claimed { tenant, asked, executions } = claimed;
        let is_again = self.claiming.remove(&tenant).unwrap_or_default();
        let count = executions.as_ref().map_or(0, Vec::len);
        self.under_way.end(&tenant, asked - count);
        for execution in executions? {
            self.begin(execution, tell.clone());
        }
        Ok(is_again || count == asked)
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
        // A few more at a time.
        under_way.end("a", 6);
        assert_eq!(under_way.room("a", 1000, 256), 0);
        under_way.end("a", 1);
        assert_eq!(under_way.room("a", 1000, 256), 7);
        under_way.begin(&a, 7);
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
