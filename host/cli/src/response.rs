//! Responses that the command line makes itself, and exit statuses.

use mqtt_connector::Response;

/// Exit status of a command that has no response, and went well.
pub(crate) const SUCCESS: u8 = 0;
/// Exit status of the demo, when not every message arrived.
#[cfg(feature = "demo")]
pub(crate) const FAILURE: u8 = 1;

/// The response with this exit code and message.
pub(crate) fn response(exit_code: i32, message: String) -> Response {
    Response::new(exit_code, message)
}

/// The exit code as the exit status of the process.
pub(crate) fn exit_status(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}
