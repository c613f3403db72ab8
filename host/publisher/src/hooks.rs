//! [`Hooks`]: what a host wants of one call of a component besides its answer.

use std::pin::Pin;

use crate::contract::{Message, ProtocolVersion};
use crate::stage::Stages;
use crate::tenant::Tenant;
use crate::trace_context::TraceContext;

/// Asked before the messages of a call are published: they are when the future that it answers with has ended. Whoever does not want them
/// published drops the call instead. Each time that the component publishes, it is asked.
pub type BeforePublish = Box<dyn FnMut(&[Message]) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Told, each time that the component has published, what the messages went through.
pub type AfterPublish = Box<dyn FnMut(&Stages) + Send + Sync>;

/// What a host wants of one call besides its answer. Default: nothing.
#[derive(Default)]
pub struct Hooks {
    before: Option<BeforePublish>,
    after: Option<AfterPublish>,
    trace: Option<Box<TraceContext>>,
}

impl Hooks {
    /// Asked before messages are published: for a host that has to remember that they may have left. The time that it takes is the
    /// call's: it counts for the tenant's [limit](crate::Limits::timeout). The `timeout` of the messages begins when they are published.
    /// A future that does not end may hold the call beyond that limit, until the call is dropped.
    #[must_use]
    pub fn before(mut self, before: BeforePublish) -> Self {
        self.before = Some(before);
        self
    }

    /// Told when messages were published, or could not be: for a host that shows how long they were at what. It is not told of a call
    /// that is dropped before.
    #[must_use]
    pub fn after(mut self, after: AfterPublish) -> Self {
        self.after = Some(after);
        self
    }

    /// The trace that the call belongs to: its messages say so, where they are of MQTT 5 and the tenant has the grant `trace-context`.
    /// The properties count as the tenant's own, for its limit `payload` and the broker's Maximum Packet Size.
    #[must_use]
    pub fn trace_context(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace.map(Box::new);
        self
    }

    /// Has messages of `tenant` say which trace they belong to.
    pub(crate) fn mark(&self, tenant: &Tenant, version: ProtocolVersion, messages: &mut [Message]) {
        if let Some(trace) = &self.trace
            && version == ProtocolVersion::V5
            && tenant.grants().allows_trace_context()
        {
            messages.iter_mut().for_each(|message| trace.add_to(message));
        }
    }

    /// Waits until those who are asked before have answered.
    pub(crate) async fn ask(&mut self, messages: &[Message]) {
        if let Some(before) = &mut self.before
            && !messages.is_empty()
        {
            before(messages).await;
        }
    }

    /// Tells of the stages of a call.
    pub(crate) fn tell(&mut self, stages: &Stages) {
        if let Some(after) = &mut self.after {
            after(stages);
        }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
