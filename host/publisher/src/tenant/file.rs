//! Tenants in a file of TOML.

mod fault;
mod json;
mod reader;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

pub use fault::{TenantsError, TenantsFault};

use super::Tenant;

/// Tenants, by name, as a file of TOML describes them.
///
/// What is left out is not granted, or has its default; a name that is not known is an error, and so is a directory
/// that cannot be opened: it is opened now. `config` is the connector's configuration, with the names that it has in
/// JSON.
///
/// ```
/// use mqtt_connector_publisher::Tenants;
///
/// let file = r##"
/// [tenants.acme]
/// brokers = ["ssl://*.iot.eu-west-1.amazonaws.com:8883", "tcp://10.0.0.0/8:1883"]
/// directories = ["/etc"]          # certificate, key and CA files may be read from here
/// topics = ["acme/#"]
/// private-networks = false
/// unverified-servers = false
/// proxy-names = false
///
/// [tenants.acme.limits]
/// payload = "256 KiB"
/// time-out = "30 s"
/// messages-per-second = 100
///
/// [tenants.acme.config]
/// broker = "ssl://abc.iot.eu-west-1.amazonaws.com:8883"
/// client-id = "acme-flow"
/// "##;
/// let tenants: Tenants = file.parse()?;
/// let acme = tenants.get("acme").ok_or("acme is missing")?;
/// assert_eq!(acme.limits().payload, 262_144);
/// assert_eq!(
///     acme.config(),
///     r#"{"broker":"ssl://abc.iot.eu-west-1.amazonaws.com:8883","client-id":"acme-flow"}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Tenants {
    by_name: BTreeMap<String, Arc<Tenant>>,
}

impl Tenants {
    /// The tenant with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Tenant>> {
        self.by_name.get(name)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Tenant>> {
        self.by_name.values()
    }
}

impl FromStr for Tenants {
    type Err = TenantsError;

    /// Reads the text of a file; a byte order mark in front is skipped.
    ///
    /// # Errors
    ///
    /// What is wrong with it, each fault with its place, or that it is larger than 1 MiB. Values of `config` are in no error: they may be secret.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tenants = reader::read(text.strip_prefix('\u{feff}').unwrap_or(text))?;
        let by_name = tenants.into_iter().map(|tenant| (tenant.name().to_owned(), Arc::new(tenant)));
        Ok(Self { by_name: by_name.collect() })
    }
}
