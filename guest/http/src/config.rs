//! The configuration of each request, from the environment.
//!
//! | variable | what it is |
//! |---|---|
//! | `MQTT_CONFIG` | the configuration, a JSON object |
//! | `MQTT_USERNAME`, `MQTT_PASSWORD`, `MQTT_PROXY_PASSWORD` | each wins over the same parameter there, unless it is empty |
//!
//! Each request has its own connection, and several may be under way at one time. A broker ends a connection whose client identifier
//! another one brings (MQTT 3.1.1, section 3.1.4), so that `client-id` is made different for each request, by a suffix.

use std::env;

use mqtt_connector_arguments::documents::Overlay;
use mqtt_connector_guest::json;
use serde_json::{Value, json};
use wasip2::random::random::get_random_u64;

const CONFIG: &str = "MQTT_CONFIG";
const CREDENTIALS: [(&str, &str); 3] =
    [("username", "MQTT_USERNAME"), ("password", "MQTT_PASSWORD"), ("proxy-password", "MQTT_PROXY_PASSWORD")];
const CLIENT_ID: &str = "client-id";
const CLEAN_SESSION: &str = "clean-session";

/// The configuration for one request. What is wrong with it the connector says.
pub(crate) fn of_request() -> String {
    let config = env::var(CONFIG).unwrap_or_else(|_| "{}".to_owned());
    let mut given = serde_json::Map::new();
    for (name, variable) in CREDENTIALS {
        if let Ok(text) = env::var(variable)
            && !text.is_empty()
        {
            given.insert(name.to_owned(), Value::from(text));
        }
    }
    if let Some(client_id) = client_id(&config) {
        given.insert(CLIENT_ID.to_owned(), Value::from(client_id));
    }
    Overlay::of(&json!(given).to_string()).over(config)
}

/// The client identifier of the configuration with a suffix of its own for this request. `None` for an empty one, for which the
/// broker chooses another, and for a session that goes on, which is found again by its name alone.
fn client_id(config: &str) -> Option<String> {
    let object = json::check(config).ok().filter(|object| object.starts_with('{'))?;
    let member =
        |wanted: &str| json::members(object).find(|(name, _)| name == wanted).map(|(_, value)| value);
    if member(CLEAN_SESSION) == Some("false") {
        return None;
    }
    let client_id = json::string(member(CLIENT_ID)?)?;
    let suffix = get_random_u64() & 0xffff_ffff;
    (!client_id.is_empty()).then(|| format!("{client_id}-{suffix:08x}"))
}
