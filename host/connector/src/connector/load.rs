//! From bytes to a component that is compiled, linked and ready to be instantiated.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use mqtt_connector_contract::shown::Shown;

use super::Connector;
use super::budget::{MEMORIES, TABLES};
use super::built_in;
use super::call::State;
use super::clock::Clock;
#[cfg(feature = "compiler")]
use super::compile;
use super::engines::{Engines, Images, Linked, Pool, config_for_loading, with_places};
use super::kept::{self, Kept};
use super::load_error::{LoadError, REASON};
use super::step_state::StepState;
use super::steps::Lines;
use crate::bindings::ExportsPre;
use crate::bindings::in_steps::StepsPre;
use crate::publisher::{self, Publisher, Resolver, Shortage, Tenants};

/// What a connector runs.
enum Source {
    BuiltIn,
    #[cfg(feature = "compiler")]
    Wasm(Vec<u8>),
    Precompiled(Vec<u8>),
}

/// Builds a [`Connector`].
pub struct ConnectorBuilder {
    source: Source,
    publisher: Option<Publisher>,
    resolver: Option<Arc<dyn Resolver>>,
    idle: Duration,
    tenants: Arc<Tenants>,
    pool: u32,
    is_one_shot: bool,
}

impl ConnectorBuilder {
    pub(super) fn new() -> Self {
        Self {
            source: Source::BuiltIn,
            publisher: None,
            resolver: None,
            idle: Publisher::IDLE,
            tenants: Arc::default(),
            pool: Connector::POOL,
            is_one_shot: false,
        }
    }

    /// Runs another component of the world `flint:mqtt/mqtt-connector` (WebAssembly, binary, 16 MiB at most) instead of
    /// the built-in one. It is compiled when the connector is built (cargo feature `compiler`). It may import `publisher` and, with the cargo
    /// feature `wasi`, WASI 0.2, which is empty: no files, no network, no environment, no arguments; it has clocks and
    /// random numbers, and what it prints goes to the log (level debug).
    ///
    /// Whoever may choose the component is an operator of the platform: what it does when it runs is limited, how long
    /// it takes to compile is not.
    #[cfg(feature = "compiler")]
    #[must_use]
    pub fn component(mut self, wasm: impl Into<Vec<u8>>) -> Self {
        self.source = Source::Wasm(wasm.into());
        self
    }

    /// Runs what [`Connector::precompile`] made, which takes no time to compile.
    ///
    /// # Safety
    ///
    /// `code` is machine code: it must come from `precompile` and from nowhere that somebody else can write. That it
    /// was made by this version of wasmtime, with these settings and for this machine, is checked; what it does is not.
    #[must_use]
    #[expect(unsafe_code, reason = "the caller vouches for native code, which nobody can check")]
    pub unsafe fn precompiled(mut self, code: impl Into<Vec<u8>>) -> Self {
        self.source = Source::Precompiled(code.into());
        self
    }

    /// The tenants that [`Connector::send_as`] knows. Default: nobody, until [`Connector::tenants`] is given some.
    #[must_use]
    pub fn tenants(mut self, tenants: impl Into<Arc<Tenants>>) -> Self {
        self.tenants = tenants.into();
        self
    }

    /// Publishes with `publisher`, for connectors that share their connections: a clone for each. Default: one of its own,
    /// with the [`resolver`](Self::resolver) and the [`idle`](Self::idle) time that are given here, which a publisher that is
    /// given brings itself. [`Connector::close`] and [`Connector::interrupt`] are for all who share it.
    #[must_use]
    pub fn publisher(mut self, publisher: Publisher) -> Self {
        self.publisher = Some(publisher);
        self
    }

    /// Looks broker names up with `resolver`. Default: [`SystemResolver`](publisher::SystemResolver).
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// How long a connection stays open that no message needs. Default: [`Publisher::IDLE`]; 0 closes it at once.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// For a process that sends one message of ordinary size and ends: nothing is kept ready for calls to come, so that it
    /// starts 2 ms earlier.
    ///
    /// The built-in component runs without the clock that would interrupt it. It ends by itself, within the least that
    /// [`Limits::cpu`](crate::Limits::cpu) can be, because longer documents than [`Connector::LARGEST_ONE_SHOT`] are refused
    /// (exit code 77). Until then nothing else has a turn on its thread. For long documents, and for many calls, there is
    /// [`pool(0)`](Self::pool). Another component has its clock, and documents of any length.
    #[must_use]
    pub fn one_shot(mut self) -> Self {
        self.pool = 0;
        self.is_one_shot = true;
        self
    }

    /// For how many instances of the built-in component a place is kept ready. Default: [`Connector::POOL`]. A call beyond
    /// that has a place made for it, which takes some 20 µs longer.
    ///
    /// With 0, and where this user may start no further thread, the built-in component runs without the clock that interrupts it,
    /// as it ends by itself.
    #[must_use]
    pub fn pool(mut self, places: u32) -> Self {
        self.pool = places;
        self.is_one_shot = false;
        self
    }

    /// Compiles and links the component.
    ///
    /// # Errors
    ///
    /// It is too large, is not a component, does not export `connector`, or imports something that it is not given. The
    /// system has no clock for it.
    pub fn build(self) -> Result<Connector, LoadError> {
        let images = Images::of_this_process();
        let component = match &self.source {
            Source::BuiltIn if self.is_one_shot => built_in::load_for_one_shot()?,
            Source::BuiltIn => built_in::load(images)?,
            #[cfg(feature = "compiler")]
            Source::Wasm(wasm) => compile::compile(wasm, images)?,
            Source::Precompiled(code) => deserialize(code)?,
        };
        if let Some(needs) = component.resources_required()
            && (needs.num_memories as usize > MEMORIES || needs.num_tables as usize > TABLES)
        {
            let (memories, tables) = (needs.num_memories, needs.num_tables);
            let reason = format!(
                "it has {memories} memories and {tables} tables; {MEMORIES} and {TABLES} are the most"
            );
            return Err(LoadError::Refused { reason });
        }
        let is_built_in = matches!(self.source, Source::BuiltIn);
        let on_demand = if is_built_in {
            link_built_in(&component)?
        } else {
            Linked { exports: link(&component)?, steps: None }
        };
        // What another component needs is not known well enough to make places for it.
        let mut lack_places = false;
        let pool = if is_built_in && self.pool > 0 && images == Images::InFiles {
            match pool(&component, self.pool) {
                // Places that are kept ready need much more of it than those that are made for a call.
                Err(LoadError::Shortage(shortage)) => {
                    tracing::warn!(%shortage, "no places for instances are kept ready");
                    lack_places = true;
                    None
                }
                pool => Some(pool?),
            }
        } else {
            None
        };
        let engines = Engines { pool, on_demand, lack_places };
        let kept = engines.pool.is_some().then(|| Arc::new(Kept::new(kept::ROOM, kept::IDLE)));
        let is_without_clock = is_built_in && self.is_one_shot;
        let longest = if is_without_clock { Connector::LARGEST_ONE_SHOT } else { usize::MAX };
        let clock = if is_without_clock {
            None
        } else {
            let swept = kept.clone();
            let sweep = move || swept.as_ref().is_some_and(|kept| kept.sweep());
            let clock = Clock::of(engines.all(), kept::IDLE, sweep);
            match clock.map_err(|error| Shortage::of_thread(&error)) {
                Ok(clock) => Some(clock),
                Err(shortage @ Shortage::Threads) if is_built_in && self.pool == 0 => {
                    tracing::warn!(%shortage, "the component is not interrupted while it computes");
                    None
                }
                Err(shortage) => return Err(LoadError::Shortage(shortage)),
            }
        };
        let of_its_own = || self.resolver.map(Publisher::new).unwrap_or_default().with_idle(self.idle);
        let publisher = self.publisher.unwrap_or_else(of_its_own);
        let lines = Lines::new();
        Ok(Connector { engines, kept, lines, clock, longest, publisher, tenants: self.tenants })
    }
}

/// Places for instances of the built-in component that are kept ready.
fn pool(component: &Component, places: u32) -> Result<Pool, LoadError> {
    let engine = Engine::new(&with_places(component, places))?;
    Ok(Pool::new(link_built_in(&built_in::load_into(&engine, Images::InFiles)?)?, places))
}

/// Links the built-in component with what it may import, and with nothing for the steps, which call nobody.
fn link_built_in(component: &Component) -> Result<Linked, LoadError> {
    let mut linker = Linker::<StepState>::new(component.engine());
    linker.define_unknown_imports_as_traps(component)?;
    let steps = linker.instantiate_pre(component).and_then(StepsPre::new)?;
    Ok(Linked { exports: link(component)?, steps: Some(steps) })
}

/// Links a component with what it may import.
fn link(component: &Component) -> Result<ExportsPre<State>, LoadError> {
    let mut linker = Linker::<State>::new(component.engine());
    #[cfg(feature = "wasi")]
    if imports(component).any(|name| name.starts_with("wasi:")) {
        super::wasi::add_to_linker(&mut linker)?;
    }
    publisher::add_to_linker(&mut linker)?;
    let linked = linker.instantiate_pre(component).and_then(ExportsPre::new);
    linked.map_err(|error| unlinkable(component, error))
}

/// The names of what `component` imports.
fn imports(component: &Component) -> impl Iterator<Item = String> {
    let names: Vec<_> =
        component.component_type().imports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    names.into_iter()
}

/// Why a component cannot be linked: the imports that nobody has, all of them; or else what the engine says, which is
/// an import of another type or an export that is not there.
fn unlinkable(component: &Component, error: wasmtime::Error) -> LoadError {
    let mut names: Vec<_> = imports(component)
        .filter(|name| !is_provided(name))
        .map(|name| Shown::plain(&name, REASON).to_string())
        .collect();
    if names.is_empty() {
        return error.into();
    }
    names.sort();
    LoadError::Imports { names }
}

/// Whether there is an interface of that name, in some version that is compatible.
fn is_provided(import: &str) -> bool {
    #[cfg(feature = "wasi")]
    if super::wasi::provides(import) {
        return true;
    }
    import.starts_with("flint:mqtt/publisher@0.2.")
}

/// Loads what [`Connector::precompile`] made, with or without images.
fn deserialize(code: &[u8]) -> wasmtime::Result<Component> {
    #[expect(unsafe_code, reason = "machine code is loaded")]
    let load = |images| {
        let engine = Engine::new(&config_for_loading(images))?;
        // SAFETY: the caller of `ConnectorBuilder::precompiled` vouches for the code.
        unsafe { Component::deserialize(&engine, code) }
    };
    load(Images::InFiles).or_else(|error| load(Images::None).map_err(|_| error))
}
