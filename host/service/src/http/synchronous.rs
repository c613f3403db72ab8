//! Calls that wait until the connector has answered: `/v1/send`, `/v1/check`, `/v1/schema`.

use std::time::{Duration, Instant};

use axum::extract::{self, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::answer::Answer;
use super::api::Api;
use super::caller::Caller;
use super::executions::{Accepted, accept, accepted};
use super::prefer::{Prefer, idempotency_key};
use super::problem::Problem;
use super::trace_context::TraceHeaders;
use crate::execution::{Options, Request, Status};

/// How much longer than the tenant's timeout somebody waits for an execution with an idempotency key, so that its answer is kept.
const TO_KEEP: Duration = Duration::from_secs(5);

/// Send one message
///
/// The request is laid over the tenant's configuration. The answer comes when the quality of service was reached, or it is known why not.
#[utoipa::path(
    post,
    path = "/v1/send",
    tag = "send",
    params(
        ("Prefer" = Option<String>, Header, description = "RFC 7240: respond-async answers 202 with an execution; wait=N waits so many seconds (60 at most) for its end first"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key is the same execution, with the same answer, for as long as it is kept", min_length = 1, max_length = 256, pattern = "^[!#-~]([ !#-~]*[!#-~])?$"),
        TraceHeaders,
    ),
    request_body = Request,
    responses(
        (status = 200, description = "What the connector answers, whatever its exit code", body = Answer),
        (status = 202, description = "Accepted; the execution has not ended yet", body = Accepted,
            headers(("Location" = String, description = "The path of the execution"), ("Preference-Applied" = Option<String>))),
    )
)]
pub(super) async fn send(
    State(api): State<Api>,
    mut caller: Caller,
    call: extract::Request,
) -> Result<Response, Problem> {
    let counted = api.begin()?;
    let (prefer, key) = (Prefer::read(call.headers()), idempotency_key(call.headers())?);
    let request = Request::parse(caller.document(&api, call).await?)?;
    let tenant = &caller.tenant;
    let (options, at_most) = match (prefer.respond_async, &key) {
        (false, None) => {
            let began = Instant::now();
            let response =
                api.connector().send_with(tenant, tenant.config(), request.as_str(), caller.hooks()).await;
            api.count(tenant, &response, Some(began.elapsed()));
            return Ok(Answer::from(response).into_response());
        }
        (true, _) => (Options::default(), prefer.wait.unwrap_or_default()),
        // Once, as without a key: who waits decides whether to ask again.
        (false, Some(_)) => {
            (Options { attempts: 1, ..Options::default() }, tenant.limits().timeout + TO_KEEP)
        }
    };
    // In a box, so that a call that is answered without being kept, as most are, has no room for it.
    let execution = Box::pin(async {
        let execution = accept(&api, &caller, request, options, key).await?;
        // It is kept, and may wait for the next process: whoever drains waits for it no longer than until nothing more ends.
        drop(counted);
        if at_most.is_zero() || execution.status.is_final() {
            return Ok::<_, Problem>(execution);
        }
        Ok(api.wait(tenant.name(), execution.id, at_most).await?.unwrap_or(execution))
    });
    let execution = execution.await?;
    let id = execution.id;
    let mut response = match (execution.status, execution.meta) {
        (Status::Finished, Some(meta)) => return Ok(Answer::from(meta).into_response()),
        (Status::Cancelled | Status::Expired, _) => {
            let status = execution.status.as_str();
            return Err(Problem::conflict(format_args!(
                "execution {id} of this idempotency key is {status}"
            )));
        }
        (status, _) => accepted(id, status),
    };
    prefer.say_applied(&mut response);
    Ok(response)
}

/// Check a request
///
/// What a send would answer, as far as that is known without the network. Nothing is sent.
#[utoipa::path(
    post,
    path = "/v1/check",
    tag = "send",
    request_body = Request,
    responses((status = 200, description = "What a send would be answered with", body = Answer))
)]
pub(super) async fn check(
    State(api): State<Api>,
    mut caller: Caller,
    call: extract::Request,
) -> Result<Answer, Problem> {
    let request = Request::parse(caller.document(&api, call).await?)?;
    let tenant = &caller.tenant;
    Ok(api.connector().check(tenant, tenant.config(), request.as_str()).await.into())
}

/// The schema of a request
///
/// The JSON Schema of a configuration and of a request, as the connector has it.
#[utoipa::path(
    get,
    path = "/v1/schema",
    tag = "send",
    responses((status = 200, description = "A JSON Schema", body = serde_json::Value, content_type = "application/schema+json"))
)]
pub(super) async fn schema(State(api): State<Api>, _caller: Caller) -> Result<Response, Problem> {
    let schema = api.connector().schema().await.map_err(|fault| Problem::unavailable(fault.meta.message))?;
    Ok(([(header::CONTENT_TYPE, "application/schema+json")], schema).into_response())
}
