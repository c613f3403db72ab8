//! What is answered where a command line cannot be followed.

use mqtt_connector::Response;
use mqtt_connector_arguments::refusal::Refusal;

use crate::response::response;
use crate::shortage::unreadable;

/// The response that says why.
pub fn refused(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Answer { exit_code, message } => response(exit_code, message),
        Refusal::Unreadable { file, error } => unreadable(&file, &error),
    }
}
