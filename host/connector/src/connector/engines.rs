//! Where instances come from: a pool of places that are kept ready, and an engine that makes a new place for every call
//! beyond that.
//!
//! A place of the pool has its memory mapped already, and what the last instance has written is put back without the
//! kernel: an instance from there takes about half the time. The pool is no limit: a call that finds it full has its
//! place made for it, so that one tenant's calls that wait for a broker do not keep out another's.

use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::Connector;
use super::call::State;
use super::config::config;
use super::kept::Kept;
use super::step_state::StepState;
use crate::bindings::ExportsPre;
use crate::bindings::in_steps::StepsPre;

/// Bytes of a place's memory that are put back without the kernel, used or not: what an ordinary send uses. The kernel puts back what a
/// batch uses besides.
const KEPT_MEMORY: usize = 256 * 1024;
/// Bytes of a place's stack that are put back likewise.
const KEPT_STACK: usize = 32 * 1024;
/// Core instances that a component has, at most: its own, and what adapts it to the contract.
const CORE_INSTANCES: u32 = 10;

/// The engines of a connector.
pub(super) struct Engines {
    pub(super) pool: Option<Pool>,
    pub(super) on_demand: Linked,
    /// There was no memory for the pool that there was to be.
    pub(super) lack_places: bool,
}

/// A component that is linked with what it may import.
pub(super) struct Linked {
    pub(super) exports: ExportsPre<State>,
    /// Linked with nothing, for what calls nobody. `None` of a component that is not the built-in one.
    pub(super) steps: Option<StepsPre<StepState>>,
}

/// A component that is linked in an engine with so many places.
pub(super) struct Pool {
    component: Linked,
    places: Arc<Semaphore>,
}

/// The component for one call, and its place in the pool, if it has one. To be held for as long as its instance lives.
pub(super) type Taken<'a, T> = (&'a T, Option<OwnedSemaphorePermit>);

impl Engines {
    /// The component for one call. Of those that are kept and have nothing to do, one gives up its place where there is no other.
    pub(super) fn take(&self, kept: Option<&Kept>) -> Taken<'_, ExportsPre<State>> {
        let (mut component, mut place) = self.take_linked();
        if self.pool.is_some() && place.is_none() && kept.is_some_and(Kept::give_place_up) {
            (component, place) = self.take_linked();
        }
        (&component.exports, place)
    }

    /// The same, to be called in steps; `None` of a component that does not offer them.
    pub(super) fn take_steps(&self) -> Option<Taken<'_, StepsPre<StepState>>> {
        let (component, place) = self.take_linked();
        Some((component.steps.as_ref()?, place))
    }

    /// Whether the component is called in steps.
    pub(super) fn offer_steps(&self) -> bool {
        self.on_demand.steps.is_some()
    }

    fn take_linked(&self) -> Taken<'_, Linked> {
        let in_pool = || {
            let pool = self.pool.as_ref()?;
            Some((&pool.component, Some(Arc::clone(&pool.places).try_acquire_owned().ok()?)))
        };
        in_pool().unwrap_or((&self.on_demand, None))
    }

    /// Every engine.
    pub(super) fn all(&self) -> Vec<Engine> {
        let pool = self.pool.as_ref().map(|pool| &pool.component);
        let engine = |component: &Linked| component.exports.engine().clone();
        pool.into_iter().chain([&self.on_demand]).map(engine).collect()
    }
}

impl Pool {
    pub(super) fn new(component: Linked, places: u32) -> Self {
        Self { component, places: Arc::new(Semaphore::new(places as usize)) }
    }
}

/// Where the engine keeps what the memory of an instance begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Images {
    /// In a file that only the memory holds: an instance maps it, and copies the pages that it writes to.
    InFiles,
    /// Nowhere: it is copied into each instance. That needs no file.
    None,
}

impl Images {
    /// What this process may have: a limit on the size of the files that it writes (`ulimit -f`) is for files in memory too.
    pub(super) fn of_this_process() -> Self {
        let is_limited = |limit| limit < Connector::LARGEST as u64;
        if getrlimit(Resource::Fsize).current.is_some_and(is_limited) { Self::None } else { Self::InFiles }
    }
}

/// The configuration of an engine that loads machine code. It makes no compiler ready, which takes longer than a send.
pub(super) fn config_for_loading(images: Images) -> Config {
    let mut config = config();
    config.memory_init_cow(images == Images::InFiles);
    #[cfg(feature = "compiler")]
    config.enable_compiler(false);
    config
}

/// The configuration of an engine for one call of ordinary size. The component is not interrupted, which makes its machine code
/// a fifth smaller and needs no thread for a clock. What its memory begins with is copied: a file in memory is of use to
/// further instances.
pub(super) fn config_for_one_shot() -> Config {
    let mut config = config_for_loading(Images::None);
    config.epoch_interruption(false);
    config
}

/// The configuration of an engine with `places` for instances of `component`.
pub(super) fn with_places(component: &Component, places: u32) -> Config {
    let needs = component.resources_required();
    let (memories, tables) = needs.map_or((1, 1), |needs| (needs.num_memories, needs.num_tables));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(places)
        .total_core_instances(places.saturating_mul(CORE_INSTANCES))
        .total_memories(places.saturating_mul(memories.max(1)))
        .total_tables(places.saturating_mul(tables.max(1)))
        .total_stacks(places)
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_MEMORY)
        .async_stack_keep_resident(KEPT_STACK);
    // `pagemap_scan` stays off: what wasmtime 48 asks the kernel leaves pages out that are swapped out or moved at that moment, and the
    // next instance, which may be another tenant's, would find what is in them.
    let mut config = config_for_loading(Images::InFiles);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
