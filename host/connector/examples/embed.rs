//! The smallest platform: one tenant with a stored configuration, and two requests of its workflows.
//!
//! ```sh
//! cargo run --example embed -- tcp://127.0.0.1:1883
//! ```

use mqtt_connector::{Connector, Tenant};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = std::env::args().nth(1).ok_or("usage: embed BROKER, as in embed tcp://127.0.0.1:1883")?;

    // Once per process.
    let connector = Connector::new()?;

    // Once per tenant: what the platform lets it do, and what the tenant has configured.
    let tenant = Tenant::builder("acme").broker(broker.parse()?).topics("acme/#".parse()?).build();
    let config = json!({ "broker": broker, "client-id": "acme-flow", "qos": 1 }).to_string();

    // For each step of a workflow.
    for request in [
        json!({ "topic": "acme/door", "content": { "open": true } }),
        json!({ "topic": "acme/door/state", "content": "open", "qos": 2, "retain": true }),
    ] {
        let response = connector.send(&tenant, &config, &request.to_string()).await;
        println!("{} {}", response.meta.exit_code, response.meta.message);
    }

    // Before the process ends: the requests have shared a connection, which says goodbye to the broker.
    connector.close().await;
    Ok(())
}
