//! The pages about executions: a list, and one with its attempts.

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::super::problem::Problem;
use super::super::query;
use super::layout::{Place, csrf, page};
use super::send::utc;
use super::shown::{lines, time, whole};
use super::timeline::timeline;
use super::verdict::{self, badge};
use super::visitor::{Posted, Refused, Values, Visitor};
use super::{Console, fields, form};
use crate::error::ChangeError;
use crate::execution::{Execution, Id, Status};
use crate::query::{Cursor, Page, Query};

/// How many executions a page lists.
const LIMIT: &str = "50";

/// The list, newest first, with its filters.
pub(super) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, Refused> {
    let query = uri.query().unwrap_or_default();
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let asked = Query { tenant: Some(visitor.tenant.name().to_owned()), ..asked(&pairs)? };
    let values = Values::new(pairs);
    let Page { executions, cursor, .. } = console.api.executions().list(asked).await?;
    let is_dead = values.get("dead-letters") == Some("true");
    let place = if is_dead { Place::DeadLetters } else { Place::Executions };
    let title = if is_dead { "Dead letters" } else { "Executions" };
    let is_first = values.get("cursor").is_none();
    let main = html! {
        @if is_dead {
            p.intro { "What ended without having been sent well. Each keeps its request until it is sent again, or its time to be kept is over." }
        }
        (filters(&values))
        div #list data-live=[is_first.then_some("2000")] {
            @if executions.is_empty() {
                p.empty { "There is no execution" @if !query.is_empty() { " like that" } ". " a href="/console/send" { "Send a message" } }
            } @else { (table(&visitor, &executions)) }
        }
        @if let Some(cursor) = cursor { p { a.button href=(older(&values, &cursor)) { "Older ones" } } }
    };
    Ok(page(&visitor, Some(place), title, &main))
}

/// What the filters ask for.
fn asked(pairs: &[(String, String)]) -> Result<Query, Problem> {
    let mut text = String::from("/?");
    let mut serializer = form_urlencoded::Serializer::for_suffix(&mut text, 2);
    serializer.append_pair("limit", LIMIT);
    for (name, value) in pairs {
        let value = match name.as_str() {
            "since" => utc(value).map_or(value.clone(), |since| since.to_string()),
            _ => value.clone(),
        };
        serializer.append_pair(name, &value);
    }
    let uri = text.parse::<Uri>().map_err(|_| Problem::bad_request("what stands behind ? is too long"))?;
    query::list(&uri)
}

/// Where the next page is.
fn older(values: &Values, cursor: &Cursor) -> String {
    let mut text = String::from("/console/executions?");
    let at = text.len();
    let mut serializer = form_urlencoded::Serializer::for_suffix(&mut text, at);
    for name in ["status", "topic", "since", "dead-letters"] {
        if let Some(value) = values.get(name) {
            serializer.append_pair(name, value);
        }
    }
    serializer.append_pair("cursor", &cursor.to_string());
    text
}

fn filters(values: &Values) -> Markup {
    let status = values.get("status").unwrap_or_default();
    html! {
        form.filters method="get" action="/console/executions" role="search" aria-label="Executions" {
            div {
                label for="f-status" { "Status" }
                select id="f-status" name="status" {
                    option value="" { "any" }
                    @for known in Status::ALL {
                        option value=(known.as_str()) selected[known.as_str() == status] { (known.as_str()) }
                    }
                }
            }
            div {
                label for="f-topic" { "Topic, exactly" }
                input id="f-topic" name="topic" type="text" value=(values.get("topic").unwrap_or_default()) autocomplete="off" spellcheck="false";
            }
            div {
                label for="f-since" { "Accepted since, UTC" }
                input id="f-since" name="since" type="datetime-local" value=(values.get("since").unwrap_or_default());
            }
            div.check {
                input id="f-dead" name="dead-letters" type="checkbox" value="true" checked[values.get("dead-letters") == Some("true")];
                label for="f-dead" { "dead letters only" }
            }
            button type="submit" { "Show" }
        }
    }
}

fn table(visitor: &Visitor, executions: &[Execution]) -> Markup {
    html! {
        table.executions {
            thead { tr {
                th scope="col" { "Accepted" }
                th scope="col" { "Topic" }
                th scope="col" { "Status" }
                th scope="col" { "Answer" }
                th scope="col" { "Attempts" }
                th scope="col" { span.hidden { "What to do" } }
            } }
            tbody {
                @for execution in executions {
                    tr {
                        td data-label="Accepted" { a href=(path(execution.id)) { (time(execution.accepted)) } }
                        td.topic data-label="Topic" { (topic(execution)) }
                        td data-label="Status" { (status(execution)) }
                        td data-label="Answer" { @if let Some(meta) = &execution.meta { (badge(meta)) } @else { "–" } }
                        td data-label="Attempts" { (execution.attempts.len()) " of " (execution.options.attempts) }
                        td.do { (changes(visitor, execution, true)) }
                    }
                }
            }
        }
    }
}

fn topic(execution: &Execution) -> String {
    execution.topic.as_deref().map_or_else(|| "that of the configuration".to_owned(), whole)
}

fn status(execution: &Execution) -> Markup {
    let colour = match execution.status {
        Status::Accepted | Status::Running => "open",
        Status::Finished if execution.is_dead_letter() => "bad",
        Status::Finished => "good",
        Status::Cancelled | Status::Expired => "quiet",
    };
    html! { span.badge.(colour) { (execution.status.as_str()) } }
}

fn path(id: Id) -> String {
    format!("/console/executions/{id}")
}

/// What can be done with it.
fn changes(visitor: &Visitor, execution: &Execution, is_short: bool) -> Markup {
    let id = execution.id;
    let of = format!("the execution for {}", topic(execution));
    let is_dead = execution.is_open_dead_letter();
    html! {
        @if execution.status == Status::Accepted && !execution.may_have_arrived() {
            form method="post" action={ (path(id)) "/cancel" } {
                (csrf(visitor))
                button type="submit" aria-label={ "Cancel " (of) } { "Cancel" }
            }
        }
        @if is_dead {
            form method="post" action={ (path(id)) "/retry" } {
                (csrf(visitor))
                button type="submit" aria-label={ "Send again: " (of) } { "Send again" }
            }
            @if !is_short { a.button href={ "/console/send?from=" (id) } { "Change and send" } }
        }
    }
}

/// One execution.
pub(super) async fn one(
    State(console): State<Console>,
    visitor: Visitor,
    path: IdPath,
) -> Result<Response, Refused> {
    let id = id(path)?;
    let execution = console.api.executions().get(visitor.tenant.name(), id).await?;
    let execution = execution.ok_or(ChangeError::Unknown(id))?;
    let main = html! {
        div #execution data-live=[(!execution.status.is_final()).then_some("2000")] {
            (facts(&execution))
            div.actions { (changes(&visitor, &execution, false)) }
            h2 { "What happened" }
            (timeline(&execution))
            @if let (true, Some(meta)) = (execution.status.is_final(), &execution.meta) {
                (verdict::answer(&verdict::kept(meta), "Answer", &html! {}))
            }
        }
        @match &execution.request {
            Some(request) => (asked_for(&console, request.as_str()).await?),
            None => p.note { "The request is no longer kept: it is removed when it was sent, cancelled, or sent again." }
        }
    };
    Ok(page(&visitor, Some(Place::Executions), "Execution", &main))
}

fn facts(execution: &Execution) -> Markup {
    let options = &execution.options;
    let other = |id: Id| html! { a href=(path(id)) { code { (id) } } };
    html! {
        dl.facts {
            div { dt { "Status" } dd { (status(execution)) } }
            div { dt { "Topic" } dd.topic { (topic(execution)) } }
            div { dt { "Identifier" } dd { code { (execution.id) } } }
            div { dt { "Attempts" } dd { (execution.attempts.len()) " of at most " (options.attempts) } }
            @if let Some(time_of) = options.not_before { div { dt { "Not before" } dd { (time(time_of)) } } }
            @if let Some(time_of) = options.expires { div { dt { "Expires" } dd { (time(time_of)) } } }
            @if let Some(key) = &options.ordering_key { div { dt { "Ordering key" } dd { (whole(key)) } } }
            @if let Some(id) = execution.retry_of { div { dt { "Sends again" } dd { (other(id)) } } }
            @if let Some(id) = execution.retried_as { div { dt { "Sent again as" } dd { (other(id)) } } }
        }
    }
}

/// The request that is kept: names and values, and of what is secret that it is there.
async fn asked_for(console: &Console, request: &str) -> Result<Markup, Problem> {
    let groups = console.fields().await?;
    let is_secret = |name: &str| fields::find(groups, name).is_none_or(|field| field.is_secret);
    let values = form::values_of(request);
    let shown = values.iter().filter(|(name, _)| !name.starts_with('_'));
    Ok(html! {
        details.group {
            summary { h2 { "The request" } }
            dl.request {
                @for (name, value) in shown {
                    div {
                        dt { code { (whole(name)) } }
                        dd { pre tabindex="0" { @if is_secret(name) { "••••••••" } @else { (lines(value)) } } }
                    }
                }
            }
        }
    })
}

/// The path of an execution. Whatever is no identifier is that of none.
type IdPath = Path<String>;

fn id(Path(id): IdPath) -> Result<Id, Problem> {
    id.parse().map_err(|_| Problem::not_found("there is no execution with this identifier"))
}

/// Cancels one that has not begun.
pub(super) async fn cancel(
    State(console): State<Console>,
    path: IdPath,
    posted: Posted,
) -> Result<Response, Refused> {
    let execution = console.api.executions().cancel(posted.visitor.tenant.name(), id(path)?).await?;
    Ok(to(execution.id))
}

/// Sends a dead letter again, as a new execution.
pub(super) async fn retry(
    State(console): State<Console>,
    path: IdPath,
    posted: Posted,
) -> Result<Response, Refused> {
    let _counted = console.api.begin()?;
    let execution = console.api.executions().retry(posted.visitor.tenant.name(), id(path)?).await?;
    Ok(to(execution.id))
}

fn to(id: Id) -> Response {
    Redirect::to(&path(id)).into_response()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn filters_ask_as_v1_does_and_a_page_leads_to_the_next() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let filled = pairs(&[
            ("status", "finished"),
            ("topic", "a/b&c"),
            ("since", "2026-11-29T06:30"),
            ("cursor", ""),
        ]);
        let wanted = Query {
            status: Some(Status::Finished),
            topic: Some("a/b&c".to_owned()),
            since: Some("2026-11-29T06:30:00Z".parse().unwrap()),
            limit: NonZeroU32::new(50),
            ..Query::default()
        };
        assert_eq!(asked(&filled).unwrap(), wanted);
        let next = older(&Values::new(filled), &Cursor::before(31_u64));
        assert_eq!(
            next,
            "/console/executions?status=finished&topic=a%2Fb%26c&since=2026-11-29T06%3A30&cursor=1f"
        );
        let wrong = asked(&pairs(&[("status", "done")])).unwrap_err();
        assert_eq!(
            wrong.detail(),
            "status behind ? wants one of accepted, running, finished, cancelled and expired"
        );
    }
}
