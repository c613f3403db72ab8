//! `executions`: looks at a store and changes it, also beside the service that carries out what it holds.

use std::num::NonZeroU32;

use mqtt_connector::Response;
use mqtt_connector::exit_code::{FAULT, PARAMETER, SHORTAGE, UNUSABLE_FILE};
use mqtt_connector_cli::output::{WholeLines, note};
use mqtt_connector_cli::response::{SUCCESS, exit_status, response};
use mqtt_connector_cli::session::block_on;
use mqtt_connector_service::{ChangeError, Execution, Id, Query, Store, StoreError, Timestamp};

use crate::arguments::executions::{Action, ExecutionsArguments};

/// Does what is asked, and prints a line of JSON for each execution. What is wrong is said on standard error, and its exit code is the
/// exit status: of several, that of the last.
pub(crate) fn run(arguments: &ExecutionsArguments) -> u8 {
    let done = block_on(async {
        let store = &*arguments.store.open_beside().await?;
        match &arguments.action {
            Action::List(query) => list(store, query, false).await,
            Action::Export(query) => list(store, query, true).await,
            Action::Show(id) => match store.get(*id).await {
                Ok(execution) => print(&execution.ok_or_else(|| refused(&ChangeError::Unknown(*id)))?),
                Err(error) => Err(unusable(&error)),
            },
            Action::Retry(ids) => each(ids, async |id| store.retry(None, id, Timestamp::now()).await).await,
            Action::Cancel(ids) => each(ids, async |id| store.cancel(None, id, Timestamp::now()).await).await,
        }
    });
    match done.and_then(|done| done) {
        Ok(()) => SUCCESS,
        Err(failed) => {
            note(&format!("mqtt-connector: {}", failed.meta.message));
            exit_status(failed.meta.exit_code)
        }
    }
}

/// Changes each, whatever becomes of the others.
async fn each(
    ids: &[Id],
    change: impl AsyncFn(Id) -> Result<Execution, ChangeError>,
) -> Result<(), Response> {
    let mut done = Ok(());
    for id in ids {
        let changed = change(*id).await.map_err(|error| refused(&error));
        if let Err(failed) = changed.and_then(|execution| print(&execution))
            && let Err(before) = std::mem::replace(&mut done, Err(failed))
        {
            note(&format!("mqtt-connector: {}", before.meta.message));
        }
    }
    done
}

/// Page by page, so that a store of any size needs no memory to speak of.
async fn list(store: &dyn Store, query: &Query, has_requests: bool) -> Result<(), Response> {
    let mut left = query.limit.map_or(u32::MAX, NonZeroU32::get);
    let mut query = Query { limit: NonZeroU32::new(left.min(Query::MOST)), ..query.clone() };
    loop {
        let page = store.list(query.clone()).await.map_err(|error| unusable(&error))?;
        for execution in &page.executions {
            if has_requests {
                // One that was forgotten meanwhile is printed as it was.
                let whole = store.get(execution.id).await.map_err(|error| unusable(&error))?;
                print(whole.as_ref().unwrap_or(execution))?;
            } else {
                print(execution)?;
            }
            left -= 1;
        }
        query.limit = NonZeroU32::new(left.min(Query::MOST));
        if page.cursor.is_none() || query.limit.is_none() {
            return Ok(());
        }
        query.cursor = page.cursor;
    }
}

fn print(execution: &Execution) -> Result<(), Response> {
    let line = serde_json::to_string(execution).unwrap_or_default() + "\n";
    let written = WholeLines::stdout().write(line.as_bytes());
    written.map_err(|error| response(FAULT, format!("standard output: {error}.")))
}

fn refused(error: &ChangeError) -> Response {
    match error {
        ChangeError::Store(error) => unusable(error),
        _ => response(PARAMETER, format!("{error}.")),
    }
}

fn unusable(error: &StoreError) -> Response {
    let exit_code = match error {
        StoreError::Full { .. } | StoreError::Backlog { .. } | StoreError::NoRoom => SHORTAGE,
        _ => UNUSABLE_FILE,
    };
    response(exit_code, format!("{error}."))
}
