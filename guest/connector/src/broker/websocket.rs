//! Further headers of the WebSocket handshake.

use mqtt_connector_contract::header::{self, MAX_HEADERS};
use mqtt_connector_contract::publisher::WebsocketHeader;
use mqtt_connector_contract::white_space::Stray;

use crate::json::Value;
use crate::problem::Wants;

/// Reads `websocket-headers`: an object of strings, of which [`header`] says what they may be; no name stands there twice, in
/// whatever case.
///
/// # Errors
///
/// The first thing that is wrong. It never holds a part of a name or a value: either may be a credential.
pub fn read_headers(value: Value<'_>) -> Result<Vec<WebsocketHeader>, Wants> {
    let mut headers: Vec<WebsocketHeader> = Vec::new();
    let mut length = 0;
    for (name, value) in value.pairs().map_err(|_| Wants::Texts)? {
        let name = name.string().map_err(|_| Wants::HeaderName)?;
        let value = value.string().map_err(|_| Wants::Texts)?;
        if !header::is_name(&name) {
            return Err(Wants::HeaderName);
        }
        if let Some(reserved) = header::reserved(&name) {
            return Err(Wants::HeaderReserved(reserved));
        }
        if headers.iter().any(|header| header.name.eq_ignore_ascii_case(&name)) {
            return Err(Wants::HeaderOnce);
        }
        if !header::is_value(&value) {
            return Err(Wants::HeaderValue(Stray::find(&value)));
        }
        length += header::length(&name, &value);
        if length > MAX_HEADERS {
            return Err(Wants::HeadersLength { maximum: MAX_HEADERS });
        }
        headers.push(WebsocketHeader { name: name.into_owned(), value: value.into_owned() });
    }
    Ok(headers)
}
