//! A connector for one call: what bounds it, as nothing interrupts it.

use mqtt_connector::Connector;
use mqtt_connector_tests::{Mosquitto, Observer, ScriptedBroker};
use serde_json::{Value, json};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Config, Engine, Store};

use crate::support::{PATIENCE, assert_meta, block_on, builder, config, operator};

/// What the component may compute for short documents, in WebAssembly's instructions. A processor needs less than 10 ms for so
/// many, which is the least that [`Limits::cpu`](mqtt_connector::Limits::cpu) can be.
const MOST: u64 = 60_000_000;

#[test]
fn a_connector_for_one_call_sends() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let connector = builder().one_shot().build().unwrap();
    let request = json!({ "topic": "t", "content": "x" }).to_string();
    let meta = block_on(async {
        let meta = connector.send(&operator(), &config(broker.port()).to_string(), &request).await.meta;
        connector.close().await;
        meta
    });
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"x");
}

/// Their machine code is the same pages: it stays executable when one of them is gone.
#[test]
fn connectors_for_one_call_stand_beside_each_other() {
    let broker = ScriptedBroker::untouched();
    let config = config(broker.port()).to_string();
    let request = json!({ "topic": "t", "content": "x" }).to_string();
    let checked =
        |connector: &Connector| block_on(connector.check(&operator(), &config, &request)).meta.exit_code;
    let first = builder().one_shot().build().unwrap();
    let second = builder().one_shot().build().unwrap();
    assert_eq!((checked(&first), checked(&second)), (0, 0));
    drop(first);
    assert_eq!(checked(&second), 0);
    assert_eq!(checked(&builder().one_shot().build().unwrap()), 0);
    broker.finish();
}

#[test]
fn a_connector_for_one_call_takes_no_long_documents() {
    let broker = ScriptedBroker::untouched();
    let connector = builder().one_shot().build().unwrap();
    let config = config(broker.port()).to_string();
    let around = json!({ "topic": "t", "content": "" }).to_string().len();
    let request = |length: usize| json!({ "topic": "t", "content": "x".repeat(length - around) }).to_string();
    let longest = Connector::LARGEST_ONE_SHOT;
    let checked = |request: &str| block_on(connector.check(&operator(), &config, request)).meta;
    let fits = request(longest - config.len());
    assert_eq!(checked(&fits).exit_code, 0);
    let denied = |length: usize| {
        format!(
            "Not sent, it is not allowed: configuration and request have {length} bytes, of {longest} that a connector for one \
             call takes."
        )
    };
    assert_meta(&checked(&request(longest - config.len() + 1)), 77, &denied(longest + 1));

    // With each request the component reads the configuration again.
    let requests = [fits, "{}".to_owned()];
    let length = longest + config.len() + 2;
    for response in block_on(connector.send_batch(&operator(), &config, &requests)) {
        assert_meta(&response.meta, 77, &denied(length));
    }
    broker.finish();
}

#[test]
fn short_documents_are_read_soon_whatever_is_in_them() {
    let mut settings = Config::new();
    settings.consume_fuel(true);
    let engine = Engine::new(&settings).unwrap();
    let component = Component::from_binary(&engine, mqtt_connector::component()).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let linked = linker.instantiate_pre(&component).unwrap();
    let interface = component.get_export_index(None, "flint:mqtt/connector@0.2.0").unwrap();
    let check = component.get_export_index(Some(&interface), "check").unwrap();
    for (name, document) in documents() {
        assert!(
            (Connector::LARGEST_ONE_SHOT / 2..=Connector::LARGEST_ONE_SHOT).contains(&document.len()),
            "{name}: {} bytes",
            document.len()
        );
        let mut store = Store::new(&engine, ());
        store.set_fuel(10 * MOST).unwrap();
        let instance = linked.instantiate(&mut store).unwrap();
        let check = instance.get_func(&mut store, check).unwrap();
        let mut answer = [Val::Bool(false)];
        // With a document in which nothing is wrong, it publishes, which is a trap here.
        let _ = check.call(&mut store, &[Val::String(document), Val::String("{}".to_owned())], &mut answer);
        let used = 10 * MOST - store.get_fuel().unwrap();
        assert!(used <= MOST, "{name}: {used} instructions");
    }
}

/// Documents that are as much work for their length as any that are known.
fn documents() -> Vec<(&'static str, String)> {
    let with = |name: &str, value: Value| {
        let mut document = json!({ "broker": "tcp://a:1", "client-id": "a", "topic": "t", "content": "c" });
        document[name] = value;
        document.to_string()
    };
    let members = |count, member: &dyn Fn(usize) -> String| {
        let all: Vec<_> = (0..count).map(member).collect();
        format!("{{{}}}", all.join(","))
    };
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", "A".repeat(60_000));
    vec![
        ("names that are nearly known", members(4000, &|n| format!("\"brokr{n}\":1"))),
        ("a long name", members(1, &|_| format!("\"{}\":1", "b".repeat(60_000)))),
        ("one name again and again", members(8000, &|_| "\"qos\":1".to_owned())),
        ("brokers", with("broker", (0..2300).map(|n| format!("tcp://a{n}.example:1883")).collect())),
        (
            "brokers that are none",
            with("broker", (0..2300).map(|n| format!("tcpx://a{n}.example:x")).collect()),
        ),
        ("properties", with("user-properties", (0..4000).map(|n| (format!("k{n}"), json!("v"))).collect())),
        ("control characters", with("content", json!("\u{1}".repeat(10_000)))),
        ("numbers", with("content", vec![1e300; 9000].into())),
        ("a long number", "{\"qos\":".to_owned() + &"9".repeat(60_000) + "}"),
        ("brackets", "{\"content\":".to_owned() + &"[".repeat(60_000)),
        ("text of a certificate", with("root-ca-crt", json!(pem))),
    ]
}
