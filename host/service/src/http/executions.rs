//! `/v1/executions`.

use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::json;
use super::api::Api;
use super::caller::Caller;
use super::new_execution::{self, NewExecution};
use super::prefer::{Prefer, idempotency_key};
use super::problem::Problem;
use super::query;
use super::trace_context::TraceHeaders;
use crate::error::ChangeError;
use crate::execution::{Execution, Id, Options, Request, Status};
use crate::executions::Submission;
use crate::query::{Page, Query};

/// An execution that is accepted.
#[derive(Serialize, ToSchema)]
pub(super) struct Accepted {
    id: Id,
    status: Status,
}

/// The answer 202, with the path of the execution.
pub(super) fn accepted(id: Id, status: Status) -> Response {
    let mut response = json(&Accepted { id, status });
    *response.status_mut() = StatusCode::ACCEPTED;
    if let Ok(location) = format!("/v1/executions/{id}").try_into() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Accept an execution
///
/// It is kept durably when the answer comes, and carried out whatever is killed then.
#[utoipa::path(
    post,
    path = "/v1/executions",
    tag = "executions",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key is the same execution, for as long as it is kept", min_length = 1, max_length = 256, pattern = "^[!#-~]([ !#-~]*[!#-~])?$"),
        TraceHeaders,
    ),
    request_body = NewExecution,
    responses((status = 202, description = "It is accepted, or was before", body = Accepted,
        headers(("Location" = String, description = "The path of the execution"))))
)]
pub(super) async fn submit(
    State(api): State<Api>,
    mut caller: Caller,
    call: extract::Request,
) -> Result<Response, Problem> {
    let _counted = api.begin()?;
    let idempotency_key = idempotency_key(call.headers())?;
    let text = caller.document(&api, call).await?;
    let (request, options) = new_execution::read(&text)?;
    let execution = accept(&api, &caller, request, options, idempotency_key).await?;
    Ok(accepted(execution.id, execution.status))
}

/// Accepts an execution; with a key that was there before, it is the one of then.
pub(super) async fn accept(
    api: &Api,
    caller: &Caller,
    request: Request,
    options: Options,
    idempotency_key: Option<String>,
) -> Result<Execution, Problem> {
    let mut submission = Submission::new(request).options(options);
    submission.idempotency_key = idempotency_key;
    submission.trace_context.clone_from(&caller.trace_context);
    Ok(api.executions().submit(&caller.tenant, submission).await?.execution)
}

/// List executions
///
/// The newest first, without their requests.
#[utoipa::path(
    get,
    path = "/v1/executions",
    tag = "executions",
    params(
        ("status" = Option<Status>, Query, description = "Only those with this status"),
        ("dead-letters" = Option<bool>, Query, description = "Only those that ended without having been sent well"),
        ("since" = Option<String>, Query, description = "Only those that were accepted at this time (RFC 3339) or later", format = DateTime),
        ("topic" = Option<String>, Query, description = "Only those with exactly this topic"),
        ("cursor" = Option<String>, Query, description = "The cursor that the page before ended with", pattern = "^[0-9a-f]{1,32}$"),
        ("limit" = Option<u32>, Query, description = "How many at most, 100 without", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, description = "A page", body = Page))
)]
pub(super) async fn list(State(api): State<Api>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let query = Query { tenant: Some(caller.tenant.name().to_owned()), ..query::list(&uri)? };
    Ok(json(&api.executions().list(query).await?))
}

/// The path of an execution. Whatever is no identifier is that of none.
type IdPath = Result<Path<String>, PathRejection>;

fn id(path: IdPath) -> Result<Id, Problem> {
    let id = path.ok().and_then(|Path(id)| id.parse().ok());
    id.ok_or_else(|| {
        Problem::not_found("there is no execution with this identifier, or it is no longer kept")
    })
}

/// An execution
///
/// With its request, for as long as that is kept.
#[utoipa::path(
    get,
    path = "/v1/executions/{id}",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The identifier of the execution"),
        ("wait" = Option<u32>, Query, description = "Answers when it has ended, but after so many seconds (60 at most) at the latest", minimum = 0),
        ("Prefer" = Option<String>, Header, description = "RFC 7240: wait=N, as ?wait=N"),
    ),
    responses((status = 200, description = "As it is now", body = Execution,
        headers(("Preference-Applied" = Option<String>))))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    path: IdPath,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let (id, prefer) = (id(path)?, Prefer { respond_async: false, ..Prefer::read(&headers) });
    let wait = query::wait(&uri)?;
    let tenant = caller.tenant.name();
    let execution = match wait.or(prefer.wait) {
        Some(wait) => api.wait(tenant, id, wait).await?,
        None => api.executions().get(tenant, id).await?,
    };
    let mut response = json(&execution.ok_or(ChangeError::Unknown(id))?);
    if wait.is_none() {
        prefer.say_applied(&mut response);
    }
    Ok(response)
}

/// Cancel an execution
///
/// One that has not begun. One that is cancelled already stays so.
#[utoipa::path(
    post,
    path = "/v1/executions/{id}/cancel",
    tag = "executions",
    params(("id" = String, Path, description = "The identifier of the execution")),
    responses((status = 200, description = "It is cancelled", body = Execution))
)]
pub(super) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    path: IdPath,
) -> Result<Response, Problem> {
    let cancelled = api.executions().cancel(caller.tenant.name(), id(path)?).await?;
    Ok(json(&cancelled))
}

/// Carry a dead letter out again
///
/// As a new execution: one that has expired, or finished with another exit code than 0.
#[utoipa::path(
    post,
    path = "/v1/executions/{id}/retry",
    tag = "executions",
    params(("id" = String, Path, description = "The identifier of the dead letter")),
    responses((status = 202, description = "The new execution", body = Accepted,
        headers(("Location" = String, description = "The path of the new execution"))))
)]
pub(super) async fn retry(State(api): State<Api>, caller: Caller, path: IdPath) -> Result<Response, Problem> {
    let _counted = api.begin()?;
    let execution = api.executions().retry(caller.tenant.name(), id(path)?).await?;
    Ok(accepted(execution.id, execution.status).into_response())
}
