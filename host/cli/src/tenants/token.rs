//! A token for the callers of a tenant.

use mqtt_connector::{Response, Token, TokenDigest};
use mqtt_connector_contract::exit_code::{PARAMETER, SHORTAGE};
use serde_json::json;

use crate::output::note;
use crate::response::response;

/// A new token, and its SHA-256, as a line of JSON. What to write where, standard error says.
///
/// # Errors
///
/// The response: it is no name of a tenant, or the system has no randomness.
pub(crate) fn token(tenant: &str) -> Result<String, Response> {
    let token = Token::new_text();
    let token =
        token.map_err(|error| response(SHORTAGE, format!("The system gives no random bits: {error}.")))?;
    let digest = TokenDigest::of(&token);
    // A token has a name as a tenant has.
    Token::new(tenant, digest).map_err(|_| {
        response(PARAMETER, "A tenant's name has 1 to 64 letters, digits, -, _ and .".to_owned())
    })?;
    let key = if tenant.contains('.') { format!("\"{tenant}\"") } else { tenant.to_owned() };
    note(&format!(
        "mqtt-connector: the token is for the caller and stands nowhere else. For the file of tenants, with a name to know it \
         by:\n[[tenants.{key}.tokens]]\nname = \"…\"\nsha256 = \"{digest}\""
    ));
    Ok(format!("{}\n", json!({ "token": token, "sha256": digest.to_string() })))
}
