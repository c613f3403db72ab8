//! Documents that come in a body, within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::problem::Problem;

/// How long the body of a document may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the next bytes of a body that is too large may take to come, before it is answered.
const IDLE: Duration = Duration::from_secs(1);

/// The media types of a document.
pub(super) const JSON: &[&str] = &["application/json"];

/// The media types of documents, one a line: no registry has one of them, and people use all. As text, programs write them that know none of these.
pub(super) const JSON_LINES: &[&str] = &[
    "application/jsonl",
    "application/jsonlines",
    "application/json-lines",
    "application/x-ndjson",
    "application/x-jsonlines",
    "text/plain",
];

/// Refuses a body of another type. One that does not say what it is, is taken for the right one.
pub(super) fn check_type(headers: &HeaderMap, types: &[&str]) -> Result<(), Problem> {
    let coding = headers.get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "the body is encoded, as the header Content-Encoding says: it is sent as it is";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if types.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let wants = types.first().copied().unwrap_or_default();
    let detail = format_args!("the header Content-Type names something else than {wants}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// The text of a document that has at most `largest` bytes.
pub(super) async fn text(headers: &HeaderMap, body: Body, largest: usize) -> Result<String, Problem> {
    text_of(headers, body, largest, JSON).await
}

/// The text of a body of one of these types that has at most `largest` bytes.
pub(super) async fn text_of(
    headers: &HeaderMap,
    body: Body,
    largest: usize,
    types: &[&str],
) -> Result<String, Problem> {
    check_type(headers, types)?;
    text_within(PATIENCE, headers, body, largest).await
}

async fn text_within(
    patience: Duration,
    headers: &HeaderMap,
    mut body: Body,
    largest: usize,
) -> Result<String, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > largest as u64) {
        return Err(too_large(headers, body, largest).await);
    }
    let collected = timeout(patience, Limited::new(&mut body, largest).collect()).await.map_err(|_| {
        let detail = format_args!("the body has not come to its end within {} s", patience.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    })?;
    let bytes = match collected {
        Ok(bytes) => bytes,
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large(headers, body, largest).await),
        Err(_) => return Err(Problem::bad_request("the body has not come to its end")),
    };
    let text = String::from_utf8(bytes.to_bytes().into());
    text.map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Problem::bad_request(format_args!("the body is not UTF-8 text (RFC 8259, section 8.1): byte {place}"))
    })
}

/// The answer to a body that is too large. What else comes of it is read and thrown away for a while: a connection that is closed
/// with bytes unread is reset, and a caller who still writes does not hear the answer.
async fn too_large(headers: &HeaderMap, mut body: Body, largest: usize) -> Problem {
    let throw_away = async { while let Ok(Some(Ok(_))) = timeout(IDLE, body.frame()).await {} };
    // Who expects 100 has not begun to write (RFC 9110, section 10.1.1).
    if !headers.contains_key(header::EXPECT) {
        // Whether it has come to its end is all the same.
        let _ = timeout(PATIENCE, throw_away).await;
    }
    let detail = format_args!("the body has more than {largest} bytes, which are the most that are taken");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http_body_util::channel::Channel;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for_without_end() {
        let (_sender, body) = Channel::<Bytes>::new(1);
        let none = HeaderMap::new();
        let problem = text_within(Duration::ZERO, &none, Body::new(body), 1000).await.unwrap_err();
        let problem = serde_json::to_value(problem).unwrap();
        let detail = "the body has not come to its end within 0 s";
        assert_eq!((&problem["status"], &problem["detail"]), (&408.into(), &detail.into()));
    }
}
