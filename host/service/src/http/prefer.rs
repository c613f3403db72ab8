//! [`Prefer`]: what a caller would like (RFC 7240); [`idempotency_key`]: by what it is known again.

use std::time::Duration;

use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

use super::problem::Problem;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest that is waited: more is taken for this.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The preferences that are known here; others are passed over, as RFC 7240, section 2, has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prefer {
    /// An answer at once, before it is done (section 4.1).
    pub(super) respond_async: bool,
    /// How long it may take (section 4.3).
    pub(super) wait: Option<Duration>,
}

impl Prefer {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let lines = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in lines.flat_map(|line| split(line, ',')) {
            // What follows a semicolon are parameters, of which these have none.
            let preference = split(preference, ';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "respond-async" if value.is_empty() => prefer.respond_async = true,
                // The first holds (section 2).
                "wait" if prefer.wait.is_none() => prefer.wait = seconds(value),
                _ => {}
            }
        }
        prefer
    }

    /// Says in an answer, which was given before it was done, what was applied.
    pub(super) fn say_applied(&self, response: &mut Response) {
        if let Some(applied) = self.applied() {
            response.headers_mut().insert(PREFERENCE_APPLIED, applied);
        }
    }

    /// What `Preference-Applied` says (section 3).
    fn applied(&self) -> Option<HeaderValue> {
        let wait = self.wait.map(|wait| format!("wait={}", wait.as_secs()));
        let applied = match (self.respond_async, wait) {
            (true, Some(wait)) => format!("respond-async, {wait}"),
            (true, None) => "respond-async".to_owned(),
            (false, Some(wait)) => wait,
            (false, None) => return None,
        };
        HeaderValue::try_from(applied).ok()
    }
}

/// The parts of a list, whose quoted strings are left whole.
fn split(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    list.split(move |character| {
        let ends = character == separator && !is_quoted;
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        ends
    })
}

/// A time in whole seconds.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More seconds than there are numbers for are too many all the same.
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(LONGEST_WAIT))
}

/// The key of a header `Idempotency-Key`: a quoted string, as draft-ietf-httpapi-idempotency-key-header-07 has it, or the bare text that
/// most programs send.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const WRONG: &str = "the header Idempotency-Key is not a text of 1 to 256 visible characters of ASCII, as in \
                         \"8e03978e-40d5-43e8-bc93-6894a57f9324\"";

    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_request("the header Idempotency-Key stands there twice: a call has one"));
    }
    let text = value.to_str().map_err(|_| Problem::bad_request(WRONG))?.trim();
    let key = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').ok_or_else(|| Problem::bad_request(WRONG))?,
        None => text,
    };
    let is_key =
        (1..=256).contains(&key.len()) && key.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
    if is_key { Ok(Some(key.to_owned())) } else { Err(Problem::bad_request(WRONG)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefer(lines: &[&str]) -> Prefer {
        let lines = lines.iter().map(|line| (PREFER, HeaderValue::from_str(line).unwrap()));
        Prefer::read(&HeaderMap::from_iter(lines.collect::<Vec<_>>()))
    }

    #[test]
    fn preferences_are_those_of_rfc_7240() {
        let wanted =
            |respond_async, wait: Option<u64>| Prefer { respond_async, wait: wait.map(Duration::from_secs) };
        for (lines, read) in [
            (&[][..], wanted(false, None)),
            (&["respond-async"], wanted(true, None)),
            (&["respond-async, wait=10"], wanted(true, Some(10))),
            (&["Respond-Async", "WAIT = \"10\""], wanted(true, Some(10))),
            (&["handling=lenient;a=\"b, respond-async\", wait=10; x"], wanted(false, Some(10))),
            (&["foo; wait=3", "bar=\"a\\\", wait=4\""], wanted(false, None)),
            (&["wait=10, wait=20"], wanted(false, Some(10))),
            (&["wait=0"], wanted(false, Some(0))),
            (&["wait=99999999999999999999999"], wanted(false, Some(60))),
            (&["wait", "wait=", "wait=-1", "wait=1.5", "wait=x"], wanted(false, None)),
            (&["respond-async=yes"], wanted(false, None)),
            (&["respond-async=\"\""], wanted(true, None)),
        ] {
            let header = lines.join(" | ");
            assert_eq!(prefer(lines), read, "{header}");
        }
    }

    #[test]
    fn what_is_applied_is_said() {
        for (line, applied) in [
            ("respond-async", Some("respond-async")),
            ("respond-async, wait=10", Some("respond-async, wait=10")),
            ("wait=100", Some("wait=60")),
            ("other", None),
        ] {
            let said = prefer(&[line]).applied();
            assert_eq!(said.as_ref().map(|value| value.to_str().unwrap()), applied, "{line}");
        }
    }

    #[test]
    fn a_key_may_be_quoted_or_not() {
        let key = |values: &[&[u8]]| {
            let values =
                values.iter().map(|value| (IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap()));
            idempotency_key(&HeaderMap::from_iter(values.collect::<Vec<_>>())).map_err(|_| ())
        };
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[b"\"a b\""]), Ok(Some("a b".to_owned())));
        assert_eq!(key(&[b"7"]), Ok(Some("7".to_owned())));
        let long = "k".repeat(257);
        for wrong in [
            &[b"" as &[u8]][..],
            &[b"\"\""],
            &[b"\"a"],
            &[b"a\"b"],
            &[b"\xc3\xa9"],
            &[long.as_bytes()],
            &[b"a", b"a"],
        ] {
            assert_eq!(key(wrong), Err(()), "{wrong:?}");
        }
    }
}
