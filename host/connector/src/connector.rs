//! [`Connector`]: the component, ready to run.

mod answer;
mod batch;
mod budget;
mod built_in;
mod call;
mod clock;
#[cfg(feature = "compiler")]
mod compile;
mod config;
mod engines;
mod fault;
mod instance;
mod kept;
mod line;
mod load;
mod load_error;
mod request;
mod response;
mod shortage;
mod step_state;
mod steps;
mod turn;
#[cfg(feature = "wasi")]
mod wasi;

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::Store;

pub use batch::Batch;
pub use load::ConnectorBuilder;
pub use load_error::LoadError;
pub use response::{Meta, Outcome, Response};

use mqtt_connector_contract::shown::{Shown, VALUE};

use crate::bindings::Exports;
use crate::bindings::exports::flint::mqtt::connector as wit;
use crate::publisher::{Hooks, Publisher, Tenant, Tenants};
use call::{State, UnderWay, Waiting, denied};
use clock::Clock;
use engines::Engines;
use kept::Kept;
use request::Who;
use steps::Lines;

/// The built-in component, as WebAssembly. [`Connector::new`] runs the machine code that the build made of it.
#[must_use]
pub fn component() -> &'static [u8] {
    static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/connector.wasm"));
    COMPONENT
}

/// An MQTT connector: a component that has been compiled and linked, and the engine that runs it. Cheap to share
/// (`Arc`), safe to call from many tasks at once. Every call has an instance of its own. That of another component is gone when
/// the call ends; the built-in component wipes its memory, and its instance may be called again, for the same tenant.
///
/// Whatever the component does, a call ends within the tenant's limits, and its answer is one that the contract knows:
/// a component that traps, goes beyond a limit, breaks the contract, or says that a message was sent which the host has
/// not seen acknowledged, is answered for with exit code 70. Details go to the log (`tracing`, level error), never to
/// the answer.
pub struct Connector {
    engines: Engines,
    /// `None` where nothing is kept ready for calls to come.
    kept: Option<Arc<Kept>>,
    lines: Lines,
    /// `None` where there is to be none, or the system has no thread for it: see [`ConnectorBuilder::one_shot`] and
    /// [`ConnectorBuilder::pool`].
    clock: Option<Clock>,
    /// The longest documents of a call, in bytes: what nothing interrupts is to end soon.
    longest: usize,
    publisher: Publisher,
    tenants: Arc<Tenants>,
}

impl Connector {
    /// For how many instances a place is kept ready, unless [`ConnectorBuilder::pool`] says otherwise: 100.
    pub const POOL: u32 = 100;

    /// The largest component that is compiled, in bytes: 16 MiB.
    pub const LARGEST: usize = 16 * 1024 * 1024;

    /// The longest configuration and request together, in bytes, that a connector for [one call](ConnectorBuilder::one_shot)
    /// takes: 64 KiB. What the component computes for them takes some milliseconds, whatever is in them. Of a batch, the
    /// configuration counts once for each request.
    pub const LARGEST_ONE_SHOT: usize = 64 * 1024;

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
        ConnectorBuilder::new()
    }

    /// Compiles a component (WebAssembly, binary, 16 MiB at most) for [`ConnectorBuilder::precompiled`], for this
    /// version of this library on this kind of machine (cargo feature `compiler`). How long it takes is not limited: it is
    /// an operator's action.
    ///
    /// In a process that may not write large files (`ulimit -f`), the result is for such processes: it runs everywhere, but an
    /// instance of it copies what its memory begins with.
    ///
    /// # Errors
    ///
    /// It is too large, or not a component.
    #[cfg(feature = "compiler")]
    pub fn precompile(wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        compile::precompile(wasm)
    }

    /// The `send` action for `tenant`: merges `request` over `config` (JSON objects as text), publishes one message
    /// and answers when the quality of service that was asked for has been reached, or with the reason why not.
    ///
    /// Must run inside a tokio runtime with time and networking enabled. Dropping the future ends the send. The connection
    /// stays open for a while, for further sends of this `tenant` with the same connect options, which share it. See
    /// [`close`](Self::close).
    pub async fn send(&self, tenant: &Tenant, config: &str, request: &str) -> Response {
        self.call(Action::Send, tenant, config, request, Hooks::default()).await
    }

    /// [`send`](Self::send), with `hooks`: for a platform that has to remember, durably, that a message may have left
    /// ([`Hooks::before`]), or shows how long it was at what ([`Hooks::after`]). To stop the send before its message is
    /// published, the future of [`Hooks::before`] does not end, and the future of the send is dropped.
    pub async fn send_with(&self, tenant: &Tenant, config: &str, request: &str, hooks: Hooks) -> Response {
        self.call(Action::Send, tenant, config, request, hooks).await
    }

    /// [`send`](Self::send), for the tenant of [`tenants`](Self::tenants) that has this name. Where there is none, the answer has
    /// exit code 77.
    pub async fn send_as(&self, name: &str, config: &str, request: &str) -> Response {
        match self.tenants.get(name) {
            Some(tenant) => self.send(&tenant, config, request).await,
            None => {
                let call = async || unknown(name);
                request::watched(Who::Unknown(name), "send", call, std::slice::from_ref).await
            }
        }
    }

    /// The `send` action once per request, over as few connections as they need. One response per request, in order.
    ///
    /// A fault of the component is the answer to each: which of its answers are right nobody knows then.
    pub async fn send_batch(&self, tenant: &Tenant, config: &str, requests: &[String]) -> Vec<Response> {
        self.send_batch_and_tell(tenant, config, requests, None, Hooks::default()).await
    }

    /// Starts [`send_batch`](Self::send_batch) in a task of its own, for one batch after the other without a pause between them:
    /// a batch with the same connect options that is begun when this one is [queued](Batch::queued) is sent behind it.
    pub fn start_batch(self: &Arc<Self>, tenant: &Tenant, config: &str, requests: Vec<String>) -> Batch {
        self.start_batch_with(tenant, config, requests, Hooks::default())
    }

    /// [`start_batch`](Self::start_batch), with `hooks`.
    pub fn start_batch_with(
        self: &Arc<Self>,
        tenant: &Tenant,
        config: &str,
        requests: Vec<String>,
        hooks: Hooks,
    ) -> Batch {
        let (connector, tenant, config) = (Arc::clone(self), tenant.clone(), config.to_owned());
        Batch::start(requests.len(), async move |queued| {
            connector.send_batch_and_tell(&tenant, &config, &requests, Some(queued), hooks).await
        })
    }

    async fn send_batch_and_tell(
        &self,
        tenant: &Tenant,
        config: &str,
        requests: &[String],
        queued: Option<oneshot::Sender<()>>,
        hooks: Hooks,
    ) -> Vec<Response> {
        let call = async || {
            let answers = self.answer_batch(tenant, config, requests, queued, hooks).await;
            answers.unwrap_or_else(|fault| vec![fault; requests.len()])
        };
        request::watched(Who::Tenant(tenant), "send-batch", call, Vec::as_slice).await
    }

    /// The answers to a batch, or the one that is the answer to each of its requests.
    async fn answer_batch(
        &self,
        tenant: &Tenant,
        config: &str,
        requests: &[String],
        mut queued: Option<oneshot::Sender<()>>,
        mut hooks: Hooks,
    ) -> Result<Vec<Response>, Response> {
        let length = requests.iter().map(|request| config.len() + request.len()).sum();
        let call = UnderWay::begin(self, tenant, length).await?;
        if let Some(answers) =
            steps::answer_batch(&call, length, config, requests, &mut queued, &mut hooks).await
        {
            return answers;
        }
        let documents: Vec<&str> = requests.iter().map(String::as_str).chain([config]).collect();
        let waiting = Waiting { dry_run: false, documents: &documents, queued, hooks };
        let send_batch = async |component: &Exports, store: &mut Store<State>| {
            component.flint_mqtt_connector().call_send_batch(store, &config.to_owned(), requests).await
        };
        let judge = |answers, tally| {
            let mut responses = answer::responses(answers, requests.len())?;
            answer::believe(&mut responses, tally)?;
            Ok(responses)
        };
        call.run(waiting, send_batch, judge).await
    }

    /// A dry run: what [`send`](Self::send) would answer, as far as that can be known without the network, with its exit code
    /// and its words. Grants and limits are asked, certificates and keys are read, no name is looked up, and nothing is sent.
    /// When nothing stands against the send, the exit code is 0, and the message names what is suspicious: a certificate
    /// that expires soon, a password that is readable on the way, among others. For a platform to call when a
    /// configuration is saved; with a configuration alone, what is missing is an error.
    ///
    /// It takes none of the tenant's messages of a second. A component that publishes all the same is stopped before
    /// anything is sent: exit code 70.
    pub async fn check(&self, tenant: &Tenant, config: &str, request: &str) -> Response {
        self.call(Action::Check, tenant, config, request, Hooks::default()).await
    }

    /// The tenants that [`send_as`](Self::send_as) knows, for a platform to put tenants in and take them out.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Closes the connections to brokers, each with DISCONNECT as soon as no message needs it, and waits until the brokers
    /// have been told. To be called before the runtime ends, which breaks them off otherwise.
    pub async fn close(&self) {
        self.publisher.close().await;
    }

    /// Whether there was too little memory for the places that are to be kept ready ([`ConnectorBuilder::pool`]). There may
    /// be room for one call at a time then, and others be answered with exit code 71.
    #[must_use]
    pub fn lacks_places(&self) -> bool {
        self.engines.lack_places
    }

    /// Ends every send that is under way, and those that come: each answers at once, with what is known by then: exit
    /// code 79 if the message may have arrived, 75 if it was not sent. For a process that has to end.
    pub fn interrupt(&self) {
        self.publisher.interrupt();
    }

    /// The JSON Schema of a configuration and of a request.
    ///
    /// # Errors
    ///
    /// The response with exit code 70, when the component failed.
    pub async fn schema(&self) -> Result<String, Response> {
        let nobody = Tenant::builder("schema").build();
        let waiting = Waiting { dry_run: true, documents: &[], queued: None, hooks: Hooks::default() };
        let call = UnderWay::begin(self, &nobody, 0).await?.run(
            waiting,
            async |component, store| component.flint_mqtt_connector().call_schema(store).await,
            |schema, _| answer::schema(schema),
        );
        call.await
    }

    /// One call with a configuration and a request, answered with one response.
    async fn call(
        &self,
        action: Action,
        tenant: &Tenant,
        config: &str,
        request: &str,
        hooks: Hooks,
    ) -> Response {
        let call = async || match self.answer(action, tenant, config, request, hooks).await {
            Ok(answer) | Err(answer) => answer,
        };
        request::watched(Who::Tenant(tenant), action.name(), call, std::slice::from_ref).await
    }

    /// The answer to such a call. An error is one as well: it has failed, or could not begin.
    async fn answer(
        &self,
        action: Action,
        tenant: &Tenant,
        config: &str,
        request: &str,
        mut hooks: Hooks,
    ) -> Result<Response, Response> {
        let (dry_run, documents) = (action == Action::Check, [config, request]);
        let call = UnderWay::begin(self, tenant, config.len() + request.len()).await?;
        if let Some(answer) = steps::answer(&call, action, config, request, &mut hooks).await {
            return answer;
        }
        let waiting = Waiting { dry_run, documents: &documents, queued: None, hooks };
        let act = async |component: &Exports, store: &mut Store<State>| {
            let (config, request) = (config.to_owned(), request.to_owned());
            let component = component.flint_mqtt_connector();
            match action {
                Action::Send => component.call_send(store, &config, &request).await,
                Action::Check => component.call_check(store, &config, &request).await,
            }
        };
        let judge = |answer: wit::Response, tally| {
            let mut response = answer::response(answer.meta.exit_code, answer.meta.message)?;
            if !dry_run {
                answer::believe(std::slice::from_mut(&mut response), tally)?;
            }
            Ok(response)
        };
        call.run(waiting, act, judge).await
    }
}

/// What a component is asked to do with a configuration and a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Send,
    Check,
}

impl Action {
    /// What it is called in the contract, in spans and in metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Check => "check",
        }
    }
}

/// The answer to a request of a tenant that is not known.
fn unknown(name: &str) -> Response {
    denied(&format!("there is no tenant {}", Shown::quoted(name, VALUE)))
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
