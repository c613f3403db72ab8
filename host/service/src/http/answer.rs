//! [`Answer`]: what the connector has answered, and what a caller does by it.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use mqtt_connector::exit_code::ExitCode;
use mqtt_connector::{Meta, Outcome, Response, Retry};
use serde::Serialize;
use utoipa::ToSchema;

/// How a send has ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Meta)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct MetaSchema {
    /// 0: the quality of service was reached. 79: it may have arrived. Any other: not delivered.
    #[schema(minimum = 0, maximum = 255)]
    exit_code: i32,
    /// What happened, and what to do.
    message: String,
}

/// The answer to a send, or to a check.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    #[schema(value_type = MetaSchema)]
    meta: Meta,
    delivery: DeliverySchema,
    retry: RetrySchema,
}

/// What became of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Delivery)]
#[serde(rename_all = "kebab-case")]
enum DeliverySchema {
    /// It reached its quality of service.
    Reached,
    /// It was not delivered, and will not be.
    NotSent,
    /// It may have been delivered.
    Uncertain,
}

/// Whether sending it again may end better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Retry)]
#[serde(rename_all = "kebab-case")]
enum RetrySchema {
    /// Not until somebody changes something.
    No,
    /// At once.
    Yes,
    /// After a while.
    Later,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let (delivery, retry) = match response.outcome() {
            Outcome::Sent => (DeliverySchema::Reached, Retry::No),
            Outcome::NotSent { retry } => (DeliverySchema::NotSent, retry),
            Outcome::Uncertain => {
                let known = ExitCode::find(response.meta.exit_code);
                (DeliverySchema::Uncertain, known.map_or(Retry::No, |known| known.retry))
            }
        };
        let retry = match retry {
            Retry::No => RetrySchema::No,
            Retry::Yes => RetrySchema::Yes,
            Retry::Later => RetrySchema::Later,
        };
        Self { meta: response.meta, delivery, retry }
    }
}

impl From<Meta> for Answer {
    fn from(meta: Meta) -> Self {
        Response::new(meta.exit_code, meta.message).into()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> HttpResponse {
        json(&self)
    }
}

impl Answer {
    /// As a line of JSON Lines.
    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// A document as JSON, with status 200.
pub(super) fn json(document: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_string(document).unwrap_or_default();
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_to_do() {
        for (exit_code, line) in [
            (0, r#"{"meta":{"exit-code":0,"message":"m"},"delivery":"reached","retry":"no"}"#),
            (69, r#"{"meta":{"exit-code":69,"message":"m"},"delivery":"not-sent","retry":"later"}"#),
            (75, r#"{"meta":{"exit-code":75,"message":"m"},"delivery":"not-sent","retry":"yes"}"#),
            (79, r#"{"meta":{"exit-code":79,"message":"m"},"delivery":"uncertain","retry":"no"}"#),
            (137, r#"{"meta":{"exit-code":137,"message":"m"},"delivery":"uncertain","retry":"later"}"#),
        ] {
            let answer = Answer::from(Meta { exit_code, message: "m".to_owned() });
            assert_eq!(answer.line(), format!("{line}\n"));
        }
    }
}
