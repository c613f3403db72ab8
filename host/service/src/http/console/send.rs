//! The page that sends: what becomes of its form.

use std::time::Instant;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use mqtt_connector::exit_code::{DENIED, PARAMETER, SENT, UNUSABLE_FILE};
use mqtt_connector::publisher::Hooks;
use mqtt_connector::{Meta, Response as Answer};
use serde::Serialize;

use super::super::answer::json;
use super::super::problem::Problem;
use super::fields::{self, Group};
use super::form;
use super::layout::{guarded, sentence};
use super::problems::Problems;
use super::send_page::{ATTEMPTS, Above, DO, EXPIRES, FORM, NOT_BEFORE, ORDERING_KEY, linked, send_page};
use super::session::Sent;
use super::shown::whole;
use super::visitor::{Posted, Refused, Values, Visitor};
use super::{Console, verdict};
use crate::Timestamp;
use crate::error::{ChangeError, SubmitError};
use crate::execution::{Id, Options, Request};
use crate::executions::Submission;

impl Console {
    /// The parameters, as the connector describes them.
    pub(super) async fn fields(&self) -> Result<&[Group], Problem> {
        let read = async || {
            let schema = self.api.connector().schema().await;
            let schema = schema.map_err(|fault| Problem::unavailable(fault.meta.message))?;
            let schema = serde_json::from_str(&schema);
            schema
                .map(|schema| fields::of(&schema))
                .map_err(|_| Problem::unavailable("the schema is not JSON"))
        };
        Ok(self.inner.fields.get_or_try_init(read).await?)
    }
}

/// The form: empty, or with the request of an execution that is kept (`?from=ID`).
pub(super) async fn form(
    State(console): State<Console>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, Refused> {
    let groups = console.fields().await?;
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let from = query.into_iter().find(|(name, _)| name == "from").map(|(_, id)| id.parse::<Id>());
    let mut above = Above::default();
    let mut values = Vec::new();
    if let Some(id) = from {
        let id = id.map_err(|_| Problem::not_found("there is no execution with this identifier"))?;
        let execution = console.api.executions().get(visitor.tenant.name(), id).await?;
        let execution = execution.ok_or(ChangeError::Unknown(id))?;
        let what = match execution.request {
            Some(request) => {
                values = form::values_of(request.as_str());
                "is filled with the request of"
            }
            None => "is empty: no request is kept any more of",
        };
        above.markup = html! {
            p.note { "The form " (what) " " a href={ "/console/executions/" (id) } { "execution " (id) } ". It sends a message of its own." }
        };
    }
    Ok(send_page(&visitor, groups, &Values::new(values), &above)?)
}

/// Sends, accepts an execution, or checks, as the button says.
pub(super) async fn send(State(console): State<Console>, posted: Posted) -> Result<Response, Refused> {
    let groups = console.fields().await?;
    let Posted { visitor, values } = &posted;
    let above = match form::request(groups, values) {
        Err(wrong) => wrong_form(Problems::of_form(wrong)),
        Ok(request) => match values.get(DO) {
            Some("now") => send_now(&console, visitor, values, request, groups).await?,
            Some("later") => match send_later(&console, visitor, values, request, groups).await? {
                Ok(id) => return Ok(Redirect::to(&format!("/console/executions/{id}")).into_response()),
                Err(above) => above,
            },
            _ => {
                let meta = check_request(&console, visitor, &request).await;
                checked(&meta, groups)
            }
        },
    };
    Ok(send_page(visitor, groups, values, &above)?)
}

async fn check_request(console: &Console, visitor: &Visitor, request: &Request) -> Meta {
    let tenant = &visitor.tenant;
    console.api.connector().check(tenant, tenant.config(), request.as_str()).await.meta
}

async fn send_now(
    console: &Console,
    visitor: &Visitor,
    values: &Values,
    request: Request,
    groups: &[Group],
) -> Result<Above, Problem> {
    let _counted = console.api.begin()?;
    let (tenant, form) = (&visitor.tenant, values.get(FORM).unwrap_or_default());
    let sessions = &console.inner.sessions;
    let (response, heading) = match sessions.send(&visitor.session, form) {
        None => {
            let began = Instant::now();
            let hooks = Hooks::default().trace_context(visitor.trace_context.clone());
            let response =
                console.api.connector().send_with(tenant, tenant.config(), request.as_str(), hooks).await;
            sessions.sent(&visitor.session, form, &response);
            console.api.count(tenant, &response, Some(began.elapsed()));
            (response, "Answer")
        }
        Some(Sent::Answered(response)) => (*response, "The same form again, which was not sent twice"),
        Some(Sent::UnderWay) => {
            let wait = html! {
                p.note role="status" { "This form was sent before, and there is no answer to it yet. It was not sent twice." }
            };
            return Ok(Above { markup: wait, problems: Problems::default() });
        }
    };
    Ok(answered(&response, heading, groups))
}

/// The identifier of what was accepted, or why nothing was.
async fn send_later(
    console: &Console,
    visitor: &Visitor,
    values: &Values,
    request: Request,
    groups: &[Group],
) -> Result<Result<Id, Above>, Problem> {
    let _counted = console.api.begin()?;
    let options = match options(values) {
        Ok(options) => options,
        Err(wrong) => return Ok(Err(wrong_form(Problems::of_form(wrong)))),
    };
    // What is wrong already is said at once, and not when it is carried out.
    let meta = check_request(console, visitor, &request).await;
    if meta.exit_code != SENT {
        return Ok(Err(checked(&meta, groups)));
    }
    let mut submission = Submission::new(request).options(options);
    submission.idempotency_key = values.get(FORM).map(|form| format!("console-{form}"));
    submission.trace_context.clone_from(&visitor.trace_context);
    match console.api.executions().submit(&visitor.tenant, submission).await {
        Ok(submitted) => Ok(Ok(submitted.execution.id)),
        Err(SubmitError::Secrets { parameters }) => {
            let why = "it may be secret and would be stored: it belongs into the tenant's configuration";
            let wrong = parameters.into_iter().map(|name| (name, why.to_owned())).collect();
            Ok(Err(wrong_form(Problems::of_form(wrong))))
        }
        Err(SubmitError::Options(error)) => Ok(Err(wrong_form(Problems {
            by_field: Vec::new(),
            others: vec![sentence(&whole(&error.to_string()))],
        }))),
        Err(error) => Err(error.into()),
    }
}

fn options(values: &Values) -> Result<Options, Vec<form::Wrong>> {
    let (mut options, mut wrong) = (Options::default(), Vec::new());
    let mut time = |name: &str| {
        let text = values.trimmed(name)?;
        let time = utc(text);
        if time.is_none() {
            wrong.push((name.to_owned(), "it is not a time, as in 2026-11-29T06:30".to_owned()));
        }
        time
    };
    options.not_before = time(NOT_BEFORE);
    options.expires = time(EXPIRES);
    if let Some(text) = values.trimmed(ATTEMPTS) {
        match text.parse().ok().filter(|attempts| (1..=Options::MOST_ATTEMPTS).contains(attempts)) {
            Some(attempts) => options.attempts = attempts,
            None => wrong.push((ATTEMPTS.to_owned(), "it is not a whole number from 1 to 100".to_owned())),
        }
    }
    options.ordering_key = values.trimmed(ORDERING_KEY).map(str::to_owned);
    if wrong.is_empty() { Ok(options) } else { Err(wrong) }
}

/// A time as a browser writes it into a form: without an offset, to the minute or the second. It is taken for UTC.
pub(super) fn utc(text: &str) -> Option<Timestamp> {
    ["", "Z", ":00Z"].iter().find_map(|rest| format!("{text}{rest}").parse().ok())
}

fn wrong_form(problems: Problems) -> Above {
    let markup = html! {
        section.answer.bad role="alert" aria-labelledby="answer" tabindex="-1" id="the-answer" {
            h2 id="answer" { "Nothing was sent: something is not right" }
            (linked(&problems))
        }
    };
    Above { markup, problems }
}

/// What a check has answered.
fn checked(meta: &Meta, groups: &[Group]) -> Above {
    let problems = Problems::of(meta, groups);
    let (colour, heading) = match meta.exit_code {
        SENT => ("good", "Checked: nothing is wrong as far as that is known without the network"),
        _ => ("bad", "Checked: something is not right"),
    };
    let markup = html! {
        section.answer.(colour) role="status" aria-labelledby="answer" tabindex="-1" id="the-answer" {
            h2 id="answer" { (heading) }
            @if problems.is_empty() { p.message { (whole(&meta.message)) } } @else { (linked(&problems)) }
        }
    };
    Above { markup, problems }
}

fn answered(response: &Answer, heading: &str, groups: &[Group]) -> Above {
    // What is wrong with the parameters is said at each of them.
    let is_about_fields = [PARAMETER, UNUSABLE_FILE, DENIED].contains(&response.meta.exit_code);
    let problems = if is_about_fields { Problems::of(&response.meta, groups) } else { Problems::default() };
    let markup: Markup = verdict::answer(response, heading, &linked(&problems));
    Above { markup, problems }
}

/// What the script shows while somebody writes.
#[derive(Serialize)]
struct Checked {
    is_right: bool,
    /// One sentence about all of it.
    summary: String,
    /// Fields, and a sentence about each.
    problems: Vec<(String, String)>,
}

/// What is wrong with the form so far.
pub(super) async fn check(State(console): State<Console>, posted: Posted) -> Result<Response, Refused> {
    let groups = console.fields().await?;
    let (problems, message) = match form::request(groups, &posted.values) {
        Err(wrong) => (Problems::of_form(wrong), String::new()),
        Ok(request) => {
            let meta = check_request(&console, &posted.visitor, &request).await;
            (Problems::of(&meta, groups), whole(&meta.message))
        }
    };
    let summary = match (problems.count(), problems.others.first()) {
        (0, _) => message,
        (1, None) => "There is one problem.".to_owned(),
        (1, Some(other)) => other.clone(),
        (count, _) => format!("There are {count} problems."),
    };
    let checked = Checked { is_right: problems.is_empty(), summary, problems: problems.by_field };
    Ok(guarded(json(&checked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_browsers_write_them() {
        for (text, time) in [
            ("2026-11-29T06:30", "2026-11-29T06:30:00.000Z"),
            ("2026-11-29T06:30:07", "2026-11-29T06:30:07.000Z"),
            ("2026-11-29T06:30:07.125", "2026-11-29T06:30:07.125Z"),
            ("2026-11-29T06:30:00+01:00", "2026-11-29T05:30:00.000Z"),
        ] {
            assert_eq!(utc(text).unwrap().to_string(), time);
        }
        for wrong in ["", "29.11.2026", "2026-11-29", "11/29/2026 06:30"] {
            assert_eq!(utc(wrong), None);
        }
    }

    #[test]
    fn options_are_read_and_what_is_wrong_is_named() {
        let values = |pairs: &[(&str, &str)]| {
            Values::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(options(&values(&[])).unwrap(), Options::default());
        let given = values(&[
            (ATTEMPTS, " 3 "),
            (NOT_BEFORE, "2026-11-29T06:30"),
            (ORDERING_KEY, "door"),
            (EXPIRES, ""),
        ]);
        let wanted = Options {
            attempts: 3,
            not_before: Some("2026-11-29T06:30:00Z".parse().unwrap()),
            ordering_key: Some("door".to_owned()),
            expires: None,
        };
        assert_eq!(options(&given).unwrap(), wanted);
        let wrong = options(&values(&[(ATTEMPTS, "1.000"), (EXPIRES, "morgen")])).unwrap_err();
        let wrong: Vec<_> = wrong.into_iter().map(|(name, _)| name).collect();
        assert_eq!(wrong, [EXPIRES, ATTEMPTS]);
    }
}
