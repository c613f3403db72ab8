//! A field on a page: its label, its input, what holds without it, and what is wrong with it.

use maud::{Markup, html};

use super::fields::{Field, Input};
use super::form::{AS_JSON, written_as};
use super::shown::whole;

/// How many characters of a value the page shows that the configuration gives.
const GIVEN: usize = 80;

/// What the page knows of a field.
pub(super) struct State<'s> {
    /// What somebody has written.
    pub(super) written: Option<&'s str>,
    /// Whether that is JSON, where it may be a text as well.
    pub(super) as_json: bool,
    /// What the tenant's configuration gives.
    pub(super) given: Option<&'s str>,
    /// Sentences.
    pub(super) wrong: Vec<&'s str>,
}

/// The field. Whatever is written into it is given back but for what is secret.
pub(super) fn control(field: &Field, state: &State<'_>) -> Markup {
    let id = id(&field.name);
    // What a choice means stands in several sentences.
    let short_and_more = field.description.split_once(". ").filter(|_| !is_chosen(&field.input));
    let (short, more) = short_and_more.unwrap_or((&field.description, ""));
    let (help, error) = (format!("{id}-help"), format!("{id}-wrong"));
    let is_wrong = !state.wrong.is_empty();
    html! {
        div.field.is-wrong[is_wrong].is-wide[is_tall(&field.input)] data-field=(field.name) {
            label for=(id) {
                (field.title)
                @if field.is_required && state.given.is_none() { " " span.required { "required" } }
            }
            (input(field, state, &id, &format!("{help} {error}"), is_wrong))
            @if let Some(given) = state.given.filter(|_| !is_chosen(&field.input)) { p.given { "From the configuration: " code { (given_shown(field, given)) } } }
            p.help id=(help) { (short.trim_end_matches('.')) "." }
            @if !more.is_empty() { details.more { summary { "More about " code { (field.name) } } p { (more) } } }
            p.error id=(error) hidden[!is_wrong] {
                @for (index, sentence) in state.wrong.iter().enumerate() {
                    @if index > 0 { br; }
                    (sentence)
                }
            }
        }
    }
}

/// The identifier of a field's input on the page.
pub(super) fn id(name: &str) -> String {
    format!("p-{}", name.replace('.', "-"))
}

/// Whether the first choice says already what the configuration gives.
fn is_chosen(input: &Input) -> bool {
    matches!(input, Input::YesNo | Input::Choice { .. })
}

fn is_tall(input: &Input) -> bool {
    match input {
        Input::Area | Input::OneOrLines | Input::Texts | Input::Pairs | Input::Any => true,
        Input::Line | Input::Number | Input::YesNo | Input::Choice { .. } | Input::Lines => false,
    }
}

fn input(field: &Field, state: &State<'_>, id: &str, described: &str, is_wrong: bool) -> Markup {
    let written = state.written.filter(|_| !field.is_secret).unwrap_or_default();
    let hint = hint(field, state.given);
    let invalid = is_wrong.then_some("true");
    let name = &field.name;
    match &field.input {
        Input::YesNo => {
            let values = [("true".to_owned(), "yes".to_owned()), ("false".to_owned(), "no".to_owned())];
            select(field, &values, state, written, [id, described], invalid)
        }
        Input::Choice { values, .. } => select(field, values, state, written, [id, described], invalid),
        Input::Line | Input::Number => {
            let mode = (field.input == Input::Number).then_some("numeric");
            let kind = if field.is_secret { "password" } else { "text" };
            let complete = if field.is_secret { "new-password" } else { "off" };
            html! {
                input id=(id) name=(name) type=(kind) value=(written) placeholder=(hint) inputmode=[mode] autocomplete=(complete)
                    spellcheck="false" aria-describedby=(described) aria-invalid=[invalid];
            }
        }
        Input::Area | Input::Lines | Input::OneOrLines | Input::Texts | Input::Pairs | Input::Any => {
            let rows = if matches!(field.input, Input::Lines | Input::OneOrLines) { "2" } else { "4" };
            html! {
                // The first line break of a text area is not part of its text (HTML, section 4.10.11).
                textarea id=(id) name=(name) rows=(rows) placeholder=(hint) autocomplete="off" spellcheck="false"
                    aria-describedby=(described) aria-invalid=[invalid] { "\n" (written) }
                @if field.input == Input::Any {
                    @let as_id = format!("{id}-as");
                    div.as {
                        label for=(as_id) { (field.title) " is" }
                        select id=(as_id) name=(written_as(name)) {
                            option value="text" { "a text, sent as it is" }
                            option value=(AS_JSON) selected[state.as_json] { "a JSON value, sent as compact JSON" }
                        }
                    }
                }
            }
        }
    }
}

fn select(
    field: &Field,
    values: &[(String, String)],
    state: &State<'_>,
    written: &str,
    [id, described]: [&str; 2],
    invalid: Option<&str>,
) -> Markup {
    let called = |value: &str| {
        values.iter().find(|(known, _)| known == value).map_or(value, |(_, called)| called).to_owned()
    };
    let without = match (state.given, &field.default) {
        (Some(given), _) => format!("{} (configuration)", whole(&called(given))),
        (None, Some(default)) => format!("{} (default)", called(default)),
        (None, None) => "not given".to_owned(),
    };
    let is_known = written.is_empty() || values.iter().any(|(value, _)| value == written);
    html! {
        select id=(id) name=(field.name) aria-describedby=(described) aria-invalid=[invalid] {
            option value="" { (without) }
            @for (value, called) in values { option value=(value) selected[value == written] { (called) } }
            @if !is_known { option value=(written) selected { (whole(written)) } }
        }
    }
}

/// What stands in an input that is empty: what holds then, or how a value looks.
fn hint(field: &Field, given: Option<&str>) -> String {
    match (given, &field.default, &field.example) {
        (Some(_), _, _) if field.is_secret => "••••••••".to_owned(),
        (Some(given), _, _) => given_shown(field, given),
        (None, Some(default), _) => format!("{default} (default)"),
        (None, None, Some(example)) if !field.is_secret => format!("e.g. {example}"),
        (None, None, _) => String::new(),
    }
}

/// What the configuration gives, shortened; of PEM, that it is there.
fn given_shown(field: &Field, given: &str) -> String {
    if field.is_secret {
        return "••••••••".to_owned();
    }
    if given.contains("-----BEGIN ") {
        return "PEM text".to_owned();
    }
    mqtt_connector_contract::shown::Shown::plain(given, GIVEN).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::fields::tests::built_in;
    use super::*;

    #[tokio::test]
    async fn nothing_secret_is_given_back_and_everything_is_escaped() {
        let groups = built_in().await;
        for field in groups.iter().flat_map(|group| &group.fields) {
            let hostile = "</textarea>\"'><script>x</script>";
            let state =
                State { written: Some(hostile), as_json: false, given: Some(hostile), wrong: vec![hostile] };
            let markup = control(field, &state).into_string();
            assert!(!markup.contains("<script") && !markup.contains("</textarea>\""), "{markup}");
            let shown = markup.matches("&lt;script&gt;").count();
            assert_eq!(shown > 1, !field.is_secret, "{}: {markup}", field.name);
        }
    }

    #[tokio::test]
    async fn an_input_has_a_label_and_what_describes_it() {
        let groups = built_in().await;
        let qos = groups.iter().flat_map(|group| &group.fields).find(|field| field.name == "qos").unwrap();
        let state =
            State { written: Some("1"), as_json: false, given: Some("0"), wrong: vec!["qos is wrong."] };
        let markup = control(qos, &state).into_string();
        for part in [
            r#"<label for="p-qos">"#,
            r#"<select id="p-qos" name="qos" aria-describedby="p-qos-help p-qos-wrong" aria-invalid="true">"#,
            r#"<option value="">0 – at most once (configuration)</option>"#,
            r#"<option value="1" selected>1 – at least once</option>"#,
            r#"<p class="error" id="p-qos-wrong">qos is wrong.</p>"#,
        ] {
            assert!(markup.contains(part), "{part}: {markup}");
        }
    }
}
