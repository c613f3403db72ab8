//! The first page: how sends end, what waits, and what the tenant may do.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use mqtt_connector::Tenant;
use mqtt_connector::exit_code::{ExitCode, SENT};
use tokio::time::timeout;

use super::layout::{Place, page, sentence};
use super::plot::{bars, parts};
use super::shown::{clock, duration, number, whole};
use super::visitor::{Refused, Visitor};
use super::{Console, certificates, verdict};
use crate::Timestamp;
use crate::counts::{Seen, Span};
use crate::error::StoreError;
use crate::execution::Status;
use crate::query::Query;

/// How many executions are counted; of more it is said that there are more. A store may have to read each of them.
const COUNTED: u32 = 100;

/// How long the check of the configuration may take before the page is shown without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is shown in its place.
const BUSY: &str = "It was not checked: the tenant has as many sends under way as it may.";

/// The page.
pub(super) async fn overview(State(console): State<Console>, visitor: Visitor) -> Result<Response, Refused> {
    let tenant = &visitor.tenant;
    let now = Timestamp::now();
    let counts = console.api.executions().counts();
    let waiting = count(&console, tenant, |query| query.status = Some(Status::Accepted)).await?;
    let running = count(&console, tenant, |query| query.status = Some(Status::Running)).await?;
    let dead = count(&console, tenant, |query| query.dead_letters = true).await?;
    // A check waits for its turn as a send does: a tenant that is busy sees its numbers all the same.
    let checked = timeout(PATIENCE, console.api.connector().check(tenant, tenant.config(), "{}")).await;
    let checked = checked.map_or_else(|_| BUSY.to_owned(), |checked| whole(&checked.meta.message));
    let main = html! {
        div #overview data-live="10000" {
            ul.tiles {
                (in_use(tenant.quotas().sends_under_way(), tenant.limits().concurrent_sends, "sends", "under way, of its limit concurrent-sends"))
                (in_use(tenant.quotas().connections_open(), tenant.limits().connections, "connections", "open to brokers, of its limit connections"))
                (tile(&waiting, "waiting", "/console/executions?status=accepted", "accepted, and not sent yet"))
                (tile(&running, "being sent", "/console/executions?status=running", "executions that are running"))
                (tile(&dead, "dead letters", "/console/executions?dead-letters=true", "ended without having been sent well"))
            }
            @for span in Span::ALL { (of_span(&counts.seen(tenant.name(), span, now), span)) }
            p.help {
                "The plots and their numbers count what this process has answered since it was started: sends that were waited for, and each attempt of "
                "an execution. The latency of a message that was sent in a batch is not among them. What waits, runs or is dead is read from the store."
            }
        }
        section aria-labelledby="may" {
            h2 id="may" { "What " (tenant.name()) " may do" }
            ul.words { @for line in tenant.in_words() { li { (sentence(&line)) } } }
        }
        (certificates::section(tenant, now).await)
        section aria-labelledby="config" {
            h2 id="config" { "The configuration" }
            p { "Of itself, before anything is asked for:" }
            p.message { (checked) }
        }
    };
    Ok(page(&visitor, Some(Place::Overview), "Overview", &main))
}

/// How many executions of the tenant there are like that.
async fn count(
    console: &Console,
    tenant: &Tenant,
    like: impl FnOnce(&mut Query),
) -> Result<String, StoreError> {
    let mut query =
        Query { tenant: Some(tenant.name().to_owned()), limit: NonZeroU32::new(COUNTED), ..Query::default() };
    like(&mut query);
    let page = console.api.executions().list(query).await?;
    let more = if page.cursor.is_some() { "+" } else { "" };
    Ok(format!("{}{more}", number(page.executions.len() as u64)))
}

fn tile(count: &str, what: &str, path: &str, help: &str) -> Markup {
    html! { li { a href=(path) { strong { (count) } " " (what) } p.help { (help) } } }
}

/// How much of a limit is in use.
fn in_use(used: usize, limit: u32, what: &str, help: &str) -> Markup {
    html! { li { strong { (number(used as u64)) } " of " (number(limit.into())) " " (what) p.help { (help) } } }
}

fn of_span(seen: &Seen, span: Span) -> Markup {
    let (id, title) = match span {
        Span::Hour => ("hour", "The last hour"),
        Span::Day => ("day", "The last day"),
    };
    let [reached, uncertain, not_sent] = parts(&seen.whole);
    let label = format!(
        "{title}: {} sent, {} may have arrived, {} not sent",
        number(reached),
        number(uncertain),
        number(not_sent)
    );
    html! {
        section.span aria-labelledby=(id) {
            h2 id=(id) { (title) }
            @if seen.whole.count() == 0 { p.empty { "Nothing was sent." } } @else {
                (bars(&seen.slots, span, &label))
                p.ends {
                    @if let Some(first) = seen.slots.first() { span { (clock(first.began(span))) } }
                    span { "now" }
                }
                div.numbers {
                    dl {
                        div { dt { "Sent" } dd.good { (number(reached)) } }
                        div { dt { "May have arrived" } dd.uncertain { (number(uncertain)) } }
                        div { dt { "Not sent" } dd.bad { (number(not_sent)) } }
                        div { dt { "Sends a minute" } dd { (rate(seen, span)) } }
                    }
                    dl {
                        @for (name, per_mille) in [("p50", 500), ("p95", 950), ("p99", 990)] {
                            div { dt { "Latency " (name) } dd { (seen.whole.latency(per_mille).map_or_else(|| "–".to_owned(), duration)) } }
                        }
                    }
                }
                (failures(seen))
            }
        }
    }
}

/// How many sends ended a minute, on average.
fn rate(seen: &Seen, span: Span) -> String {
    let minutes = span.slot() / 60_000 * i64::try_from(span.slots()).unwrap_or(1);
    #[expect(clippy::cast_precision_loss, reason = "it is shown to two digits")]
    let rate = seen.whole.count() as f64 / minutes as f64;
    match rate {
        ..1.0 => format!("{rate:.2}"),
        1.0..10.0 => format!("{rate:.1}"),
        _ => format!("{rate:.0}"),
    }
}

fn failures(seen: &Seen) -> Markup {
    let mut failures: Vec<_> = seen.whole.codes.iter().filter(|(code, _)| **code != SENT).collect();
    failures.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    html! {
        @if !failures.is_empty() {
            table.failures {
                caption { "What was not sent well" }
                thead { tr { th scope="col" { "Exit code" } th scope="col" { "What it means" } th scope="col" { "Sends" } } }
                tbody {
                    @for (code, count) in failures {
                        @let meta = mqtt_connector::Meta { exit_code: *code, message: String::new() };
                        tr {
                            td { (verdict::badge(&meta)) }
                            td { @if let Some(known) = ExitCode::find(*code) { (sentence(known.meaning)) } }
                            td.number { (number(*count)) }
                        }
                    }
                }
            }
        }
    }
}
