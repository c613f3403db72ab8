//! `/openapi.json`: the description of the service, made from the handlers and the types.

use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::answer::MetaSchema;
use super::problem::Problem;
use super::{batch, executions, operation, synchronous};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MQTT connector",
        description = "Sends MQTT messages, synchronously and asynchronously. See docs/service.md.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    paths(
        synchronous::send,
        synchronous::check,
        synchronous::schema,
        batch::send_batch,
        executions::submit,
        executions::list,
        executions::get,
        executions::cancel,
        executions::retry,
        operation::livez,
        operation::readyz,
        operation::metrics,
    ),
    components(schemas(Problem, MetaSchema)),
    security(("token" = [])),
    tags(
        (name = "send", description = "Whoever asks waits for the answer"),
        (name = "executions", description = "Accepted durably, carried out later, kept"),
        (name = "operation", description = "For who runs the service: no token is needed"),
    ),
)]
struct Document;

/// The OpenAPI document of the service, version 3.1.
#[must_use]
pub fn document() -> Value {
    // It has no member that JSON does not have.
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer", "description": "A token of a tenant: `mqtt-connector tenants token NAME` makes one"},
    });
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let operations = item.as_object_mut().into_iter().flatten();
        for (method, operation) in operations {
            let has_body = operation.get("requestBody").is_some();
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            if let Some(responses) = responses {
                add_problems(responses, faults(path, method, has_body));
            }
        }
    }
    document
}

/// What a call can be answered with when something is wrong with it.
fn faults(path: &str, method: &str, has_body: bool) -> Vec<StatusCode> {
    let mut faults = Vec::new();
    if path.starts_with("/v1/") {
        faults.extend([
            StatusCode::BAD_REQUEST,
            StatusCode::UNAUTHORIZED,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ]);
    }
    if has_body {
        faults.extend([
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]);
    }
    if path.contains("{id}") {
        faults.push(StatusCode::NOT_FOUND);
    }
    if path == "/v1/send" || method == "post" && path.starts_with("/v1/executions") {
        faults.push(StatusCode::CONFLICT);
    }
    match path {
        "/readyz" => faults.extend([StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]),
        "/metrics" => faults.push(StatusCode::NOT_FOUND),
        _ => {}
    }
    faults
}

fn add_problems(responses: &mut Map<String, Value>, faults: Vec<StatusCode>) {
    for status in faults {
        let reason = status.canonical_reason().unwrap_or_default();
        let content =
            json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        responses.insert(status.as_str().to_owned(), json!({"description": reason, "content": content}));
    }
}

/// The document, as text that was made once.
pub(super) async fn openapi() -> impl IntoResponse {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| document().to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Cursor;

    /// A store may number what it lists by its identifiers, as that in NATS does.
    #[test]
    fn every_cursor_is_as_it_is_described() {
        let parameters = &document()["paths"]["/v1/executions"]["get"]["parameters"];
        let parameters = parameters.as_array().unwrap();
        let cursor = parameters.iter().find(|parameter| parameter["name"] == "cursor").unwrap();
        let longest = Cursor::before(u128::MAX).to_string().len();
        assert_eq!(cursor["schema"]["pattern"], format!("^[0-9a-f]{{1,{longest}}}$"));
    }
}
