//! `make bench`: what the parts of a send take, by criterion; `target/criterion` keeps the numbers, which the report of the
//! benchmark `peers` shows. `cargo bench --bench parts -- NAME` measures one, and compares it with the last time.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_tests::Mosquitto;
use serde_json::json;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store};

use bindings::flint::mqtt::publisher::{ConnectOptions, Error, Host, Message, Receipt, Remark, RetryPolicy};
use bindings::{MqttConnector, MqttConnectorPre};

/// The engine's settings are those of the library.
#[path = "../../host/connector/src/connector/config.rs"]
mod config;

mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "mqtt-connector", imports: { default: trappable } });
}

/// Requests in a batch.
const BATCH: usize = 1000;

/// The configuration for AWS IoT that the README documents, without the files.
const AWS: &str = r#"{
    "broker": "ssl://Z2EBLEZ5JJFGKF.iot.us-east-1.amazonaws.com:8883",
    "client-id": "thing-name",
    "topic": "$aws/things/thing-name/shadow/update",
    "qos": 2
}"#;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    component(&mut criterion);
    library(&mut criterion);
    criterion.final_summary();
}

/// The component alone, with a publisher that acknowledges everything at once.
fn component(criterion: &mut Criterion) {
    let component = Acknowledging::load();
    criterion.bench_function("instantiate", |bencher| bencher.iter(|| component.instantiate()));
    let config =
        json!({ "broker": "tcp://127.0.0.1", "client-id": "parts", "topic": "bench", "qos": 1 }).to_string();
    let request = json!({ "content": "x".repeat(64) }).to_string();
    criterion.bench_function("guest, send", |bencher| {
        bencher.iter(|| {
            let (mut store, instance) = component.instantiate();
            let response = instance.flint_mqtt_connector().call_send(&mut store, &config, &request).unwrap();
            assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
        });
    });
    let mut group = criterion.benchmark_group("guest");
    for (name, count, size) in
        [("batch of 1000 requests", BATCH, 64), ("batch of 100 requests, 16 KiB", BATCH / 10, 16 * 1024)]
    {
        let requests = vec![json!({ "content": "x".repeat(size) }).to_string(); count];
        group.throughput(Throughput::Elements(count.try_into().unwrap()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (mut store, instance) = component.instantiate();
                let answers =
                    instance.flint_mqtt_connector().call_send_batch(&mut store, &config, &requests).unwrap();
                assert!(answers.iter().all(|answer| answer.meta.exit_code == 0));
            });
        });
    }
    group.finish();
}

/// Through the library.
fn library(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connector = Connector::builder().idle(Duration::from_secs(600)).build().unwrap();
    let operator = Arc::new(Tenant::unrestricted("operator"));
    let state = r#"{"content": {"state": {"desired": {"on": true}}}}"#;
    criterion.bench_function("check, AWS IoT", |bencher| {
        bencher.iter(|| {
            let response = runtime.block_on(connector.check(&operator, black_box(AWS), black_box(state)));
            assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
        });
    });

    let broker = Mosquitto::builder().quiet_log().start();
    let address = format!("tcp://{}", broker.address());
    let mut limits = Limits::default();
    limits.messages_per_second = u32::MAX;
    let tenant = Tenant::builder("parts").broker(address.parse().unwrap()).topics("bench".parse().unwrap());
    let tenant = Arc::new(tenant.limits(limits).build());
    let config = json!({ "broker": address, "client-id": "parts", "topic": "bench" }).to_string();
    for qos in 0..=2 {
        let request = json!({ "qos": qos, "content": "x".repeat(64) }).to_string();
        criterion.bench_function(&format!("send, warm connection, QoS {qos}"), |bencher| {
            bencher.iter(|| {
                let response = runtime.block_on(connector.send(&tenant, &config, &request));
                assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
            });
        });
    }
    runtime.block_on(connector.close());
}

/// The component, linked.
struct Acknowledging {
    engine: Engine,
    component: MqttConnectorPre<Publisher>,
}

struct Publisher;

impl Host for Publisher {
    fn publish(
        &mut self,
        _: ConnectOptions,
        messages: Vec<Message>,
        _: RetryPolicy,
    ) -> wasmtime::Result<Result<Vec<Result<Receipt, Error>>, Error>> {
        let receipts = messages.iter().map(|message| {
            Ok(Receipt {
                qos: message.qos,
                reason_code: 0,
                broker: 0,
                assigned_client_id: None,
                elapsed_microseconds: 1,
            })
        });
        Ok(Ok(receipts.collect()))
    }

    fn check(
        &mut self,
        _: ConnectOptions,
        _: Vec<Message>,
        _: RetryPolicy,
    ) -> wasmtime::Result<Result<Vec<Remark>, Error>> {
        Ok(Ok(Vec::new()))
    }

    fn connections_tried(&mut self) -> wasmtime::Result<u32> {
        Ok(1)
    }
}

impl Acknowledging {
    fn load() -> Self {
        let engine = Engine::new(&config::config()).unwrap();
        let component = Component::from_binary(&engine, mqtt_connector::component()).unwrap();
        let mut linker = Linker::new(&engine);
        MqttConnector::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut Publisher| state).unwrap();
        let component = MqttConnectorPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        Self { engine, component }
    }

    /// A store and an instance, as each call has them.
    fn instantiate(&self) -> (Store<Publisher>, MqttConnector) {
        let mut store = Store::new(&self.engine, Publisher);
        store.set_epoch_deadline(1);
        let instance = self.component.instantiate(&mut store).unwrap();
        (store, instance)
    }
}
