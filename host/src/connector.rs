//! [`Connector`]: the component, ready to run, one fresh instance for each call.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder, Trap, UpdateDeadline};

use crate::bindings::{MqttConnector, MqttConnectorPre, exports::flint::mqtt::connector as wit};
use crate::error::Error;
use crate::publisher::{self, Publisher, PublisherCtx, PublisherView, Resolver};
use crate::tenant::Tenant;

/// The built-in component, as WebAssembly: what [`Connector::new`] runs.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector.wasm"));

/// How often a component that computes is asked whether it has used its time up.
const TICK: Duration = Duration::from_millis(10);

/// What a call may take longer than its time-out before it is given up as a fault: the host answers time-outs itself,
/// so that this is only ever reached by a component that does not return.
const GRACE: Duration = Duration::from_secs(2);

/// Exit code of a fault of the connector itself.
const FAULT: i32 = 70;

/// Exit code of what the tenant's grants or limits do not allow.
const DENIED: i32 = 77;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// How the execution ended.
    pub meta: Meta,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Meta {
    /// 0 is success: the quality of service that was asked for has been reached. Every other value is a failure; the
    /// README lists them.
    pub exit_code: i32,
    /// What happened, in words a person can act on.
    pub message: String,
}

/// What a connector runs.
enum Source {
    BuiltIn,
    Wasm(Vec<u8>),
    Precompiled(Vec<u8>),
}

/// Why a component could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the component cannot be loaded: {0:#}")]
pub struct LoadError(wasmtime::Error);

/// An MQTT connector: a component that has been compiled and linked, and the engine that runs it. Cheap to share
/// (`Arc`), safe to call from many tasks at once; every call has an instance of its own, which is gone when it ends.
pub struct Connector {
    engine: Engine,
    component: MqttConnectorPre<State>,
    publisher: Publisher,
}

/// What the store of one call holds.
struct State {
    publisher: PublisherCtx,
    limits: StoreLimits,
    /// Ticks of computing that are left.
    ticks: u32,
}

impl PublisherView for State {
    fn publisher(&mut self) -> &mut PublisherCtx {
        &mut self.publisher
    }
}

impl Connector {
    /// The built-in component, with the system's resolver.
    ///
    /// # Errors
    ///
    /// The engine does not run on this machine.
    pub fn new() -> Result<Self, LoadError> {
        Self::builder().build()
    }

    /// Starts a connector with other parts.
    #[must_use]
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder { source: Source::BuiltIn, resolver: None }
    }

    /// Compiles a component (WebAssembly, binary) for [`ConnectorBuilder::precompiled`], for this version of this
    /// library on this kind of machine.
    ///
    /// # Errors
    ///
    /// It is not a component.
    pub fn precompile(wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        let compile = || Engine::new(&config())?.precompile_component(wasm);
        compile().map_err(LoadError)
    }

    /// The `send` action for `tenant`: merges `request` over `config` (JSON objects as text), publishes one message
    /// and answers when the quality of service that was asked for has been reached, or with the reason why not.
    ///
    /// Must run inside a tokio runtime with time and networking enabled. Dropping the future ends the send.
    pub async fn send(&self, tenant: &Arc<Tenant>, config: &str, request: &str) -> Response {
        self.call(tenant, async |component, store| {
            component.flint_mqtt_connector().call_send(store, &config.to_owned(), &request.to_owned()).await
        })
        .await
        .map_or_else(|fault| fault, Response::from)
    }

    /// The `send` action once per request, over as few connections as they need. One response per request, in order.
    pub async fn send_batch(&self, tenant: &Arc<Tenant>, config: &str, requests: &[String]) -> Vec<Response> {
        let responses = self
            .call(tenant, async |component, store| {
                component.flint_mqtt_connector().call_send_batch(store, &config.to_owned(), requests).await
            })
            .await;
        match responses {
            Ok(responses) if responses.len() == requests.len() => {
                responses.into_iter().map(Response::from).collect()
            }
            Ok(_) => vec![Response::fault("it did not answer each request"); requests.len()],
            Err(fault) => vec![fault; requests.len()],
        }
    }

    /// Everything [`send`](Self::send) does before it publishes: a dry run, for which nothing leaves the component.
    pub async fn check(&self, tenant: &Arc<Tenant>, config: &str, request: &str) -> Response {
        self.call(tenant, async |component, store| {
            component.flint_mqtt_connector().call_check(store, &config.to_owned(), &request.to_owned()).await
        })
        .await
        .map_or_else(|fault| fault, Response::from)
    }

    /// The JSON Schema of a configuration and of a request.
    ///
    /// # Errors
    ///
    /// The response with exit code 70, when the component failed.
    pub async fn schema(&self) -> Result<String, Response> {
        let nobody = Arc::new(Tenant::builder("schema").build());
        self.call(&nobody, async |component, store| component.flint_mqtt_connector().call_schema(store).await)
            .await
    }

    /// Runs one call in a fresh instance, within the tenant's limits.
    async fn call<T>(
        &self,
        tenant: &Arc<Tenant>,
        call: impl AsyncFnOnce(&MqttConnector, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Response> {
        let limits = tenant.limits();
        let latest = Instant::now() + limits.time_out;
        // Before the store is made, and dropped after it: what waits here takes no memory to speak of.
        let room = tenant.load().send(tenant.name(), limits, latest).await;
        let _room = room.map_err(|error| Response::denied(&error))?;
        let publisher = PublisherCtx::builder(Arc::clone(tenant)).publisher(self.publisher.clone());
        let state = State {
            publisher: publisher.latest(latest).build(),
            limits: StoreLimitsBuilder::new()
                .memory_size(limits.memory)
                .instances(16)
                .memories(4)
                .tables(16)
                .table_elements(100_000)
                .trap_on_grow_failure(true)
                .build(),
            ticks: u32::try_from(limits.cpu.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| {
            let ticks = &mut store.data_mut().ticks;
            Ok(match ticks.checked_sub(1) {
                Some(left) => {
                    *ticks = left;
                    UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
                }
                None => UpdateDeadline::Interrupt,
            })
        });
        let answer = tokio::time::timeout_at(latest + GRACE, async {
            let instance = self.component.instantiate_async(&mut store).await?;
            call(&instance, &mut store).await
        });
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Response::from_error(&error)),
            Err(_) => Err(Response::fault("it did not return")),
        }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// Builds a [`Connector`].
pub struct ConnectorBuilder {
    source: Source,
    resolver: Option<Arc<dyn Resolver>>,
}

impl ConnectorBuilder {
    /// Runs another component of the world `flint:mqtt/mqtt-connector` (WebAssembly, binary) instead of the built-in
    /// one. It is compiled when the connector is built, and may import nothing but `publisher`.
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

    /// Looks broker names up with `resolver`. Default: [`SystemResolver`](publisher::SystemResolver).
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Compiles and links the component.
    ///
    /// # Errors
    ///
    /// It is not a component, does not export `connector`, or imports something other than `publisher`.
    pub fn build(self) -> Result<Connector, LoadError> {
        let load = || {
            let engine = Engine::new(&config())?;
            let component = match &self.source {
                Source::BuiltIn => Component::from_binary(&engine, COMPONENT)?,
                Source::Wasm(wasm) => Component::from_binary(&engine, wasm)?,
                Source::Precompiled(code) => deserialize(&engine, code)?,
            };
            let mut linker = Linker::<State>::new(&engine);
            publisher::add_to_linker(&mut linker)?;
            let component = MqttConnectorPre::new(linker.instantiate_pre(&component)?)?;
            keep_ticking(&engine)?;
            wasmtime::Result::Ok((engine, component))
        };
        let (engine, component) = load().map_err(LoadError)?;
        let publisher = self.resolver.map(Publisher::new).unwrap_or_default();
        Ok(Connector { engine, component, publisher })
    }
}

impl From<wit::Response> for Response {
    fn from(response: wit::Response) -> Self {
        let wit::Meta { exit_code, message } = response.meta;
        Self { meta: Meta { exit_code, message } }
    }
}

impl Response {
    fn fault(what: &str) -> Self {
        Self { meta: Meta { exit_code: FAULT, message: format!("The connector itself failed: {what}.") } }
    }

    /// The answer where a limit of the tenant does not let the component begin.
    fn denied(error: &Error) -> Self {
        Self { meta: Meta { exit_code: DENIED, message: format!("Not sent, it is not allowed: {error}.") } }
    }

    /// The answer for a component that failed. The error's own text stays out of it: it may hold the host's paths
    /// and the guest's data.
    fn from_error(error: &wasmtime::Error) -> Self {
        tracing::error!(error = %format!("{error:#}"), "the component failed");
        let what = match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => "it computed for longer than the tenant's limit allows",
            Some(Trap::StackOverflow) => "it used more stack than there is",
            Some(_) => "it trapped",
            None => "it broke a limit or the contract",
        };
        Self::fault(what)
    }
}

/// Loads machine code that [`Connector::precompile`] made.
#[expect(unsafe_code, reason = "the one place where native code is loaded")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: whoever called `ConnectorBuilder::precompiled` has promised where the code comes from.
    unsafe { Component::deserialize(engine, code) }
}

/// The engine's configuration: a component has what the contract needs, and nothing more.
fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.wasm_simd(false);
    config.wasm_relaxed_simd(false);
    config.wasm_memory64(false);
    config.wasm_tail_call(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_wide_arithmetic(false);
    config
}

/// Advances the engine's epoch, on a thread of its own, for as long as the engine lives.
fn keep_ticking(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("mqtt-connector-epoch".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(())
}
