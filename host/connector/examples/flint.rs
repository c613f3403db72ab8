//! The call that the documentation of the Flint platform has for its MQTT connector, beside the same call of this one:
//! configuration, request and response. The configuration's members and the request's have the same names; what Flint calls
//! `response.exitcode` and `response.message` is `meta`.
//!
//! ```sh
//! cargo run --example flint -- tcp://127.0.0.1:1883
//! ```

use mqtt_connector::{Connector, Tenant};
use serde_json::json;

/// How a Flintbit, in Ruby, calls the connector that an operator has configured under the name `mqtt`.
const FLINTBIT: &str = r#"response = @call.connector("mqtt")
                .set("action", "send")
                .set("topic", "acme/door")
                .set("qos", 1)
                .set("content", "open")
                .set("timeout", 60000)
                .sync
exitcode = response.exitcode
message = response.message
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = std::env::args().nth(1).ok_or("usage: flint BROKER, as in flint tcp://127.0.0.1:1883")?;
    let connector = Connector::new()?;
    let tenant = Tenant::builder("acme").broker(broker.parse()?).topics("acme/#".parse()?).build();

    // What the operator enters once, in both.
    let config = json!({ "broker": broker, "client-id": "flint" }).to_string();
    // What a workflow sets for each call: `set(name, value)` is a member.
    let request = r#"{"action":"send","topic":"acme/door","qos":1,"content":"open","timeout":60000}"#;
    // `.sync` waits for the response.
    let response = connector.send(&tenant, &config, request).await;

    println!("Flint\n{FLINTBIT}\nhere\nconfig    {config}\nrequest   {request}");
    println!("response  {}", serde_json::to_string(&response)?);
    println!("exitcode  {}\nmessage   {}", response.meta.exit_code, response.meta.message);
    connector.close().await;
    Ok(())
}
