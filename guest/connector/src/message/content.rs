//! What is published: text, any JSON value, or bytes as base64.

use base64::engine::{Engine, general_purpose::STANDARD};
use mqtt_connector_contract::white_space::Stray;

use crate::json::{JsonType, Value, string_end};
use crate::problem::Wants;

/// How many lists and objects may stand inside each other in a JSON content: as many as common readers take.
pub const MAX_DEPTH: usize = 128;

/// Reads `content`: a string is sent as it is, without its quotes; any other value as compact JSON, with the
/// digits, the escapes and the order it was given with. A string that `is_plain` is known to have no escapes: it may be long, and is
/// not searched for them again.
///
/// # Errors
///
/// When a string holds half a surrogate pair, or lists and objects are nested more deeply than [`MAX_DEPTH`].
pub fn read(value: Value<'_>, is_plain: bool) -> Result<Vec<u8>, Wants> {
    match value.json_type() {
        JsonType::String if is_plain => Ok(value.plain_string().unwrap_or_default().as_bytes().to_vec()),
        JsonType::String => Ok(value.string()?.into_owned().into_bytes()),
        JsonType::Number | JsonType::Boolean | JsonType::Null => Ok(value.text().as_bytes().to_vec()),
        JsonType::List | JsonType::Object => compact(value.text()),
    }
}

/// Reads `content-base64`: the standard alphabet with padding (RFC 4648, section 4), no white space.
///
/// # Errors
///
/// When the value is not a string or not such base64.
pub fn read_base64(value: Value<'_>) -> Result<Vec<u8>, Wants> {
    use base64::DecodeError;

    let text = value.string()?;
    STANDARD.decode(text.as_bytes()).map_err(|error| match (Stray::find(&text), error) {
        (Some(stray), _) => Wants::NoWhiteSpace(stray),
        (None, DecodeError::InvalidByte(position, b'\n' | b'\r')) => Wants::Base64Lines { position },
        (None, DecodeError::InvalidByte(position, _)) => Wants::Base64Alphabet { position },
        (None, DecodeError::InvalidLength(_) | DecodeError::InvalidPadding) => Wants::Base64Padding,
        (None, DecodeError::InvalidLastSymbol { .. }) => Wants::Base64End,
    })
}

/// Valid JSON without the white space between its tokens.
fn compact(json: &str) -> Result<Vec<u8>, Wants> {
    let text = json.as_bytes();
    let piece = |from, to| text.get(from..to).unwrap_or_default();
    let mut compact = Vec::with_capacity(text.len());
    let (mut depth, mut from, mut at) = (0_usize, 0, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                compact.extend_from_slice(piece(from, at));
                from = at + 1;
            }
            b'"' => {
                at = string_end(text, at + 1);
                continue;
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Wants::ShallowContent { maximum: MAX_DEPTH });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    compact.extend_from_slice(piece(from, text.len()));
    Ok(compact)
}
