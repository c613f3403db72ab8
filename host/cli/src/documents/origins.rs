//! Where user name and password came from: of a refused connection, the first question of whoever did not expect it.
//!
//! The component knows two documents. That a flag, a file or the environment is laid over the request is the command line's
//! doing, and so is saying it.

use std::fmt::Write as _;

use clap::ArgMatches;
use clap::parser::ValueSource;
use mqtt_connector::Response;
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_guest::outcome::CredentialSources;

use super::{Documents, PASSWORD, PROXY_PASSWORD, USERNAME, gives};
use crate::arguments::{CONFIG, PASSWORD_FILE, REQUEST, REQUESTS, TENANT, TENANTS};
use crate::files::{Named, STANDARD_INPUT};

/// What the broker says of a user name and a password: return codes of MQTT 3.1.1, and reason codes of MQTT 5.
const REFUSED: [i32; 4] = [4, 5, 134, 135];

/// A parameter whose origin is told, what it is called in a sentence, and the variable that may give it.
struct Credential {
    name: &'static str,
    called: &'static str,
    variable: &'static str,
}

const CREDENTIALS: [Credential; 3] = [
    Credential { name: USERNAME, called: "user name", variable: "MQTT_USERNAME" },
    Credential { name: PASSWORD, called: "password", variable: "MQTT_PASSWORD" },
    Credential { name: PROXY_PASSWORD, called: "proxy password", variable: "MQTT_PROXY_PASSWORD" },
];

/// Where a credential came from.
struct Origin {
    /// As in "the environment variable MQTT_PASSWORD".
    place: String,
    /// Whether nobody sees it at the command line: it is a variable.
    is_environment: bool,
    /// The place of the value that it took the place of.
    instead_of: Option<String>,
}

const IN_REQUEST: &str = "request";
const IN_CONFIG: &str = "configuration";

/// The response with what there is to say about the origin of the credentials, when it is about them.
pub(crate) fn told(mut response: Response, matches: &ArgMatches, documents: &Documents) -> Response {
    let code = response.meta.exit_code;
    let is_refusal = REFUSED.contains(&code);
    if !is_refusal && code != PARAMETER {
        return response;
    }
    let mut account = String::new();
    let mut told = Vec::new();
    for credential in CREDENTIALS {
        let Some(origin) = find(&credential, matches, documents) else { continue };
        let Credential { name, called, .. } = credential;
        let Origin { place, is_environment, instead_of } = origin;
        // A proxy that refuses has no exit code of its own.
        let is_meant = is_refusal && name != PROXY_PASSWORD
            || code == PARAMETER && is_environment && is_named(&response.meta.message, name);
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
    let text = &mut response.meta.message;
    match CredentialSources::told(text) {
        // The component's sentence would say the same of the documents that the command line has made.
        Some(given) if !told.is_empty() && tells_all(&told, given) => {
            for (source, what) in [(given.username, "user name"), (given.password, "password")] {
                if source.is_none() {
                    let _ = write!(account, " No {what} was given.");
                }
            }
            *text = text.replacen(&given.to_string(), &account, 1);
        }
        Some(_) | None => text.push_str(&account),
    }
    response
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

fn find(credential: &Credential, matches: &ArgMatches, documents: &Documents) -> Option<Origin> {
    let Credential { name, variable, .. } = *credential;
    let in_config = || gives(&documents.config, name).then(|| place_of(IN_CONFIG, matches));
    let given = match matches.value_source(name) {
        _ if name == PASSWORD && named(matches, PASSWORD_FILE).is_some() => {
            let path = named(matches, PASSWORD_FILE).unwrap_or_default();
            Some((Named::flag(PASSWORD_FILE, path).to_string(), false))
        }
        Some(ValueSource::CommandLine) => Some((format!("the flag --{name}"), false)),
        Some(ValueSource::EnvVariable) if named(matches, name) != Some("") => {
            Some((format!("the environment variable {variable}"), true))
        }
        Some(_) | None => None,
    };
    let origin = |place, is_environment, instead_of| Some(Origin { place, is_environment, instead_of });
    match given {
        Some((place, is_environment)) => {
            let in_request = documents.replaced.contains(&name).then(|| place_of(IN_REQUEST, matches));
            origin(place, is_environment, in_request.or_else(in_config))
        }
        None if gives(&documents.request, name) => origin(place_of(IN_REQUEST, matches), false, in_config()),
        // Each line may have its own.
        None if named(matches, REQUESTS).is_some() => None,
        None => origin(in_config()?, false, None),
    }
}

fn place_of(document: &str, matches: &ArgMatches) -> String {
    if document == IN_CONFIG
        && let Some(tenant) = named(matches, TENANT)
    {
        let file = Named::flag(TENANTS, named(matches, TENANTS).unwrap_or_default());
        return format!("the configuration of tenant {tenant} in {file}");
    }
    let flag = if document == IN_CONFIG { CONFIG } else { REQUEST };
    match named(matches, flag) {
        Some(STANDARD_INPUT) => format!("standard input (--{flag} {STANDARD_INPUT})"),
        path => Named::flag(flag, path.unwrap_or_default()).to_string(),
    }
}

fn named<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    // `check` has no lines.
    matches.try_get_one::<String>(name).ok().flatten().map(String::as_str)
}
