//! A platform with many tenants, which an operator watches: what each may do and has configured comes out of JSON, as out of a
//! database; Prometheus gets the metrics, and the log the spans.
//!
//! ```sh
//! RUST_LOG=mqtt_connector=info cargo run --example many_tenants -- tcp://127.0.0.1:1883
//! ```

use metrics_exporter_prometheus::PrometheusBuilder;
use mqtt_connector::{Connector, Outcome, Tenants, telemetry};
use serde_json::json;
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = std::env::args()
        .nth(1)
        .ok_or("usage: many_tenants BROKER, as in many_tenants tcp://127.0.0.1:1883")?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let prometheus = PrometheusBuilder::new().install_recorder()?;
    telemetry::describe();

    let stored = |topics: &str, per_second: u32| {
        json!({
            "brokers": [broker],
            "topics": [topics],
            "limits": { "messages-per-second": per_second, "timeout": "5 s" },
            "config": { "broker": broker, "client-id": "", "qos": 1, "timeout": 500 }
        })
    };
    let tenants = json!({ "acme": stored("acme/#", 100), "globex": stored("globex/#", 1) });
    let tenants: Tenants = serde_json::from_value(tenants)?;
    let connector = Connector::builder().tenants(tenants).build()?;

    // Each request says who it is from. The third is one too many for a second of globex, the last is from nobody.
    for (name, topic) in [
        ("acme", "acme/door"),
        ("globex", "globex/door"),
        ("globex", "globex/door"),
        ("acme", "globex/door"),
        ("initech", "a"),
    ] {
        let config =
            connector.tenants().get(name).map(|tenant| tenant.config().to_owned()).unwrap_or_default();
        let request = json!({ "topic": topic, "content": "open" }).to_string();
        let response = connector.send_as(name, &config, &request).await;
        let outcome = match response.outcome() {
            Outcome::Sent => "sent".to_owned(),
            Outcome::NotSent { retry } => format!("not sent; send it again: {}", retry.as_str()),
            Outcome::Uncertain => "may have arrived".to_owned(),
        };
        println!("{name}, {topic}: {outcome}");
    }
    connector.close().await;

    // A platform answers with this where Prometheus asks.
    print!("{}", prometheus.render());
    Ok(())
}
