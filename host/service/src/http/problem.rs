//! [`Problem`]: what is wrong with a call, as problem details (RFC 9457).

use std::fmt::Display;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ChangeError, StoreError, SubmitError};
use crate::execution::RequestError;

/// After how many seconds it is worth while to ask again, where nobody knows better.
const SOON: &str = "1";

/// What is wrong with a call: problem details of RFC 9457, of the type `about:blank`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What the status means.
    title: &'static str,
    /// What was found, where, and what would be right.
    detail: String,
    #[serde(skip)]
    header: Option<(HeaderName, &'static str)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Display) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status: status.as_u16(), title, detail: detail.to_string(), header: None }
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// What was found, where, and what would be right.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    fn with(self, name: HeaderName, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    pub(super) fn bad_request(detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn unprocessable(detail: impl Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub(super) fn conflict(detail: impl Display) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub(super) fn not_found(detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Nobody knows whose call it is.
    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, "Bearer")
    }

    /// Too much at a time.
    pub(super) fn too_many(detail: impl Display) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail).with(header::RETRY_AFTER, SOON)
    }

    /// Not now.
    pub(super) fn unavailable(detail: impl Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, SOON)
    }

    pub(super) fn draining() -> Self {
        Self::unavailable(
            "the service is ending and begins nothing more: ask again later, or ask another one",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_string(&self).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotJson { .. } => Self::bad_request(error),
            RequestError::NotAnObject => Self::unprocessable(error),
            RequestError::TooLong(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } | StoreError::Backlog { .. } => Self::too_many(error),
            StoreError::TooLong { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error),
            StoreError::NoRoom | StoreError::Unusable(_) | StoreError::Closed => Self::unavailable(error),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Request(error) => error.into(),
            SubmitError::Options(_) | SubmitError::Secrets { .. } => Self::unprocessable(error),
            SubmitError::OtherRequest(_) => Self::conflict(error),
            SubmitError::Draining => Self::draining(),
            SubmitError::Schema(_) => Self::unavailable(error),
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown(_) => Self::not_found(error),
            ChangeError::NotCancellable { .. }
            | ChangeError::NotRetryable { .. }
            | ChangeError::AlreadyRetried { .. } => Self::conflict(error),
            ChangeError::Draining => Self::draining(),
            ChangeError::Store(error) => error.into(),
        }
    }
}
