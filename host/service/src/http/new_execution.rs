//! [`NewExecution`]: the body that asks for an execution. What is wrong with it is said without a word of the request, which is not looked into.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::Timestamp;
use crate::execution::{Members, Options, Request};

/// An execution that is to be accepted.
#[derive(ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "it is what OpenAPI shows of the members that are read")]
pub(super) struct NewExecution {
    request: Request,
    /// It is not begun before.
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<Timestamp>,
    /// It is not begun at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// How often it is tried at most. Default: 5.
    #[schema(minimum = 1, maximum = 100)]
    attempts: Option<u32>,
    /// Executions with the same key are carried out one after another.
    #[schema(min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    ordering_key: Option<String>,
}

/// The request and the options of an execution that is asked for with this text. Whether the options make sense, whoever accepts it says.
pub(super) fn read(text: &str) -> Result<(Request, Options), Problem> {
    let Members(members) = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            return Problem::unprocessable(format_args!("the body is not a JSON object, as in {EXAMPLE}"));
        }
        let (line, column) = (error.line(), error.column());
        Problem::bad_request(format_args!("the body is not JSON (RFC 8259): line {line}, column {column}"))
    })?;
    let (mut request, mut options) = (None, Options::default());
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &members {
        if seen.contains(&name.as_str()) {
            return Err(Problem::unprocessable("a member stands twice in the body: each stands there once"));
        }
        seen.push(name);
        let member = Member { name, value };
        match name.as_str() {
            "request" => request = Some(Request::parse(value.get())?),
            "not-before" => options.not_before = member.time()?,
            "expires" => options.expires = member.time()?,
            "attempts" => {
                options.attempts = member.read("a whole number from 1 to 100")?.unwrap_or(options.attempts);
            }
            "ordering-key" => options.ordering_key = member.read("a text of 1 to 256 bytes")?,
            _ => {
                return Err(Problem::unprocessable(
                    "a member of the body is not known: request, not-before, expires, attempts and ordering-key are",
                ));
            }
        }
    }
    let missing = || Problem::unprocessable(format_args!("the body has no request, as in {EXAMPLE}"));
    Ok((request.ok_or_else(missing)?, options))
}

const EXAMPLE: &str = r#"{"request": {"content": "open"}}"#;

/// An option as it stands in the body.
struct Member<'a> {
    name: &'a str,
    value: &'a RawValue,
}

impl<'a> Member<'a> {
    /// Its value; `null` is none.
    fn read<T: Deserialize<'a>>(&self, wants: &str) -> Result<Option<T>, Problem> {
        serde_json::from_str(self.value.get()).map_err(|_| self.wrong(wants))
    }

    fn time(&self) -> Result<Option<Timestamp>, Problem> {
        const WANTS: &str = "a time of RFC 3339, as in \"2026-11-29T06:30:00Z\"";

        let text: Option<String> = self.read(WANTS)?;
        text.map(|text| Timestamp::from_str(&text)).transpose().map_err(|_| self.wrong(WANTS))
    }

    fn wrong(&self, wants: &str) -> Problem {
        let name = self.name;
        let got = match self.value.get() {
            text if text.starts_with('"') => "a text",
            list if list.starts_with('[') => "a list",
            object if object.starts_with('{') => "an object",
            bare => bare.get(..20).unwrap_or(bare),
        };
        Problem::unprocessable(format_args!("{name} in the body got {got}, wants {wants}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_its_options_are_read() {
        let (request, options) = read(
            r#" {"request": {"content": 1}, "not-before": "2026-11-29T07:30:00+01:00", "expires": "2026-11-29T08:00:00Z",
                 "attempts": 3, "ordering-key": "door"} "#,
        )
        .unwrap();
        let wanted = Options {
            not_before: Some("2026-11-29T06:30:00Z".parse().unwrap()),
            expires: Some("2026-11-29T08:00:00Z".parse().unwrap()),
            attempts: 3,
            ordering_key: Some("door".to_owned()),
        };
        assert_eq!((request.as_str(), options), (r#"{"content": 1}"#, wanted));
        let nothing =
            r#"{"attempts":null,"expires":null,"ordering-key":null,"not-before":null,"request":{}}"#;
        assert_eq!(read(nothing).unwrap().1, Options::default());
    }

    #[test]
    fn what_is_wrong_is_said_without_a_word_of_the_request() {
        let whole = "attempts in the body got";
        for (body, detail) in [
            ("[]", r#"the body is not a JSON object, as in {"request": {"content": "open"}}"#.to_owned()),
            ("{}", r#"the body has no request, as in {"request": {"content": "open"}}"#.to_owned()),
            (
                r#"{"planted":1}"#,
                "a member of the body is not known: request, not-before, expires, attempts and ordering-key are".to_owned(),
            ),
            (
                r#"{"attempts":1,"attempts":1}"#,
                "a member stands twice in the body: each stands there once".to_owned(),
            ),
            (
                r#"{"request":"planted"}"#,
                r#"the request is not a JSON object, as in {"topic": "acme/door", "content": "open"}"#.to_owned(),
            ),
            (r#"{"attempts":"3"}"#, format!("{whole} a text, wants a whole number from 1 to 100")),
            (r#"{"attempts":-1}"#, format!("{whole} -1, wants a whole number from 1 to 100")),
            (r#"{"attempts":1.5}"#, format!("{whole} 1.5, wants a whole number from 1 to 100")),
            (r#"{"attempts":[3]}"#, format!("{whole} a list, wants a whole number from 1 to 100")),
            (r#"{"ordering-key":true}"#, "ordering-key in the body got true, wants a text of 1 to 256 bytes".to_owned()),
            (
                r#"{"ordering-key":123456789012345678901}"#,
                "ordering-key in the body got 12345678901234567890, wants a text of 1 to 256 bytes".to_owned(),
            ),
            (
                r#"{"not-before":{"planted":1}}"#,
                "not-before in the body got an object, wants a time of RFC 3339, as in \"2026-11-29T06:30:00Z\"".to_owned(),
            ),
            (
                r#"{"expires":"tomorrow"}"#,
                "expires in the body got a text, wants a time of RFC 3339, as in \"2026-11-29T06:30:00Z\"".to_owned(),
            ),
        ] {
            let problem = serde_json::to_value(read(body).unwrap_err()).unwrap();
            assert_eq!((&problem["status"], &problem["detail"]), (&422.into(), &detail.into()), "{body}");
        }
    }
}
