//! Further headers of the WebSocket handshake.

use mqtt_connector_contract::white_space::Stray;

use crate::bindings::confidential::WebsocketHeader;
use crate::json::Value;
use crate::problem::Wants;

/// The most bytes that all headers take together, each with four more for what stands around name and value: many servers
/// take half of it.
pub const MAX_HEADERS: usize = 16 * 1024;

/// What the handshake sets itself, or what would change where the request ends (RFC 6455, section 4.1; RFC 9112,
/// section 6). Besides these, everything that starts with [`RESERVED_PREFIX`].
pub const RESERVED: [&str; 5] = ["Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"];

/// How the names of the handshake's own headers start.
pub const RESERVED_PREFIX: &str = "Sec-WebSocket-";

/// Reads `websocket-headers`: an object of strings. Names are tokens (RFC 9110, section 5.6.2), none of them twice in any
/// case; values have no control characters but the tab (section 5.5).
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
        if !is_token(&name) {
            return Err(Wants::HeaderName);
        }
        if let Some(reserved) = reserved(&name) {
            return Err(Wants::HeaderReserved(reserved));
        }
        if headers.iter().any(|header| header.name.eq_ignore_ascii_case(&name)) {
            return Err(Wants::HeaderOnce);
        }
        if value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
            return Err(Wants::HeaderValue(Stray::find(&value)));
        }
        length += name.len() + value.len() + 4;
        if length > MAX_HEADERS {
            return Err(Wants::HeadersLength { maximum: MAX_HEADERS });
        }
        headers.push(WebsocketHeader { name: name.into_owned(), value: value.into_owned() });
    }
    Ok(headers)
}

fn is_token(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// The header of the handshake's own, or the start of several, that the name is.
fn reserved(name: &str) -> Option<&'static str> {
    let starts =
        name.get(..RESERVED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX));
    if starts {
        return Some(RESERVED_PREFIX);
    }
    RESERVED.into_iter().find(|reserved| reserved.eq_ignore_ascii_case(name))
}
