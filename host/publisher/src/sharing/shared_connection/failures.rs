//! What the failures at the brokers of a list mean together.

use crate::contract::Broker;
use crate::error::Error;

/// Whether the other brokers would fail the same way, because the failure is about the client, its parameters, its grants or
/// this machine.
pub(super) fn holds_for_all(error: &Error) -> bool {
    match error {
        Error::Unreachable(_)
        | Error::HostNotFound { .. }
        | Error::Proxy { .. }
        | Error::Tls { .. }
        | Error::Lost(_)
        | Error::Closed(_)
        | Error::Protocol(_)
        | Error::Disconnected(_) => false,
        // Server unavailable, server busy, use another server, server moved, connection rate exceeded (MQTT 5.0, section 3.2.2.2).
        Error::Refused(refusal) => !matches!(refusal.code, 3 | 136 | 137 | 156 | 157 | 159),
        Error::Denied(_)
        | Error::Credential { .. }
        | Error::Shortage { .. }
        | Error::Rejected(_)
        | Error::TooLarge(_)
        | Error::TimedOut { .. }
        | Error::Interrupted { .. } => true,
    }
}

/// One error for the failures at several brokers. If all are of one kind, it is of that kind; otherwise it says that no broker
/// could be reached. It lists every failure.
pub(super) fn joined(failures: Vec<(&Broker, Error)>) -> Error {
    let listed = failures.iter().map(|(broker, error)| format!("{}:{}: {error}", broker.host, broker.port));
    let listed = listed.collect::<Vec<_>>().join("; ");
    let mut errors = failures.into_iter().map(|(_, error)| error);
    let Some(first) = errors.next() else { return Error::Unreachable(listed) };
    let kind = std::mem::discriminant(&first);
    let code = |error: &Error| if let Error::Refused(refusal) = error { refusal.code } else { 0 };
    let mut is_transient = first.is_transient();
    let mut last = first;
    for error in errors {
        if std::mem::discriminant(&error) != kind || code(&error) != code(&last) {
            return Error::Unreachable(listed);
        }
        is_transient |= error.is_transient();
        last = error;
    }
    match last {
        Error::HostNotFound { host, .. } => Error::HostNotFound { host, reason: listed },
        Error::Tls { .. } => Error::Tls { reason: listed, is_transient },
        Error::Lost(_) => Error::Lost(listed),
        Error::Protocol(_) => Error::Protocol(listed),
        // A refusal is shown with its broker: it needs no list.
        Error::Refused(refusal) => Error::Refused(refusal),
        _ => Error::Unreachable(listed),
    }
}
