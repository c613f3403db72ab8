//! The answers of a component: which of them are believed.

use mqtt_connector_contract::exit_code::{ExitCode, SENT};
use mqtt_connector_contract::shown::misleads;

use super::Response;
use super::fault::Fault;
use crate::bindings::exports::flint::mqtt::connector as wit;
use crate::publisher::Tally;

/// The longest message of an answer, in bytes. The built-in component's longest names 40 wrong parameters and takes some
/// 25 KiB.
pub(super) const MESSAGE: usize = 64 * 1024;

/// The longest schema, in bytes. The built-in component's takes some 10 KiB.
pub(super) const SCHEMA: usize = 1024 * 1024;

/// The answer to one request with this exit code and message, if it is one that the contract knows.
///
/// # Errors
///
/// [`Fault::ExitCode`], [`Fault::Long`], [`Fault::ControlCharacters`].
pub(super) fn response(exit_code: i32, message: String) -> Result<Response, Fault> {
    if ExitCode::find(exit_code).is_none() {
        return Err(Fault::ExitCode(exit_code));
    }
    if message.len() > MESSAGE {
        return Err(Fault::Long { length: message.len(), most: MESSAGE });
    }
    // Printable ASCII misleads nobody, and is looked at many bytes at a time.
    let is_printable = message.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    if !is_printable && message.contains(misleads) {
        return Err(Fault::ControlCharacters);
    }
    Ok(Response::new(exit_code, message))
}

/// The answers to `requests` requests, if the contract knows all of them.
///
/// # Errors
///
/// As [`response`], and [`Fault::Count`].
pub(super) fn responses(responses: Vec<wit::Response>, requests: usize) -> Result<Vec<Response>, Fault> {
    if responses.len() != requests {
        return Err(Fault::Count);
    }
    responses.into_iter().map(|answer| response(answer.meta.exit_code, answer.meta.message)).collect()
}

/// A schema that is a text for people and machines.
///
/// # Errors
///
/// [`Fault::Long`], [`Fault::ControlCharacters`].
pub(super) fn schema(schema: String) -> Result<String, Fault> {
    if schema.len() > SCHEMA {
        return Err(Fault::Long { length: schema.len(), most: SCHEMA });
    }
    if schema.contains(|character| misleads(character) && !matches!(character, '\n' | '\r' | '\t')) {
        return Err(Fault::ControlCharacters);
    }
    Ok(schema)
}

/// Whether the host has seen what the answers say: exit code 0 says that a message reached its quality of service, and
/// the host has given out a receipt for each that did. What else the host has seen, the answers know from then on.
///
/// # Errors
///
/// [`Fault::NotAcknowledged`].
pub(super) fn believe(responses: &mut [Response], tally: Tally) -> Result<(), Fault> {
    let said = responses.iter().filter(|response| response.meta.exit_code == SENT).count() as u64;
    if said > tally.acknowledged {
        return Err(Fault::NotAcknowledged);
    }
    responses.iter_mut().for_each(|response| response.see(tally));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documented_exit_codes_and_readable_messages() {
        for exit_code in [0, 1, 5, 64, 66, 68, 69, 70, 71, 74, 79, 128, 162] {
            assert!(response(exit_code, "fine".to_owned()).is_ok(), "{exit_code}");
        }
        for exit_code in [i32::MIN, -1, 6, 63, 65, 67, 72, 73, 80, 127, 163, 255, 256, 300, i32::MAX] {
            assert_eq!(response(exit_code, "fine".to_owned()), Err(Fault::ExitCode(exit_code)));
        }
        for message in ["a\nb", "\r", "\t", "\0", "\u{1b}[2J", "\u{7f}", "\u{9b}", "\u{202e}", "\u{2028}"] {
            assert_eq!(response(64, message.to_owned()), Err(Fault::ControlCharacters), "{message:?}");
        }
        assert!(response(64, "x".repeat(MESSAGE)).is_ok());
        let length = MESSAGE + 1;
        let long = response(64, "x".repeat(length));
        assert_eq!(long, Err(Fault::Long { length, most: MESSAGE }));
    }

    #[test]
    fn success_is_only_believed_as_often_as_it_was_seen() {
        let answers = |codes: &[i32]| -> Vec<Response> {
            codes.iter().map(|code| response(*code, String::new()).unwrap()).collect()
        };
        for (codes, acknowledged, believed) in [
            (&[0][..], 1, true),
            (&[0], 0, false),
            (&[70], 0, true),
            (&[0, 64, 0], 2, true),
            (&[0, 64, 0], 1, false),
            (&[0], 5, true),
            (&[], 0, true),
        ] {
            let tally = Tally { acknowledged, ..Tally::default() };
            assert_eq!(believe(&mut answers(codes), tally).is_ok(), believed, "{codes:?} of {acknowledged}");
        }
    }
}
