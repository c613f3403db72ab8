//! A platform with an engine of its own, for example because it runs other components as well: the publisher is one more
//! interface in its linker, beside those of its own.
//!
//! What [`mqtt_connector::Connector`] does for its callers is this platform's own business here: limits on memory and on
//! computing, and whether a component's answer is believed ([`PublisherCtx::tally`]).
//!
//! ```sh
//! cargo run --example own_engine --features compiler -- tcp://127.0.0.1:1883
//! ```

use mqtt_connector::Tenant;
use mqtt_connector::publisher::{self, Publisher, PublisherCtx, PublisherView};
use serde_json::json;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

/// The exports of a connector. The import is not bound here: the publisher brings its own types.
mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        inline: "package example:host; world exports { export flint:mqtt/connector@0.2.0; }",
        world: "example:host/exports",
        exports: { default: async },
    });
}

/// What a store holds for one call.
struct State {
    publisher: PublisherCtx,
}

impl PublisherView for State {
    fn publisher(&mut self) -> &mut PublisherCtx {
        &mut self.publisher
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker =
        std::env::args().nth(1).ok_or("usage: own_engine BROKER, as in own_engine tcp://127.0.0.1:1883")?;

    // Once per process.
    let engine = Engine::default();
    let mut linker = Linker::<State>::new(&engine);
    publisher::add_to_linker(&mut linker)?;
    let component = Component::from_binary(&engine, mqtt_connector::component())?;
    let connector = bindings::ExportsPre::new(linker.instantiate_pre(&component)?)?;
    let publisher = Publisher::default();

    // Once per tenant.
    let tenant = Tenant::builder("acme").broker(broker.parse()?).topics("acme/#".parse()?).build();
    let config = json!({ "broker": broker, "client-id": "acme-flow" }).to_string();
    let request = json!({ "topic": "acme/door", "content": "open" }).to_string();

    // Once per call: its time starts with the context.
    let context = PublisherCtx::builder(tenant).publisher(publisher.clone()).build();
    let mut store = Store::new(&engine, State { publisher: context });
    let instance = connector.instantiate_async(&mut store).await?;
    let response = instance.flint_mqtt_connector().call_send(&mut store, &config, &request).await?;
    println!("{} {}", response.meta.exit_code, response.meta.message);
    println!("{} acknowledged", store.data().publisher.tally().acknowledged);

    publisher.close().await;
    Ok(())
}
