//! [`TraceContext`]: the trace that a call belongs to, as MQTT 5 carries it.

use serde::{Deserialize, Serialize};

use crate::contract::Message;

/// The names of the headers of HTTP, and of the user properties of MQTT (W3C Trace Context for MQTT, section 3).
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The longest `tracestate` that is passed on, in bytes: the least that the specification wants (section 3.3.1.5).
const LONGEST_STATE: usize = 512;

/// How many members a `tracestate` has at most (section 3.3.1.1).
const MOST_MEMBERS: usize = 32;

/// The trace that a call belongs to (W3C Trace Context, level 1). Messages of MQTT 5 carry it as user properties, for a tenant with the grant
/// `trace-context` ([`Grants::allows_trace_context`](crate::Grants::allows_trace_context)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    traceparent: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tracestate: Option<String>,
}

impl TraceContext {
    /// Out of the values of the headers `traceparent` and `tracestate`. `None`: the first is not valid. A second one that is not valid is
    /// left out.
    #[must_use]
    pub fn new(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let tracestate = tracestate.map(str::trim).filter(|state| is_state(state)).map(str::to_owned);
        Some(Self { traceparent: parent(traceparent)?, tracestate })
    }

    /// `traceparent`, of version 00.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// `tracestate`, if there is any.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// Adds the user properties to a message; but for one that has a `traceparent` of its own.
    pub(crate) fn add_to(&self, message: &mut Message) {
        let properties = &mut message.properties.get_or_insert_default().user_properties;
        if properties.iter().any(|(name, _)| name == TRACEPARENT) {
            return;
        }
        properties.push((TRACEPARENT.to_owned(), self.traceparent.clone()));
        if let Some(state) = &self.tracestate {
            properties.push((TRACESTATE.to_owned(), state.clone()));
        }
    }
}

/// A valid `traceparent` (section 3.2.2). One of a later version is read as one of version 00, of which it has the parts in front.
fn parent(text: &str) -> Option<String> {
    const LENGTH: usize = 55;
    let mut parts = text.get(..LENGTH)?.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (part.len() == length && part.bytes().all(is_digit)).then_some(part)
    };
    let (version, trace, parent, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_nothing = |part: &str| part.bytes().all(|digit| digit == b'0');
    let is_whole = match version {
        "00" => text.len() == LENGTH,
        "ff" => false,
        _ => text.as_bytes().get(LENGTH).is_none_or(|byte| *byte == b'-'),
    };
    if !is_whole || is_nothing(trace) || is_nothing(parent) {
        return None;
    }
    // Of the flags, version 00 knows that it is recorded.
    let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    Some(format!("00-{trace}-{parent}-{is_sampled:02x}"))
}

/// Whether it is a valid `tracestate` (section 3.3.1) that is not empty.
fn is_state(state: &str) -> bool {
    let is_key_byte = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
    };
    let is_member = |member: &str| {
        member.split_once('=').is_some_and(|(key, value)| {
            let begins = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            (1..=256).contains(&key.len())
                && key.bytes().next().is_some_and(begins)
                && key.bytes().all(is_key_byte)
                && (1..=256).contains(&value.len())
                && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=' && byte != b',')
        })
    };
    let members = || state.split(',').map(str::trim).filter(|member| !member.is_empty());
    state.len() <= LONGEST_STATE
        && (1..=MOST_MEMBERS).contains(&members().count())
        && members().all(is_member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Qos;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_that_is_valid_is_taken_and_no_other() {
        let later = PARENT.replacen("00", "cc", 1);
        for (given, taken) in [
            (PARENT, PARENT),
            (&PARENT.replace("-01", "-00"), &PARENT.replace("-01", "-00")),
            (&PARENT.replace("-01", "-ff"), PARENT),
            (&later, PARENT),
            (&format!("{later}-what-comes"), PARENT),
        ] {
            assert_eq!(TraceContext::new(given, None).unwrap().traceparent(), taken, "{given}");
        }
        let wrong = [
            "",
            &PARENT[1..],
            &PARENT[..54],
            &format!("{PARENT}-"),
            &format!("{later}0"),
            &PARENT.to_uppercase(),
            &PARENT.replacen("00", "ff", 1),
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &PARENT.replace("b7ad6b7169203331", &"0".repeat(16)),
            &PARENT.replace('-', "_"),
            &PARENT.replace("-01", "-0g"),
            &PARENT.replace("0af7", "é7"),
        ];
        for given in wrong {
            assert_eq!(TraceContext::new(given, None), None, "{given}");
        }
    }

    #[test]
    fn a_tracestate_that_is_wrong_or_too_long_is_left_out() {
        let taken = |state: &str| TraceContext::new(PARENT, Some(state)).unwrap().tracestate.is_some();
        let long = |length: usize| format!("a={}", "x".repeat(length - 2));
        let members = |count: usize| vec!["a=b"; count].join(",");
        let right = ["congo=t61rcWkgMzE", "a@b=1, c/d*=2 3", "a=b,,c=d", &members(32), &long(258)];
        assert!(right.iter().all(|state| taken(state)), "{right:?}");
        let wrong =
            ["", ",", "a", "A=b", "a=", "=b", "a=b\nc", "a=é", "a=b=c", "_a=b", &members(33), &long(259)];
        let several = [long(200), long(200), long(200)].join(",");
        for state in wrong.into_iter().chain([&*several]) {
            assert!(!taken(state), "{state:?}");
        }
    }

    #[test]
    fn a_message_with_a_traceparent_of_its_own_keeps_it() {
        let context = TraceContext::new(PARENT, Some("a=b")).unwrap();
        let mut message = Message {
            topic: "t".to_owned(),
            payload: Vec::new(),
            qos: Qos::AtMostOnce,
            retain: false,
            properties: None,
        };
        context.add_to(&mut message);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let both = [pair("traceparent", PARENT), pair("tracestate", "a=b")];
        assert_eq!(message.properties.as_ref().unwrap().user_properties, both);
        message.properties.as_mut().unwrap().user_properties = vec![pair("traceparent", "mine")];
        context.add_to(&mut message);
        assert_eq!(message.properties.unwrap().user_properties, [pair("traceparent", "mine")]);
    }
}
