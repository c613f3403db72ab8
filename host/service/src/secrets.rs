//! Which parameters are not stored: those that the connector's schema calls `writeOnly`.

use std::collections::BTreeSet;

use mqtt_connector::{Connector, Tenant};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::error::SubmitError;
use crate::execution::Request;

/// The names of the secret parameters, once they were asked for.
#[derive(Default)]
pub(crate) struct Secrets {
    names: OnceCell<BTreeSet<String>>,
}

impl Secrets {
    /// Refuses a request that holds a secret, unless `tenant` may have it stored.
    pub(crate) async fn refuse(
        &self,
        connector: &Connector,
        tenant: &Tenant,
        request: &Request,
    ) -> Result<(), SubmitError> {
        if tenant.grants().allows_stored_secrets() {
            return Ok(());
        }
        let names = self.names.get_or_try_init(|| names(connector)).await?;
        let parameters = held(names, request);
        if parameters.is_empty() { Ok(()) } else { Err(SubmitError::Secrets { parameters }) }
    }
}

async fn names(connector: &Connector) -> Result<BTreeSet<String>, SubmitError> {
    let schema = connector.schema().await.map_err(|fault| SubmitError::Schema(fault.meta.message))?;
    let schema: Value = serde_json::from_str(&schema)
        .map_err(|_| SubmitError::Schema("its schema is not JSON".to_owned()))?;
    Ok(write_only(&schema))
}

/// The members that a schema calls `writeOnly`.
fn write_only(schema: &Value) -> BTreeSet<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let is_secret = |property: &Value| property.get("writeOnly") == Some(&Value::Bool(true));
    let secret = properties.into_iter().flatten().filter(|(_, property)| is_secret(property));
    secret.map(|(name, _)| name.clone()).collect()
}

/// Which of `names` stand in the request with a value, in their order.
fn held(names: &BTreeSet<String>, request: &Request) -> Vec<String> {
    let held = request.members().into_iter().filter(|(_, value)| value.get() != "null").map(|(name, _)| name);
    let held: BTreeSet<String> = held.filter(|name| names.contains(name)).collect();
    held.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_built_in_component_names_its_secrets() {
        let connector = Connector::new().unwrap();
        let names = names(&connector).await.unwrap();
        for secret in ["password", "private-key", "private-key-password"] {
            assert!(names.contains(secret), "{secret}");
        }
        assert!(!names.contains("username") && !names.contains("content"));
    }

    #[tokio::test]
    async fn a_request_with_a_secret_is_refused_unless_that_is_granted() {
        let connector = Connector::new().unwrap();
        let (secrets, acme) = (Secrets::default(), Tenant::builder("acme").build());
        let request = Request::parse(
            r#"{"topic": "a", "password": "planted", "private-key": "planted", "username": "u", "password": null}"#,
        )
        .unwrap();
        let error = secrets.refuse(&connector, &acme, &request).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the request has password and private-key, which may be secret and would be stored: it belongs into the tenant's \
             configuration, or the tenant is granted stored-secrets"
        );
        // What is in no text of Rust stands beside it.
        let beside = Request::parse(r#"{"password": "planted", "\ud800": 1}"#).unwrap();
        assert!(matches!(
            secrets.refuse(&connector, &acme, &beside).await,
            Err(SubmitError::Secrets { parameters }) if parameters == ["password"]
        ));
        let granted = Tenant::builder("acme").stored_secrets(true).build();
        secrets.refuse(&connector, &granted, &request).await.unwrap();
        let harmless = Request::parse(r#"{"topic": "a", "password": null, "username": "u"}"#).unwrap();
        secrets.refuse(&connector, &acme, &harmless).await.unwrap();
    }
}
