//! What a send needs before it begins: who it is for, what is sent, and the connector.

use clap::ArgMatches;
use mqtt_connector::{Connector, Response, Tenant};
use tokio::sync::oneshot;
use wasmtime::Engine;

use crate::documents::{self, Documents};
use crate::signals::Signals;
use crate::{component, inputs, shortage, tenants};

/// Who a send is for, what is sent, and the connector, with so many places for instances that are kept ready.
///
/// What may take long is read on a thread of its own, so that a signal ends it.
pub(crate) async fn prepared(
    matches: &ArgMatches,
    signals: &mut Signals,
    places: u32,
) -> Result<(Tenant, Documents, Connector), Response> {
    const DOING: &str = "the files were read";
    // Now, as there is memory for it: where there is none the engine panics.
    Engine::tls_eager_initialize();
    let prepare = move |matches: &ArgMatches| {
        let (tenant, documents) = call(matches)?;
        Ok((tenant, documents, component::connector(matches, places)?))
    };
    if !inputs::may_take_long(matches) {
        return signals.unless_ended(DOING, async { prepare(matches) }).await?;
    }
    let (done, prepared) = oneshot::channel();
    let owned = matches.clone();
    let read = move || {
        // Nobody asks any more once a signal has ended the wait.
        let _ = done.send(prepare(&owned));
    };
    let thread = std::thread::Builder::new().name("files".to_owned()).spawn(read);
    thread.map_err(|error| shortage::no_thread(&error, DOING))?;
    let prepared = signals.unless_ended(DOING, prepared).await?;
    prepared.map_err(|_| shortage::panicked())?
}

/// Who a send is for, and what is sent. Without a tenant, the person at the command line is their own operator.
fn call(matches: &ArgMatches) -> Result<(Tenant, Documents), Response> {
    let tenant = tenants::named(matches)?;
    let documents = documents::read(matches)?;
    Ok(match tenant {
        Some(tenant) => {
            let config = tenant.config().to_owned();
            (tenant, Documents { config, ..documents })
        }
        None => (Tenant::unrestricted("operator"), documents),
    })
}
