//! From bytes to a component that is compiled, linked and ready to be instantiated.

use std::io::ErrorKind;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};

use mqtt_connector_contract::shown::Shown;

use super::budget::{MEMORIES, TABLES};
use super::built_in;
use super::call::State;
use super::clock::Clock;
use super::config::config;
use super::engines::{Engines, Pool, with_places, without_compiler};
use super::{COMPONENT, Connector, shortage};
use crate::bindings::ExportsPre;
use crate::publisher::{self, Publisher, Resolver, Shortage, Tenants};

const LARGEST: usize = Connector::LARGEST;

/// The most characters of the engine's reason for refusing a component: names that the component chose may stand in it.
const REASON: usize = 1000;

/// How a WebAssembly file starts, and how it goes on: with its version and kind.
const WASM: &[u8] = b"\0asm";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// What a connector runs.
enum Source {
    BuiltIn,
    Wasm(Vec<u8>),
    Precompiled(Vec<u8>),
}

/// Why a component could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is too large to be compiled.
    #[error("the component cannot be loaded: it has {size} bytes, and {LARGEST} (16 MiB) is the most")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },

    /// It is something else.
    #[error("the component cannot be loaded: it is not a WebAssembly component, but {what}")]
    NotAComponent {
        /// What it is instead.
        what: &'static str,
    },

    /// It wants what no component is given.
    #[error("the component cannot be loaded: it imports what this host does not have: {}", names.join(", "))]
    Imports {
        /// The names of its imports that are not there, sorted.
        names: Vec<String>,
    },

    /// This machine has too little of something.
    #[error("the component cannot be loaded: this machine has {0}")]
    Shortage(Shortage),

    /// The engine refuses it, or does not run on this machine.
    #[error("the component cannot be loaded: {reason}")]
    Refused {
        /// The engine's words, on one line.
        reason: String,
    },
}

impl From<wasmtime::Error> for LoadError {
    fn from(error: wasmtime::Error) -> Self {
        if let Some(shortage) = shortage::of_engine(&error) {
            return Self::Shortage(shortage);
        }
        Self::Refused { reason: Shown::plain(&format!("{error:#}"), REASON).to_string() }
    }
}

/// Builds a [`Connector`].
pub struct ConnectorBuilder {
    source: Source,
    publisher: Option<Publisher>,
    resolver: Option<Arc<dyn Resolver>>,
    idle: Duration,
    tenants: Arc<Tenants>,
    pool: u32,
    timer: bool,
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
            timer: false,
        }
    }

    /// Runs another component of the world `flint:mqtt/mqtt-connector` (WebAssembly, binary, 16 MiB at most) instead of
    /// the built-in one. It is compiled when the connector is built. It may import `publisher` and, with the cargo
    /// feature `wasi`, WASI 0.2, which is empty: no files, no network, no environment, no arguments; it has clocks and
    /// random numbers, and what it prints goes to the log (level debug).
    ///
    /// Whoever may choose the component is an operator of the platform: what it does when it runs is limited, how long
    /// it takes to compile is not.
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

    /// For how many instances of the built-in component a place is kept ready. Default: [`Connector::POOL`]. A call beyond
    /// that has a place made for it, which takes some 20 µs longer; 0 is for a process that sends little, which starts 2 ms
    /// earlier.
    #[must_use]
    pub fn pool(mut self, places: u32) -> Self {
        self.pool = places;
        self
    }

    /// Has components interrupted by the system's timer of the time that this process computes (`ITIMER_PROF`, `SIGPROF`)
    /// instead of a thread: for a program that sends one message and ends, which takes 0.1 ms less. Only one connector of a
    /// process can have it, and nothing else of the process may.
    #[must_use]
    pub fn process_timer(mut self) -> Self {
        self.timer = true;
        self
    }

    /// Compiles and links the component.
    ///
    /// # Errors
    ///
    /// It is too large, is not a component, does not export `connector`, or imports something that it is not given. The
    /// system has no clock for it.
    pub fn build(self) -> Result<Connector, LoadError> {
        let component = match &self.source {
            // Its machine code wants the file that it cannot have.
            Source::BuiltIn if are_files_limited() => compile(COMPONENT)?,
            Source::BuiltIn => built_in::load()?,
            Source::Wasm(wasm) => compile(wasm)?,
            Source::Precompiled(code) => deserialize(&Engine::new(&without_compiler())?, code)?,
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
        let on_demand = link(&component)?;
        // What another component needs is not known well enough to make places for it.
        let mut lack_places = false;
        let pool = match self.source {
            Source::BuiltIn if self.pool > 0 && !are_files_limited() => {
                match pool(&component, self.pool) {
                    // Places that are kept ready need much more of it than those that are made for a call.
                    Err(LoadError::Shortage(shortage)) => {
                        tracing::warn!(%shortage, "no places for instances are kept ready");
                        lack_places = true;
                        None
                    }
                    pool => Some(pool?),
                }
            }
            Source::BuiltIn | Source::Wasm(_) | Source::Precompiled(_) => None,
        };
        let engines = Engines { pool, on_demand, lack_places };
        let clock = if self.timer { Clock::timer } else { Clock::thread };
        let clock = clock(engines.all()).map_err(|error| match error.kind() {
            // What a thread is refused for; a timer is for other reasons.
            ErrorKind::WouldBlock | ErrorKind::OutOfMemory => {
                LoadError::Shortage(Shortage::of_thread(&error))
            }
            _ => LoadError::Refused { reason: format!("its clock cannot be started: {error}") },
        })?;
        let of_its_own = || self.resolver.map(Publisher::new).unwrap_or_default().with_idle(self.idle);
        let publisher = self.publisher.unwrap_or_else(of_its_own);
        Ok(Connector { engines, clock, publisher, tenants: self.tenants })
    }
}

/// Places for instances of the built-in component that are kept ready.
fn pool(component: &Component, places: u32) -> Result<Pool, LoadError> {
    let engine = Engine::new(&with_places(component, places))?;
    Ok(Pool::new(link(&built_in::copied(&engine)?)?, places))
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

/// The configuration of an engine that compiles: with a thread for each processor, if they are to be had. Where they are not,
/// what starts them would panic.
fn compiler() -> Config {
    let mut config = config();
    let threads = available_parallelism().map_or(1, NonZero::get);
    config.parallel_compilation(Shortage::of_threads(threads).is_none());
    config
}

/// Compiles a component to be run.
fn compile(wasm: &[u8]) -> Result<Component, LoadError> {
    let mut config = compiler();
    if are_files_limited() {
        config.memory_init_cow(false);
    }
    Ok(Component::from_binary(&Engine::new(&config)?, check(wasm)?)?)
}

/// Whether this process may not write large files (`ulimit -f`). The engine keeps what an instance's memory begins with in
/// one, which only the memory holds, and the limit is for that too.
fn are_files_limited() -> bool {
    getrlimit(Resource::Fsize).current.is_some_and(|limit| limit < LARGEST as u64)
}

/// Compiles a component: see [`Connector::precompile`].
pub(super) fn precompile(wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    Ok(Engine::new(&compiler())?.precompile_component(check(wasm)?)?)
}

/// Looks at what is going to be compiled before the compiler does.
fn check(wasm: &[u8]) -> Result<&[u8], LoadError> {
    if !wasm.starts_with(WASM) {
        return Err(LoadError::NotAComponent { what: "something else" });
    }
    if wasm.starts_with(MODULE) {
        return Err(LoadError::NotAComponent { what: "a core module, which wasm-tools can make into one" });
    }
    if wasm.len() > LARGEST {
        return Err(LoadError::TooLarge { size: wasm.len() });
    }
    Ok(wasm)
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

/// Loads what [`Connector::precompile`] made.
#[expect(unsafe_code, reason = "native code is loaded")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: a caller of `ConnectorBuilder::precompiled` vouches for the code.
    unsafe { Component::deserialize(engine, code) }
}
