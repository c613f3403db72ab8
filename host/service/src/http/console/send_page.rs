//! The page with the form that sends.

use axum::response::Response;
use maud::{Markup, html};

use super::super::problem::Problem;
use super::control::{State, control, id};
use super::fields::Group;
use super::form::{self, AS_JSON, written_as};
use super::layout::{Place, csrf, page};
use super::problems::Problems;
use super::session::random;
use super::visitor::{Values, Visitor};

/// What the button says that was pressed: `check`, `now` or `later`.
pub(super) const DO: &str = "_do";
/// By which a form is known that is sent a second time.
pub(super) const FORM: &str = "_form";

// The options of an execution.
pub(super) const ATTEMPTS: &str = "_attempts";
pub(super) const NOT_BEFORE: &str = "_not-before";
pub(super) const EXPIRES: &str = "_expires";
pub(super) const ORDERING_KEY: &str = "_ordering-key";

/// What stands above the form: the answer, and what is wrong.
pub(super) struct Above {
    pub(super) markup: Markup,
    pub(super) problems: Problems,
}

impl Default for Above {
    fn default() -> Self {
        Self { markup: html! {}, problems: Problems::default() }
    }
}

/// The page, with what somebody has written before.
pub(super) fn send_page(
    visitor: &Visitor,
    groups: &[Group],
    values: &Values,
    above: &Above,
) -> Result<Response, Problem> {
    let given = Values::new(form::values_of(visitor.tenant.config()));
    let form = random()?;
    let main = html! {
        (above.markup)
        form #send method="post" action="/console/send" data-check="/console/check" novalidate {
            (csrf(visitor))
            input type="hidden" name=(FORM) value=(form);
            @for (index, group) in groups.iter().enumerate() {
                (group_of(group, index < 2, values, &given, &above.problems))
            }
            (later(values, &above.problems))
            div.actions {
                button type="submit" name=(DO) value="check" { "Check" }
                button.primary type="submit" name=(DO) value="now" { "Send now" }
                button type="submit" name=(DO) value="later" { "Send later" }
                p #checked role="status" {}
            }
        }
    };
    Ok(page(visitor, Some(Place::Send), "Send a message", &main))
}

fn group_of(group: &Group, is_first: bool, values: &Values, given: &Values, problems: &Problems) -> Markup {
    let is_told = |name: &str| values.get(name).is_some() || problems.at(name).next().is_some();
    let is_open = is_first || group.fields.iter().any(|field| is_told(&field.name));
    let count = group.fields.iter().filter(|field| given.get(&field.name).is_some()).count();
    html! {
        details.group open[is_open] {
            summary {
                h2 { (group.title) }
                @if count > 0 { span.count { (count) " from the configuration" } }
            }
            div.fields {
                @for field in &group.fields {
                    @let as_json = written_as(&field.name);
                    (control(field, &State {
                        written: values.get(&field.name),
                        as_json: values.get(&as_json) == Some(AS_JSON),
                        given: given.get(&field.name),
                        wrong: problems.at(&field.name).collect(),
                    }))
                }
            }
        }
    }
}

/// What holds for a message that is sent later.
fn later(values: &Values, problems: &Problems) -> Markup {
    let fields = [
        (ATTEMPTS, "Attempts", "text", "5 (default)", "How often it is tried at most, 1 to 100."),
        (NOT_BEFORE, "Not before, UTC", "datetime-local", "", "It does not begin before this time."),
        (EXPIRES, "Expires, UTC", "datetime-local", "", "It does not begin at this time or later."),
        (ORDERING_KEY, "Ordering key", "text", "", "Messages with the same key are sent one after another."),
    ];
    let is_open =
        fields.iter().any(|(name, ..)| values.get(name).is_some() || problems.at(name).next().is_some());
    html! {
        details.group open[is_open] {
            summary { h2 { "Options of “Send later”" } }
            p.help { "“Send later” keeps the message, carries it out in the background, and tries again what may pass." }
            div.fields {
                @for (name, title, kind, hint, help) in fields {
                    @let id = id(name);
                    @let wrong: Vec<&str> = problems.at(name).collect();
                    @let described = format!("{id}-help {id}-wrong");
                    div.field.is-wrong[!wrong.is_empty()] data-field=(name) {
                        label for=(id) { (title) }
                        input id=(id) name=(name) type=(kind) placeholder=(hint) value=(values.get(name).unwrap_or_default())
                            autocomplete="off" aria-describedby=(described) aria-invalid=[(!wrong.is_empty()).then_some("true")];
                        p.help id={ (id) "-help" } { (help) }
                        p.error id={ (id) "-wrong" } hidden[wrong.is_empty()] { @for sentence in &wrong { (sentence) } }
                    }
                }
            }
        }
    }
}

/// Each problem, with a link to its field.
pub(super) fn linked(problems: &Problems) -> Markup {
    html! {
        @if !problems.is_empty() {
            ul.problems {
                @for (name, sentence) in &problems.by_field {
                    li { a href={ "#" (id(name)) } {
                        @if !sentence.starts_with(name.as_str()) { (name.trim_start_matches('_')) ": " }
                        (sentence)
                    } }
                }
                @for sentence in &problems.others { li { (sentence) } }
            }
        }
    }
}
