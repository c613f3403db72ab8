//! The trace that a call belongs to, out of its headers (W3C Trace Context).

use axum::http::HeaderMap;
use mqtt_connector::publisher::TraceContext;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// The trace of a call, as the user properties of its message say it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TraceContext)]
pub(crate) struct TraceContextSchema {
    /// As the header, of version 00.
    traceparent: String,
    /// As the header, if there was one.
    tracestate: Option<String>,
}

/// The headers of a call that say which trace it belongs to, for the description alone: [`trace_context`] reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "nobody makes one")]
pub(super) struct TraceHeaders {
    /// W3C Trace Context: the trace that the call belongs to; one that is not valid is left out
    traceparent: Option<String>,
    /// W3C Trace Context: what systems of tracing add to it
    tracestate: Option<String>,
}

/// The trace of a call, if its headers have one. `traceparent` stands there once, `tracestate` may stand there several times
/// (sections 3.2 and 3.3).
pub(super) fn trace_context(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = parents.next().filter(|_| parents.next().is_none())?;
    let states: Result<Vec<_>, _> =
        headers.get_all("tracestate").iter().map(axum::http::HeaderValue::to_str).collect();
    let state = states.ok().map(|states| states.join(","));
    TraceContext::new(parent.to_str().ok()?, state.as_deref())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(headers: &[(&'static str, &[u8])]) -> Option<(String, Option<String>)> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        trace_context(&map)
            .map(|trace| (trace.traceparent().to_owned(), trace.tracestate().map(str::to_owned)))
    }

    #[test]
    fn a_parent_stands_there_once_and_states_are_joined() {
        let (parent, state) = (("traceparent", PARENT.as_bytes()), "tracestate");
        assert_eq!(read(&[parent]), Some((PARENT.to_owned(), None)));
        let joined = Some((PARENT.to_owned(), Some("a=b,c=d".to_owned())));
        assert_eq!(read(&[parent, (state, b"a=b"), (state, b"c=d")]), joined);
        assert_eq!(read(&[parent, (state, b"\xff")]), Some((PARENT.to_owned(), None)));
        assert_eq!(read(&[(state, b"a=b")]), None);
        assert_eq!(read(&[parent, parent]), None);
        assert_eq!(read(&[("traceparent", b"\xff")]), None);
    }
}
