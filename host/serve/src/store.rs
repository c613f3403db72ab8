//! Where executions are kept: in a file, or in a cluster of NATS.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use mqtt_connector::Response;
use mqtt_connector::exit_code::{PARAMETER, UNUSABLE_FILE};
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_cli::output::note;
use mqtt_connector_cli::response::response;
use mqtt_connector_service::{
    NatsAddress, NatsError, NatsLogin, NatsStore, NatsStoreBuilder, OpenError, SqliteStore, Store,
};

/// The environment variables that hold the user of NATS and its password, and a token: those of the program `nats`.
const LOGIN: [&str; 3] = ["NATS_USER", "NATS_PASSWORD", "NATS_TOKEN"];

/// Where executions are kept.
#[derive(Clone, Debug)]
pub(crate) enum StorePlace {
    File(PathBuf),
    Nats(Box<NatsAddress>),
}

impl StorePlace {
    /// Reads it from the argument of `--store`. It is no parser of clap, which would show an address that has a password in it.
    pub(crate) fn resolve(matches: &ArgMatches, name: &str) -> Result<Self, Refusal> {
        let argument = matches.get_one::<OsString>(name).cloned().unwrap_or_default();
        match argument.to_str() {
            Some(text) if NatsAddress::is_meant(text) => match text.parse() {
                Ok(address) => Ok(Self::Nats(Box::new(address))),
                Err(error) => Err(Refusal::of_usage(&format!("--{name}: {error}"))),
            },
            _ => Ok(Self::File(argument.into())),
        }
    }

    /// Opens it for a service, which carries out what it holds.
    pub(crate) async fn open(&self, size: u64, retention: Duration) -> Result<Arc<dyn Store>, Response> {
        match self {
            Self::File(path) => {
                let store = SqliteStore::builder(path).size(size).retention(retention).open();
                Ok(Arc::new(store.map_err(|error| unopened(&error))?))
            }
            Self::Nats(address) => {
                let store = nats(address)?.size(size).retention(retention).open().await;
                let store = store.map_err(|error| unusable(&error))?;
                for doubt in store.doubts().await {
                    note(&format!("mqtt-connector: {doubt}"));
                }
                Ok(Arc::new(store))
            }
        }
    }

    /// Opens it to look at and to change, also beside a service.
    pub(crate) async fn open_beside(&self) -> Result<Arc<dyn Store>, Response> {
        match self {
            Self::File(path) => {
                Ok(Arc::new(SqliteStore::open_beside(path).map_err(|error| unopened(&error))?))
            }
            Self::Nats(address) => {
                Ok(Arc::new(nats(address)?.open_beside().await.map_err(|error| unusable(&error))?))
            }
        }
    }
}

/// Why a file was not opened, and the cause.
fn unopened(error: &OpenError) -> Response {
    let why = match error {
        OpenError::Io { source, .. } => format!("{error}: {source}"),
        OpenError::Store { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    };
    response(UNUSABLE_FILE, format!("{why}."))
}

fn nats(address: &NatsAddress) -> Result<NatsStoreBuilder, Response> {
    Ok(NatsStore::builder(address.clone()).login(login()?))
}

/// How the environment says who this is to NATS.
///
/// # Errors
///
/// The response: half of a user, or two of them.
pub(crate) fn login() -> Result<NatsLogin, Response> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match LOGIN.map(set) {
        [None, None, None] => Ok(NatsLogin::Nobody),
        [Some(user), Some(password), None] => Ok(NatsLogin::User { user, password }),
        [None, None, Some(token)] => Ok(NatsLogin::Token(token)),
        [_, _, Some(_)] => {
            Err(wrong("NATS_TOKEN is set, and so is a user or its password: one of the two has to go."))
        }
        [_, _, None] => {
            Err(wrong("NATS_USER and NATS_PASSWORD belong together, and one of them is not set."))
        }
    }
}

fn wrong(problem: &str) -> Response {
    response(PARAMETER, format!("In the environment: {problem}"))
}

pub(crate) fn unusable(error: &NatsError) -> Response {
    response(UNUSABLE_FILE, format!("{error}."))
}
