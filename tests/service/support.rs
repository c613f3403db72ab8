//! What the tests share: executions of tenants at a broker on loopback.

use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_service::{
    Execution, Executions, Options, Request, SqliteStore, Status, Store, Submission,
};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, ScriptedBroker, Step};
use serde_json::{Value, json};

use crate::promises::Kind as _;
use crate::sqlite::Sqlite;

/// Long enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A service: its store, its connector, its workers.
pub(crate) struct Service {
    pub(crate) executions: Executions,
    pub(crate) connector: Arc<Connector>,
    place: Sqlite,
}

impl Service {
    /// One with an empty store.
    pub(crate) fn start() -> Self {
        Self::start_in(Sqlite::new(), |_| {})
    }

    /// One with a store that was there before, whoever had it is gone; and with the `tenants` that are known when the workers begin.
    pub(crate) fn start_in(place: Sqlite, tenants: impl FnOnce(&Connector)) -> Self {
        let connector = Arc::new(Connector::builder().idle(Duration::ZERO).build().unwrap());
        tenants(&connector);
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(place.path()).unwrap());
        let executions = Executions::builder(Arc::clone(&connector), store).start();
        Self { executions, connector, place }
    }

    /// A tenant whose broker listens on this port of loopback.
    pub(crate) fn tenant(&self, name: &str, port: u16) -> Tenant {
        tenant(&self.connector, name, port, &json!({}), Limits::default())
    }

    /// Submits, and answers with the execution that was accepted.
    pub(crate) async fn submit(&self, tenant: &Tenant, request: &Value, options: Options) -> Execution {
        let submission = Submission::new(self::request(request)).options(options);
        let submitted = self.executions.submit(tenant, submission).await.unwrap();
        assert!(submitted.is_new);
        assert_eq!(submitted.execution.status, Status::Accepted);
        submitted.execution
    }

    /// The execution, when it has ended.
    pub(crate) async fn ended(&self, execution: &Execution) -> Execution {
        let ended = self.executions.wait(&execution.tenant, execution.id, PATIENCE).await.unwrap().unwrap();
        assert!(ended.status.is_final(), "{ended:?}");
        ended
    }

    /// Ends gracefully, and answers with the place of the store.
    pub(crate) async fn end(self) -> Sqlite {
        assert!(self.executions.drain(PATIENCE).await);
        self.connector.close().await;
        self.place
    }

    /// The place of the store, when the process is gone: of a runtime that has ended.
    pub(crate) fn lost(self) -> Sqlite {
        self.place
    }
}

/// A tenant of `connector` whose broker listens on this port of loopback; `more` is in its configuration.
pub(crate) fn tenant(connector: &Connector, name: &str, port: u16, more: &Value, limits: Limits) -> Tenant {
    let mut config = json!({"broker": format!("tcp://127.0.0.1:{port}"), "client-id": name, "retries": 0});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let tenant = Tenant::builder(name).broker(format!("tcp://127.0.0.1:{port}").parse().unwrap());
    let tenant = tenant.topics("#".parse().unwrap()).limits(limits).config(config.to_string());
    connector.tenants().replace(tenant.build())
}

pub(crate) fn request(request: &Value) -> Request {
    Request::parse(request.to_string()).unwrap()
}

/// Exit code of an execution that has finished.
pub(crate) fn exit_code(execution: &Execution) -> i32 {
    assert_eq!(execution.status, Status::Finished, "{execution:?}");
    execution.meta.as_ref().unwrap().exit_code
}

/// A broker that takes the content `x` for the topic `a` with this QoS, and then does `rest`.
fn broker_that_takes<const N: usize>(qos: u8, rest: [Step; N]) -> ScriptedBroker {
    let taken = [
        Step::expect(Expect::connect()),
        Step::accept(false),
        Step::expect(Expect::publish().topic("a").payload("x").qos(qos)),
    ];
    ScriptedBroker::builder().connection(taken.into_iter().chain(rest)).start()
}

/// A broker that does not answer the PUBLISH.
pub(crate) fn silent_broker(qos: u8) -> ScriptedBroker {
    broker_that_takes(qos, [Step::silence()])
}

/// A broker that acknowledges the PUBLISH, with QoS 1, and whatever comes then.
pub(crate) fn acknowledging_broker() -> ScriptedBroker {
    broker_that_takes(1, [Step::respond(PacketType::PubAck), Step::serve()])
}
