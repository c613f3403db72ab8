//! What a send needs before it begins: who it is for, what is sent, and the connector.

use mqtt_connector::{Connector, Response, Tenant};
use mqtt_connector_arguments::documents::{self, Documents};
use tokio::sync::oneshot;
use wasmtime::Engine;

use crate::arguments::SendArguments;
use crate::component::Calls;
use crate::refusal::refused;
use crate::signals::Signals;
use crate::{component, inputs, shortage, tenants};

/// Who a send is for, what is sent, and the connector, with so many places for instances that are kept ready.
///
/// What may take long is read on a thread of its own, so that a signal ends it.
pub(crate) async fn prepared(
    arguments: &SendArguments,
    signals: &mut Signals,
    places: u32,
) -> Result<(Tenant, Documents, Connector), Response> {
    const DOING: &str = "the files were read";
    // Now, as there is memory for it: where there is none the engine panics.
    Engine::tls_eager_initialize();
    let prepare = move |arguments: &SendArguments| {
        let (tenant, documents) = call(arguments)?;
        let length = documents.config.len() + documents.request.len();
        let calls = match places {
            0 if length <= Connector::LARGEST_ONE_SHOT => Calls::One,
            places => Calls::Any { places },
        };
        Ok((tenant, documents, component::connector(&arguments.connector, calls)?))
    };
    if !inputs::may_take_long(arguments) {
        return signals.unless_ended(DOING, async { prepare(arguments) }).await?;
    }
    let (done, prepared) = oneshot::channel();
    let owned = arguments.clone();
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
fn call(arguments: &SendArguments) -> Result<(Tenant, Documents), Response> {
    let tenant = arguments.tenant.as_ref().map(tenants::find).transpose()?;
    let documents = documents::read(&arguments.message).map_err(refused)?;
    Ok(match (tenant, &arguments.tenant) {
        (Some(tenant), Some(named)) => {
            let place = format!("the configuration of tenant {} in {}", named.name, named.file);
            let config = tenant.config().to_owned();
            (tenant, documents.with_config(config, place))
        }
        (_, _) => (Tenant::unrestricted("operator"), documents),
    })
}
