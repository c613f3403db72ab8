//! The service, a broker and a subscriber in one process, asked with `curl`: one send that is waited for, and one that is not
//! (`make serve-demo`). Exit status 0 if both messages arrived.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mqtt_connector::{Connector, Tenant, Token, TokenDigest};
use mqtt_connector_cli::demo::{Message, STEP, Subscriber, TOPIC, beside_broker};
use mqtt_connector_service::http::{Address, Api, Listener, Server};
use mqtt_connector_service::{Executions, SqliteStore};
use rumqttc::QoS;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let connector = Connector::new().context("the connector cannot be started")?;
    let mut out = std::io::stdout().lock();
    let arrived = beside_broker(async |broker| demonstrate(connector, broker, &mut out).await).await?;
    Ok(if arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks the service for two sends, and writes to `out` what was asked for, what came back, and what the subscriber received. True
/// if both messages arrived byte for byte.
async fn demonstrate(connector: Connector, broker: SocketAddr, out: &mut impl Write) -> anyhow::Result<bool> {
    let directory = TempDir::new()?;
    let mut subscriber = timeout(STEP, Subscriber::subscribe(broker))
        .await
        .context("the broker did not answer the subscriber in time")??;

    let broker = format!("tcp://{broker}");
    let token = Token::new_text().context("the system gives no random bits")?;
    let config = json!({"broker": broker, "client-id": "mqtt-connector-demo", "topic": TOPIC, "qos": 1});
    let tenant = Tenant::builder("demo").broker(broker.parse()?).topics(TOPIC.parse()?).timeout(STEP);
    let tenant = tenant.config(config.to_string()).token(Token::new("demo", TokenDigest::of(&token))?);
    connector.tenants().replace(tenant.build());
    let connector = Arc::new(connector);
    let store = SqliteStore::open(directory.path().join("executions.db"))?;
    let executions = Executions::builder(Arc::clone(&connector), Arc::new(store)).start();
    let api = Api::builder(Arc::clone(&connector), executions).build();
    let listener = Listener::bind(&Address::Tcp(([127, 0, 0, 1], 0).into())).await?;
    let url = format!("http://{}", listener.address());
    let stop = CancellationToken::new();
    let server = tokio::spawn(Server::new(listener, api.router(true)).serve(stop.clone().cancelled_owned()));

    writeln!(out, "broker      {broker}, crate mqtt5, in this process")?;
    writeln!(out, "subscriber  crate rumqttc, to {TOPIC} with QoS 2")?;
    writeln!(
        out,
        "service     {url}, in this process, for a tenant that may use this broker and nothing else"
    )?;
    writeln!(out, "            TOKEN is one of the tenant's; its configuration is {config}")?;

    writeln!(out, "\nsynchronous: the answer comes when the broker has the message")?;
    let sent = ask(out, &url, &token, "/v1/send", Some(r#"{"content": "21.5 °C"}"#)).await?;
    let mut arrived = sent["meta"]["exit-code"] == 0 && received(&mut subscriber, "21.5 °C", out).await?;

    writeln!(out, "\nasynchronous: it is kept when the answer comes, and carried out whatever happens then")?;
    let body = r#"{"request": {"content": "21.6 °C"}, "attempts": 3}"#;
    let accepted = ask(out, &url, &token, "/v1/executions", Some(body)).await?;
    let id = accepted["id"].as_str().context("the execution has no identifier")?;
    arrived &= received(&mut subscriber, "21.6 °C", out).await?;
    let execution = ask(out, &url, &token, &format!("/v1/executions/{id}?wait=5"), None).await?;
    arrived &= execution["meta"]["exit-code"] == 0;

    api.drain(STEP).await;
    stop.cancel();
    server.await?;
    connector.close().await;
    writeln!(out)?;
    writeln!(
        out,
        "{}",
        if arrived { "Both messages arrived, byte for byte." } else { "Not both messages arrived." }
    )?;
    Ok(arrived)
}

/// Asks with `curl`, and shows the command and the answer.
async fn ask(
    out: &mut impl Write,
    url: &str,
    token: &str,
    path: &str,
    body: Option<&str>,
) -> anyhow::Result<Value> {
    let shown = body.map(|body| format!(" --json '{body}'")).unwrap_or_default();
    writeln!(out, "  $ curl '{url}{path}' -H \"Authorization: Bearer $TOKEN\"{shown}")?;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "10", &format!("{url}{path}")]);
    curl.args(["-H", &format!("Authorization: Bearer {token}")]);
    if let Some(body) = body {
        curl.args(["--json", body]);
    }
    let output =
        tokio::task::spawn_blocking(move || curl.output()).await?.context("curl cannot be started")?;
    ensure!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    let answer = String::from_utf8(output.stdout)?;
    writeln!(out, "  {answer}")?;
    Ok(serde_json::from_str(&answer)?)
}

/// Shows what the subscriber receives. True if it is this content.
async fn received(
    subscriber: &mut Subscriber,
    content: &'static str,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    const PATIENCE: Duration = STEP;

    let Ok(message) = timeout(PATIENCE, subscriber.message()).await else {
        writeln!(out, "  received  nothing, in {} seconds", PATIENCE.as_secs())?;
        return Ok(false);
    };
    let message = message?;
    writeln!(out, "  received  {message}")?;
    Ok(message == Message { topic: TOPIC.into(), qos: QoS::AtLeastOnce, payload: content.into() })
}
