//! A certificate or key: its text, or the path of a file that holds it.

use mqtt_connector_contract::pem::{PemSource, holds};
use mqtt_connector_contract::publisher::Pem;
use mqtt_connector_contract::white_space::{Stray, is_white_space};

use crate::json::Value;
use crate::problem::Wants;

/// Reads a certificate or a key: tells a text from a path ([`PemSource`]). Whether the text holds a certificate and the file exists is for the host to find
/// out.
///
/// # Errors
///
/// When the value is no string, neither of the two, or a path that holds U+0000 or has white space around it.
#[inline(never)]
pub fn read(value: Value<'_>) -> Result<Pem, Wants> {
    let text = value.string()?;
    if PemSource::of(&text) == PemSource::Text {
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

/// Whether what stands there as a certificate holds its key too, as far as one can tell without reading it: the name of a
/// PKCS#12 file, PEM with a key in it, or base64 of PKCS#12.
pub fn holds_key(pem: &Pem) -> bool {
    match pem {
        Pem::File(path) => {
            let ending = path.len().checked_sub(4).and_then(|start| path.get(start..)).unwrap_or_default();
            ending.eq_ignore_ascii_case(".p12") || ending.eq_ignore_ascii_case(".pfx")
        }
        Pem::Text(text) => holds(text, b"PRIVATE KEY-----") || is_pkcs12(text.trim_ascii_start().as_bytes()),
    }
}

/// A sequence that begins with the version 3 and another sequence (RFC 7292, section 4), as base64: of DER, or of BER
/// without a length.
fn is_pkcs12(base64: &[u8]) -> bool {
    base64.starts_with(b"MIACAQMw") || (base64.starts_with(b"MI") && base64.get(6..10) == Some(b"IBAz"))
}
