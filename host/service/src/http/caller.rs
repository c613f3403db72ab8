//! [`Caller`]: whose token a call has shown.

use axum::extract::{FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use mqtt_connector::Tenant;
use mqtt_connector::publisher::{Hooks, TraceContext};

use super::api::Api;
use super::body;
use super::calls::Call;
use super::problem::Problem;
use super::trace_context::trace_context;

/// A call of a tenant, for as long as it is there.
pub(super) struct Caller {
    pub(super) tenant: Tenant,
    /// The trace that the call belongs to, if it has one.
    pub(super) trace_context: Option<TraceContext>,
    pub(super) call: Call,
}

impl Caller {
    /// What a send of the call is to know besides.
    pub(super) fn hooks(&self) -> Hooks {
        Hooks::default().trace_context(self.trace_context.clone())
    }

    /// The document in the body of `call`, which is taken apart: extracted by themselves, its headers would be copied.
    pub(super) async fn document(&mut self, api: &Api, call: Request) -> Result<String, Problem> {
        let (Parts { headers, .. }, body) = call.into_parts();
        body::text(&headers, body, api.largest_body(), |bytes| self.call.keep(bytes)).await
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    /// Reads `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        const MISSING: &str = "the call has no token, as in Authorization: Bearer TOKEN";
        const UNKNOWN: &str =
            "the token is no tenant's: tokens stand in the file of tenants, as their SHA-256";

        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or_else(|| Problem::unauthorized(MISSING))?;
        let token = value.to_str().ok().and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) =
            token.filter(|_| values.next().is_none()).ok_or_else(|| Problem::unauthorized(MISSING))?;
        let tenant =
            api.connector().tenants().holder(token.trim()).ok_or_else(|| Problem::unauthorized(UNKNOWN))?;
        let call = api.calls().begin(tenant.shared_name())?;
        Ok(Self { tenant, trace_context: trace_context(&parts.headers), call })
    }
}
