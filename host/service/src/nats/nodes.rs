//! Nodes, and which of them carries out what a tenant has.
//!
//! - A node renews its lease by a heart-beat: a compare-and-set of its subject. It counts the lease from before it wrote.
//! - Another one that has not heard of it for as long as a lease lasts, by its own clock, declares it gone, by a compare-and-set of the same subject. One of the two
//!   fails: a node that is declared gone has no lease, by its own clock and by what the stream says, and hears of it when it writes the next time.
//! - Each tenant is one node's, by a compare-and-set of the tenant's subject. What was a node's that is gone may be taken by the one that should have it.
//!
//! No clock of one machine is compared with that of another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::operations::PATIENCE;
use super::write::{Conflict, Message};
use super::{Inner, telemetry};
use crate::error::StoreError;
use crate::execution::Id;

const NODE: &str = "Mqtt-Node";
const OWNER: &str = "Mqtt-Owner";

/// How long what is said of a node that is gone is kept.
const KEEP_GONE: Duration = Duration::from_secs(60 * 60);

/// A node, from when it got its lease until it has lost it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Incarnation {
    pub(super) name: String,
    id: Id,
}

impl Incarnation {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), id: Id::new() }
    }

    /// The same node, without what it had.
    pub(super) fn next(&self) -> Self {
        Self::new(self.name.clone())
    }
}

/// Whether a node carries executions out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stance {
    Here,
    Gone,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct NodeState {
    pub(super) incarnation: Incarnation,
    pub(super) stance: Stance,
    /// How long its lease lasts, in milliseconds.
    lease: u64,
}

impl NodeState {
    pub(super) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease)
    }

    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        read(headers, NODE)
    }
}

/// Whose a tenant is; nobody's, if it was given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Owner {
    pub(super) incarnation: Option<Incarnation>,
}

impl Owner {
    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        read(headers, OWNER)
    }
}

fn read<T: DeserializeOwned>(headers: &HeaderMap, name: &'static str) -> Option<T> {
    serde_json::from_str(headers.get(name)?.as_str()).ok()
}

fn headers(name: &'static str, value: &impl Serialize) -> Result<HeaderMap, StoreError> {
    let json = serde_json::to_string(value)
        .map_err(|_| StoreError::Unusable("a node cannot be written as JSON".to_owned()))?;
    let mut headers = HeaderMap::new();
    headers.insert(name, json);
    Ok(headers)
}

impl Inner {
    /// Renews the lease until it is told to stop, and sees after the other nodes.
    pub(super) async fn keep_lease(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.lease / 5);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look_after_nodes() => {}
            }
        }
    }

    /// Answers when the lease is over, and has lost what this node had by then.
    pub(super) async fn watch_lease(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval((self.lease / 20).max(Duration::from_millis(10)));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if self.view.check_lease() {
                tracing::error!(
                    "this node's lease is over: NATS could not be reached for long, or the process stood still"
                );
                telemetry::count(telemetry::LOST_LEASES, 1);
            }
        }
    }

    async fn look_after_nodes(&self) {
        if let Err(error) = self.renew_lease(self.lease).await {
            tracing::warn!(%error, "the lease of this node cannot be renewed yet");
            return;
        }
        for (name, state, sequence) in self.view.silent_nodes() {
            let gone = NodeState { stance: Stance::Gone, ..state };
            match self.write_node(&name, &gone, sequence, self.lease).await {
                Ok(Ok(_)) => tracing::warn!(
                    node = name,
                    "a node was not heard of for the time of a lease: others take its place"
                ),
                // It was heard of after all, or another node was faster, or somebody has removed what was said of it.
                Ok(Err(Conflict)) => {
                    if let Err(error) = self.hear_last(&self.subjects.node(&name)).await {
                        tracing::warn!(%error, "a node cannot be looked for yet");
                    }
                }
                Err(error) => tracing::warn!(%error, "a node cannot be declared gone yet"),
            }
        }
        for tenant in self.view.to_own() {
            if let Err(error) = self.own(&tenant).await {
                tracing::warn!(%error, "a tenant cannot be taken over yet");
            }
        }
        for (tenant, sequence) in self.view.to_yield() {
            let nobody = Owner { incarnation: None };
            if let Err(error) = self.write_owner(&tenant, &nobody, sequence).await {
                tracing::warn!(%error, "a tenant cannot be given to another node yet");
            }
        }
        if let Err(error) = self.move_start().await {
            tracing::warn!(%error, "nodes that start later hear of more than they have to");
        }
        let (backlog, owned) = self.view.counts();
        telemetry::known(backlog, owned);
    }

    /// Says that this node is here. Tries for `patience`.
    pub(super) async fn renew_lease(&self, patience: Duration) -> Result<(), StoreError> {
        let Some(me) = self.view.incarnation() else { return Ok(()) };
        let mut expected = 0;
        if let Some((known, sequence)) = self.view.node(&me.name) {
            let is_older = known.incarnation != me;
            if is_older && known.stance == Stance::Here && self.view.was_here() {
                tracing::error!(
                    node = me.name,
                    "another process has the name of this node: this one carries nothing out any more"
                );
                self.view.become_another(None);
                return Ok(());
            }
            if !is_older && known.stance == Stance::Gone {
                return self.was_declared_gone(&me);
            }
            expected = sequence;
        }
        let before = Instant::now();
        let lease = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        let here = NodeState { incarnation: me.clone(), stance: Stance::Here, lease };
        match self.write_node(&me.name, &here, expected, patience).await? {
            Ok(sequence) => {
                self.view.renew(here, sequence, before + self.lease);
                self.hears(sequence).await;
                Ok(())
            }
            Err(Conflict) => {
                self.hear_last(&self.subjects.node(&me.name)).await?;
                Ok(())
            }
        }
    }

    fn was_declared_gone(&self, me: &Incarnation) -> Result<(), StoreError> {
        tracing::error!(
            node = me.name,
            "this node was declared gone: it was not heard of for the time of a lease"
        );
        telemetry::count(telemetry::LOST_LEASES, 1);
        self.view.become_another(Some(me.next()));
        Ok(())
    }

    /// Takes a tenant, if it is nobody's and should be this node's. Answers whether it is this node's then.
    pub(super) async fn own(&self, tenant: &str) -> Result<bool, StoreError> {
        if self.view.owns(tenant) {
            return Ok(true);
        }
        let (Some(expected), Some(me)) = (self.view.may_own(tenant), self.view.incarnation()) else {
            return Ok(false);
        };
        match self.write_owner(tenant, &Owner { incarnation: Some(me) }, expected).await? {
            Ok(sequence) => self.hears(sequence).await,
            Err(Conflict) => self.hear_last(&self.subjects.owner(tenant)).await?,
        }
        Ok(self.view.owns(tenant))
    }

    /// Says that this node carries nothing out any more.
    pub(super) async fn leave_cluster(&self) {
        let Some(me) = self.view.incarnation() else { return };
        self.view.become_another(None);
        let Some((state, sequence)) = self.view.node(&me.name).filter(|(state, _)| state.incarnation == me)
        else {
            return;
        };
        let gone = NodeState { stance: Stance::Gone, ..state };
        let patience = self.lease.min(PATIENCE);
        if let Err(error) = self.write_node(&me.name, &gone, sequence, patience).await {
            tracing::warn!(%error, "the other nodes take over when the lease of this one is over: they could not be told before");
        }
    }

    async fn write_node(
        &self,
        name: &str,
        state: &NodeState,
        expected: u64,
        patience: Duration,
    ) -> Result<Result<u64, Conflict>, StoreError> {
        let message = Message::new(self.subjects.node(name), headers(NODE, state)?);
        let message = if state.stance == Stance::Gone { message.kept_for(KEEP_GONE) } else { message };
        self.write(message, Some(expected), patience).await
    }

    async fn write_owner(
        &self,
        tenant: &str,
        owner: &Owner,
        expected: u64,
    ) -> Result<Result<u64, Conflict>, StoreError> {
        let message = Message::new(self.subjects.owner(tenant), headers(OWNER, owner)?);
        self.write(message, Some(expected), self.lease).await
    }
}
