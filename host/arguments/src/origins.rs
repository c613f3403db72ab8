//! Where user name and password came from: of a refused connection, the first question of whoever did not expect it.
//!
//! The component knows two documents. That a flag, a file or the environment is laid over the request is the command line's
//! doing, and so is saying it.

use std::fmt::Write as _;

use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_guest::outcome::CredentialSources;

use crate::documents::{Documents, gives};
use crate::flags::{CREDENTIALS, Credential, PASSWORD, PROXY_PASSWORD};
use crate::message::{From, LineFormat, MessageFlags};

/// What the broker says of a user name and a password: return codes of MQTT 3.1.1, and reason codes of MQTT 5.
const REFUSED: [i32; 4] = [4, 5, 134, 135];

/// Where a credential came from.
struct Origin {
    /// As in "the environment variable MQTT_PASSWORD".
    place: String,
    /// Whether nobody sees it at the command line: it is a variable.
    is_environment: bool,
    /// The place of the value that it took the place of.
    instead_of: Option<String>,
}

/// The message of a response, with what there is to say about the origin of the credentials where the response, which has this
/// exit code, is about them.
#[must_use]
pub fn told(exit_code: i32, mut message: String, flags: &MessageFlags, documents: &Documents) -> String {
    let is_refusal = REFUSED.contains(&exit_code);
    if !is_refusal && exit_code != PARAMETER {
        return message;
    }
    let mut account = String::new();
    let mut told = Vec::new();
    for credential in CREDENTIALS {
        let Some(origin) = find(&credential, flags, documents) else { continue };
        let Credential { name, called, .. } = credential;
        let Origin { place, is_environment, instead_of } = origin;
        // A proxy that refuses has no exit code of its own.
        let is_meant = is_refusal && name != PROXY_PASSWORD
            || exit_code == PARAMETER && is_environment && is_named(&message, name);
        if is_meant {
            told.push(name);
            // Writing to a string does not fail.
            let _ = write!(account, " The {called} is from {place}");
            if let Some(instead_of) = instead_of {
                let _ = write!(account, ", which wins over the one in {instead_of}");
            }
            account.push('.');
        }
    }
    match CredentialSources::told(&message) {
        // The component's sentence would say the same of the documents that the command line has made.
        Some(given) if !told.is_empty() && tells_all(&told, given) => {
            for (source, what) in [(given.username, "user name"), (given.password, "password")] {
                if source.is_none() {
                    let _ = write!(account, " No {what} was given.");
                }
            }
            message = message.replacen(&given.to_string(), &account, 1);
        }
        Some(_) | None => message.push_str(&account),
    }
    message
}

/// Whether those of `given` that there are, are among what was `told`.
fn tells_all(told: &[&str], given: CredentialSources) -> bool {
    let is_told = |source: Option<_>, name| source.is_none() || told.contains(&name);
    is_told(given.username, CREDENTIALS[0].name) && is_told(given.password, PASSWORD)
}

/// Whether the message says that something is wrong with the parameter in the request.
fn is_named(message: &str, name: &str) -> bool {
    let clause = format!("{name} in the request");
    message.match_indices(&clause).any(|(at, _)| !message[..at].ends_with('-'))
}

fn find(credential: &Credential, flags: &MessageFlags, documents: &Documents) -> Option<Origin> {
    let Credential { name, variable, .. } = *credential;
    let in_config = || gives(&documents.config, name).then(|| documents.config_place.clone());
    let given = match (&flags.password_file, flags.given(name).map(|given| given.from)) {
        (Some(file), _) if name == PASSWORD => Some((file.to_string(), false)),
        (_, Some(From::Flag)) => Some((format!("the flag --{name}"), false)),
        (_, Some(From::Variable)) => Some((format!("the environment variable {variable}"), true)),
        (_, None) => None,
    };
    let origin = |place, is_environment, instead_of| Some(Origin { place, is_environment, instead_of });
    // Each line may have its own.
    let has_requests = flags.lines.as_ref().is_some_and(|lines| lines.format == LineFormat::Request);
    match given {
        Some((place, is_environment)) => {
            let in_request = documents.replaced.contains(&name).then(|| documents.request_place.clone());
            origin(place, is_environment, in_request.or_else(in_config))
        }
        None if gives(&documents.request, name) => {
            origin(documents.request_place.clone(), false, in_config())
        }
        None if has_requests => None,
        None => origin(in_config()?, false, None),
    }
}
