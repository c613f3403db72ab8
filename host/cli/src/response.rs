//! Responses that the command line makes itself, what it adds to the component's, and exit statuses.

use mqtt_connector::Response;
use mqtt_connector_arguments::documents::Documents;
use mqtt_connector_arguments::message::MessageFlags;
use mqtt_connector_arguments::origins;

/// Exit status of a command that has no response, and went well.
pub const SUCCESS: u8 = 0;
/// Exit status of the demo, when not every message arrived.
#[cfg(feature = "demo")]
pub const FAILURE: u8 = 1;

/// The response with this exit code and message.
pub fn response(exit_code: i32, message: String) -> Response {
    Response::new(exit_code, message)
}

/// The response, with what there is to say about the origin of the credentials when it is about them.
pub(crate) fn with_origins(mut response: Response, flags: &MessageFlags, documents: &Documents) -> Response {
    response.meta.message = origins::told(response.meta.exit_code, response.meta.message, flags, documents);
    response
}

/// The exit code as the exit status of the process.
pub fn exit_status(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}
