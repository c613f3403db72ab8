//! Tenants in a file of TOML.

mod fault;
mod json;
mod reader;
#[cfg(test)]
mod tests;

use std::str::FromStr;

pub use fault::{TenantsError, TenantsFault};

use super::Tenants;

impl FromStr for Tenants {
    type Err = TenantsError;

    /// Reads the text of a file of TOML; a byte order mark in front is skipped. A table `tenants` has one table for each
    /// tenant, with the names that it has in JSON (see [`Tenants`]).
    ///
    /// # Errors
    ///
    /// What is wrong with it, each fault with its place, or that it is larger than 1 MiB. Values of `config` are in no error: they may be secret.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(reader::read(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter().collect())
    }
}
