//! What is wrong with a request, field by field, out of the one message of the connector.

use mqtt_connector::Meta;
use mqtt_connector::exit_code::SENT;

use super::fields::Group;
use super::layout::sentence;
use super::shown::whole;

/// What is wrong with what somebody wrote.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Problems {
    /// The name of a field, and a sentence about it, as often as there are.
    pub(super) by_field: Vec<(String, String)>,
    /// Sentences that are about no field of the form.
    pub(super) others: Vec<String>,
}

impl Problems {
    /// What the answer to a check says; nothing when nothing is wrong.
    pub(super) fn of(meta: &Meta, groups: &[Group]) -> Self {
        let mut problems = Self::default();
        if meta.exit_code == SENT {
            return problems;
        }
        let names: Vec<&str> =
            groups.iter().flat_map(|group| &group.fields).map(|field| field.name.as_str()).collect();
        // Behind the words about all of them.
        let listed = meta.message.split_once(": ").map_or(meta.message.as_str(), |(_, listed)| listed);
        let about = |clause: &str| subject(clause).and_then(|subject| field(&names, subject));
        for clause in clauses(listed, |clause| clause.starts_with('"') || about(clause).is_some()) {
            match about(clause) {
                // It begins with the name, which has no capitals.
                Some(name) => problems.by_field.push((name.to_owned(), format!("{}.", whole(clause)))),
                None => problems.others.push(sentence(&whole(clause))),
            }
        }
        problems
    }

    /// What was wrong before the connector was asked.
    pub(super) fn of_form(wrong: Vec<(String, String)>) -> Self {
        let by_field = wrong.into_iter().map(|(name, clause)| (name, sentence(&clause))).collect();
        Self { by_field, others: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_field.is_empty() && self.others.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.by_field.len() + self.others.len()
    }

    /// What is wrong with the field.
    pub(super) fn at<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.by_field.iter().filter(move |(at, _)| at == name).map(|(_, sentence)| sentence.as_str())
    }
}

/// The clauses of a list, which semicolons separate; those in quotes, in which a backslash escapes, do not, and neither do those behind which
/// no clause begins.
fn clauses(listed: &str, begins: impl Fn(&str) -> bool) -> Vec<&str> {
    let (mut clauses, mut begin, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, character) in listed.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => {
                let Some(next) = listed[at..].strip_prefix("; ") else { continue };
                let next = next.strip_prefix("and ").unwrap_or(next);
                if begins(next) {
                    clauses.push(&listed[begin..at]);
                    begin = listed.len() - next.len();
                }
            }
            _ => {}
        }
    }
    let last = &listed[begin..];
    clauses.push(last.strip_suffix('.').unwrap_or(last));
    clauses
}

/// The name that a clause begins with: it ends at a space or a colon.
fn subject(clause: &str) -> Option<&str> {
    let end = clause.find([' ', ':'])?;
    clause.get(..end)
}

/// The field that a clause is about. About all of a will, its topic says it.
fn field<'n>(names: &[&'n str], subject: &str) -> Option<&'n str> {
    let subject = if subject == "will" { "will.topic" } else { subject };
    names.iter().copied().find(|name| *name == subject)
}

#[cfg(test)]
mod tests {
    use mqtt_connector::{Connector, Tenant};

    use super::super::fields::tests::built_in;
    use super::*;

    #[tokio::test]
    async fn what_the_connector_says_stands_at_the_fields() {
        let groups = built_in().await;
        let connector = Connector::new().unwrap();
        let anybody = Tenant::unrestricted("t");
        let request = r#"{"topic": "a; qos \" in x; b/#", "contnt": 1, "qos": 7, "will": {"content": "x"}, "client-id": 1}"#;
        let response = connector.check(&anybody, "{}", request).await;
        let problems = Problems::of(&response.meta, &groups);
        let fields: Vec<_> = problems.by_field.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            fields,
            ["client-id", "topic", "qos", "will.topic", "broker", "content"],
            "{}",
            response.meta.message
        );
        assert_eq!(
            problems.at("qos").collect::<Vec<_>>(),
            ["qos in the request got the number 7, wants the number 0, 1 or 2."]
        );
        assert_eq!(problems.others, ["\"contnt\" in the request is unknown (did you mean content?)."]);
    }

    #[tokio::test]
    async fn what_is_not_granted_stands_at_the_fields() {
        let groups = built_in().await;
        let connector = Connector::new().unwrap();
        let acme = Tenant::builder("acme").build();
        let request = r#"{"broker": "tcp://b:1", "client-id": "c", "topic": "x", "content": "", "will": {"topic": "z", "content": ""}}"#;
        let response = connector.check(&acme, "{}", request).await;
        let problems = Problems::of(&response.meta, &groups);
        let fields: Vec<_> = problems.by_field.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            (fields, &*problems.others),
            (vec!["broker", "will.topic", "topic"], &[][..]),
            "{}",
            response.meta.message
        );
    }

    #[test]
    fn a_message_about_nothing_in_particular_is_kept_whole() {
        let meta = |exit_code, message: &str| Meta { exit_code, message: message.to_owned() };
        assert_eq!(Problems::of(&meta(0, "The message would be sent."), &[]), Problems::default());
        assert_eq!(Problems::of(&meta(70, "a \u{202e}; \"b; c"), &[]).others, ["A \\u{202e}.", "\"b; c."]);
    }
}
