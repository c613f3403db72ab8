//! Documents that come in a body, within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::problem::Problem;

/// How long the body of a document may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the next bytes of a body that is refused may take to come, before it is answered.
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

/// The text of a document that has at most `largest` bytes. `keep` may refuse what comes, piece by piece.
pub(super) async fn text(
    headers: &HeaderMap,
    body: Body,
    largest: usize,
    keep: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<String, Problem> {
    text_of(headers, body, largest, JSON, keep).await
}

/// The text of a body of one of these types, as [`text`].
pub(super) async fn text_of(
    headers: &HeaderMap,
    mut body: Body,
    largest: usize,
    types: &[&str],
    keep: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<String, Problem> {
    check_type(headers, types)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let is_too_long =
        length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > largest as u64);
    let whole = if is_too_long {
        Err(too_large(largest))
    } else {
        whole_within(PATIENCE, &mut body, largest, keep).await
    };
    let bytes = match whole {
        Ok(bytes) => bytes,
        Err(problem) => {
            throw_away(headers, body).await;
            return Err(problem);
        }
    };
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Problem::bad_request(format_args!("the body is not UTF-8 text (RFC 8259, section 8.1): byte {place}"))
    })
}

async fn whole_within(
    patience: Duration,
    body: &mut Body,
    largest: usize,
    mut keep: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<Vec<u8>, Problem> {
    let whole = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::bad_request("the body has not come to its end"))?;
            // Trailers are not the document.
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > largest - bytes.len() {
                return Err(too_large(largest));
            }
            keep(data.len())?;
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    timeout(patience, whole).await.unwrap_or_else(|_| {
        let detail = format_args!("the body has not come to its end within {} s", patience.as_secs());
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
    })
}

fn too_large(largest: usize) -> Problem {
    let detail = format_args!("the body has more than {largest} bytes, which are the most that are taken");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// What else comes of a body that is refused is read for a while: a connection that is closed with bytes unread is reset, and a caller who
/// still writes does not hear the answer.
async fn throw_away(headers: &HeaderMap, mut body: Body) {
    let all = async { while let Ok(Some(Ok(_))) = timeout(IDLE, body.frame()).await {} };
    // Who expects 100 has not begun to write (RFC 9110, section 10.1.1).
    if !headers.contains_key(header::EXPECT) {
        // Whether it has come to its end is all the same.
        let _ = timeout(PATIENCE, all).await;
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http_body_util::channel::Channel;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for_without_end() {
        let (_sender, body) = Channel::<Bytes>::new(1);
        let problem = whole_within(Duration::ZERO, &mut Body::new(body), 1000, |_| Ok(())).await.unwrap_err();
        let problem = serde_json::to_value(problem).unwrap();
        let detail = "the body has not come to its end within 0 s";
        assert_eq!((&problem["status"], &problem["detail"]), (&408.into(), &detail.into()));
    }

    #[tokio::test]
    async fn a_body_is_kept_piece_by_piece() {
        let (mut sender, body) = Channel::<Bytes>::new(8);
        for piece in ["{\"a\"", ":", "1}"] {
            sender.send_data(Bytes::from(piece)).await.unwrap();
        }
        drop(sender);
        let mut kept = Vec::new();
        let keep = |bytes| {
            kept.push(bytes);
            Ok(())
        };
        let text = text(&HeaderMap::new(), Body::new(body), 7, keep).await.unwrap();
        assert_eq!((text.as_str(), kept), ("{\"a\":1}", vec![4, 1, 2]));

        let refuse = |_| Err(Problem::too_many("no room"));
        let refused = whole_within(PATIENCE, &mut Body::from("{}"), 7, refuse).await.unwrap_err();
        assert_eq!(serde_json::to_value(refused).unwrap()["detail"], "no room");
        let larger = whole_within(PATIENCE, &mut Body::from("12345678"), 7, |_| Ok(())).await.unwrap_err();
        assert_eq!(serde_json::to_value(larger).unwrap()["status"], 413);
    }
}
