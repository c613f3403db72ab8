//! [`Instance`]: an instance of the built-in component that is called in steps.

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::{Store, UpdateDeadline};

use super::budget::MemoryBudget;
use super::call::{HANDLES, KEPT_FREE};
use super::engines::Engines;
use super::fault::Fault;
use super::step_state::StepState;
use crate::bindings::in_steps::Steps;
use crate::publisher::{Shortage, Tenant};

/// Ticks of the clock after which a step is given up that has not ended: at least one whole tick.
pub(super) const TICKS: u64 = 2;

/// A step took so long that others have to have their turn.
#[derive(Debug, thiserror::Error)]
#[error("the step takes long")]
pub(super) struct TakesLong;

/// An instance of the built-in component.
pub(super) struct Instance {
    pub(super) store: Store<StepState>,
    pub(super) steps: Steps,
    calls: u32,
    /// Behind the store, which has it until it is dropped.
    place: Option<OwnedSemaphorePermit>,
}

impl Instance {
    /// How often it was called.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    #[cfg(test)]
    pub(super) fn set_calls(&mut self, calls: u32) {
        self.calls = calls;
    }

    /// Whether it has one of the places that are kept ready.
    pub(super) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// Bytes of its memory and tables.
    pub(super) fn memory(&self) -> usize {
        self.store.data().memory.taken()
    }

    /// It is about to be called, with a step that may be given up or has to be made to its end.
    pub(super) fn begin(&mut self, may_be_given_up: bool) {
        self.calls += 1;
        self.store.data_mut().may_be_given_up = may_be_given_up;
        self.store.set_epoch_deadline(TICKS);
    }

    /// A fresh one for `tenant`; [`Fault::Contract`] of a component that does not offer the steps.
    pub(super) fn make(engines: &Engines, tenant: &Tenant) -> wasmtime::Result<Box<Self>> {
        // What comes after is to have memory, too: of all that needs it, only the engine can say that there is none.
        let kept_free = Shortage::reserve(KEPT_FREE).ok_or(Shortage::Memory)?;
        let limits = tenant.limits();
        let Some((steps, place)) = engines.take_steps() else { return Err(Fault::Contract.into()) };
        let memory = MemoryBudget::new(limits.memory);
        let state = StepState { memory, may_be_given_up: false };
        let mut store = Store::new(steps.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.memory);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(TICKS);
        store.epoch_deadline_callback(|store| {
            if store.data().may_be_given_up { Err(TakesLong.into()) } else { Ok(UpdateDeadline::Continue(1)) }
        });
        let steps = steps.instantiate(&mut store)?;
        drop(kept_free);
        Ok(Box::new(Self { store, steps, calls: 0, place }))
    }
}
