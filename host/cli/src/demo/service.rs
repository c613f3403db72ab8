//! `mqtt-connector demo --service`: the service, a broker and a subscriber in one process, asked with `curl`: one send that is waited for, and
//! one that is not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use mqtt_connector::{Connector, Tenant, Token, TokenDigest};
use mqtt_connector_service::http::{Address, Api, Listener, Server};
use mqtt_connector_service::{Executions, SqliteStore};
use mqtt5::broker::MqttBroker;
use rumqttc::QoS;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{DEADLINE, Message, STEP, Subscriber, TOPIC, on_loopback};
use crate::tenants;

/// Asks the service for two sends, and writes to `out` what was asked for, what came back, and what the subscriber received. True
/// if both messages arrived byte for byte.
///
/// # Errors
///
/// The broker or the service did not start, `curl` is not there, it took too long, or `out` cannot be written.
pub(crate) async fn run(connector: Connector, out: &mut impl Write) -> anyhow::Result<bool> {
    let mut broker =
        MqttBroker::with_config(on_loopback()).await.context("the demo's broker did not start")?;
    let address = broker.local_addr().context("the demo's broker has no address")?;
    let directory = Directory::make()?;
    let url = format!("tcp://{address}");
    let demonstration = timeout(DEADLINE, demonstrate(connector, &url, &directory.0, out));
    tokio::select! {
        shown = demonstration => {
            shown.with_context(|| format!("the demo was not over after {} seconds", DEADLINE.as_secs()))?
        }
        stopped = broker.run() => {
            stopped.context("the demo's broker failed")?;
            bail!("the demo's broker stopped before the demo was over")
        }
    }
}

/// A directory that is gone in the end.
struct Directory(PathBuf);

impl Directory {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("mqtt-connector-demo-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Who cleans the directory up has done it before.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn demonstrate(
    connector: Connector,
    broker: &str,
    directory: &Path,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let port =
        broker.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).context("the broker has no port")?;
    let mut subscriber = timeout(STEP, Subscriber::subscribe(([127, 0, 0, 1], port).into()))
        .await
        .context("the broker did not answer the subscriber in time")??;

    let token = tenants::new_token().context("the system gives no random bits")?;
    let config = json!({"broker": broker, "client-id": "mqtt-connector-demo", "topic": TOPIC, "qos": 1});
    let tenant = Tenant::builder("demo").broker(broker.parse()?).topics(TOPIC.parse()?).timeout(STEP);
    let tenant = tenant.config(config.to_string()).token(Token::new("demo", TokenDigest::of(&token))?);
    connector.tenants().replace(tenant.build());
    let connector = Arc::new(connector);
    let store = SqliteStore::open(directory.join("executions.db"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_messages_arrive() {
        let mut out = Vec::new();
        let both = run(Connector::new().unwrap(), &mut out).await.unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(both, "{out}");
        for line in [
            "  {\"meta\":{\"exit-code\":0,",
            "  received  demo/kitchen/temperature, QoS 1, 8 bytes: \"21.5 °C\"\n",
            "\"status\":\"accepted\"}\n",
            "  received  demo/kitchen/temperature, QoS 1, 8 bytes: \"21.6 °C\"\n",
            "\"status\":\"finished\"",
        ] {
            assert_eq!(out.matches(line).count(), 1, "{line} in:\n{out}");
        }
        assert!(out.ends_with("\nBoth messages arrived, byte for byte.\n"), "{out}");
    }
}
