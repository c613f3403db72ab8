//! A certificate or key: PEM text, or the path of a file that holds it.

use std::borrow::Cow;

use mqtt_connector_contract::white_space::{Stray, is_white_space};

use crate::confidential::Pem;
use crate::wants::Wants;

/// Tells PEM text from a path: what starts with `-----BEGIN`, white space before it aside, is PEM text
/// (RFC 7468); what starts with `/` is an absolute path. Whether the text holds a certificate and the
/// file exists is for the host to find out.
///
/// # Errors
///
/// When the text is neither, or a path that holds U+0000 or has white space around it.
pub fn read(text: Cow<'_, str>) -> Result<Pem, Wants> {
    if text.trim_ascii_start().starts_with("-----BEGIN") {
        Ok(Pem::Text(text.into_owned()))
    } else if !text.trim_start_matches(is_white_space).starts_with('/') {
        Err(Wants::Pem)
    } else if text.contains('\0') {
        Err(Wants::NoNul)
    } else if let Some(stray) = Stray::find(&text) {
        Err(Wants::NoWhiteSpace(stray))
    } else {
        Ok(Pem::File(text.into_owned()))
    }
}
