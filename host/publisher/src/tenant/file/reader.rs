//! The text of a file → tenants, or everything that is wrong with it.

use std::collections::HashSet;
use std::ops::Range;

use mqtt_connector_contract::shown::Shown;
use mqtt_connector_contract::spelling;
use serde::de::{DeserializeSeed as _, IntoDeserializer as _};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{MOST_FAULTS, Reason, TenantsError, TenantsFault};
use super::json;
use crate::tenant::excerpt::excerpt;
use crate::tenant::grants::fields::{FIELDS, Kind, NAMES as GRANTS};
use crate::tenant::limits::{LIMITS, Limits};
use crate::tenant::tenants::{CONFIG_MEMBER, LIMITS_MEMBER, TOKENS_MEMBER, is_name};
use crate::tenant::unit::Unit;
use crate::tenant::{Grants, Tenant, Token, TokenDigest, TokenError};

const TENANTS: &str = "tenants";

const STRINGS: &str = "a list of strings";
const BOOLEAN: &str = "true or false";
const TABLE: &str = "a table";
const TABLES: &str = "a list of tables, as in [[tenants.acme.tokens]]";

/// The largest file, in bytes: thousands of tenants.
const MAX_FILE: usize = 1024 * 1024;

pub(super) fn read(text: &str) -> Result<Vec<Tenant>, TenantsError> {
    let mut reader = Reader::new(text);
    if text.len() > MAX_FILE {
        reader.fault(0..0, "", Reason::TooLarge(text.len()));
        return Err(reader.error());
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut tenants = Vec::new();
    if errors.is_empty() {
        tenants = reader.document(document.get_ref());
    }
    for error in errors {
        // Its `Display` shows the line, in which a password may stand.
        let reason = Reason::Syntax(error.message().to_owned());
        reader.fault(error.span().unwrap_or_default(), "", reason);
    }
    if reader.faults.is_empty() { Ok(tenants) } else { Err(reader.error()) }
}

struct Reader<'t> {
    text: &'t str,
    /// Where each line starts, in bytes.
    lines: Vec<usize>,
    faults: Vec<TenantsFault>,
    /// How many faults there are besides.
    more: usize,
    /// Of the tokens so far.
    digests: HashSet<TokenDigest>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let lines = [0].into_iter().chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        Self { text, lines, faults: Vec::new(), more: 0, digests: HashSet::new() }
    }

    fn error(mut self) -> TenantsError {
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        TenantsError { faults: self.faults, more: self.more }
    }

    /// Whether another fault would only be counted.
    fn is_full(&self) -> bool {
        self.faults.len() >= MOST_FAULTS
    }

    fn fault(&mut self, place: Range<usize>, entry: &str, reason: impl Into<Reason>) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = self.lines.partition_point(|start| *start <= before.len());
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        self.faults.push(TenantsFault { line, column, entry: excerpt(entry), reason: reason.into() });
    }

    fn document(&mut self, document: &DeTable<'_>) -> Vec<Tenant> {
        let mut tenants = Vec::new();
        for (key, value) in json::members(document) {
            if key.get_ref() != TENANTS {
                self.fault(key.span(), &shown(key.get_ref()), Reason::UnknownAtTop);
                continue;
            }
            let Some(table) = self.table(TENANTS, value) else { continue };
            for (name, value) in json::members(table) {
                let entry = below(TENANTS, name.get_ref());
                if !is_name(name.get_ref()) {
                    self.fault(name.span(), &entry, Reason::Name);
                } else if let Some(table) = self.table(&entry, value) {
                    tenants.push(self.tenant(name.get_ref(), &entry, table));
                }
            }
        }
        tenants
    }

    fn tenant(&mut self, name: &str, tenant: &str, table: &DeTable<'_>) -> Tenant {
        let mut grants = Grants::default();
        let mut builder = Tenant::builder(name);
        for (key, value) in json::members(table) {
            let entry = below(tenant, key.get_ref());
            match key.get_ref().as_ref() {
                LIMITS_MEMBER => {
                    if let Some(table) = self.table(&entry, value) {
                        builder = builder.limits(self.limits(&entry, table));
                    }
                }
                CONFIG_MEMBER => {
                    if let Some(table) = self.table(&entry, value) {
                        builder = builder.config(self.config(&entry, table));
                    }
                }
                TOKENS_MEMBER => {
                    for token in self.tokens(&entry, value) {
                        builder = builder.token(token);
                    }
                }
                name => match FIELDS.iter().find(|field| field.name == name) {
                    Some(field) => self.grant(&mut grants, &field.kind, &entry, value),
                    None => {
                        let others = [LIMITS_MEMBER, CONFIG_MEMBER, TOKENS_MEMBER];
                        self.unknown(key, &entry, &[&GRANTS[..], &others].concat());
                    }
                },
            }
        }
        builder.grants(grants).build()
    }

    fn grant(&mut self, grants: &mut Grants, kind: &Kind, entry: &str, value: &Spanned<DeValue<'_>>) {
        match kind {
            Kind::Brokers => self.each(entry, value, |text| {
                text.parse().map(|grant| grants.add_broker(grant)).map_err(Reason::Broker)
            }),
            Kind::Topics => self.each(entry, value, |text| {
                text.parse().map(|filter| grants.add_topics(filter)).map_err(Reason::Topics)
            }),
            Kind::Directories => {
                self.each(entry, value, |text| {
                    grants.add_directory(text.as_ref()).map_err(Reason::Directory)
                });
            }
            Kind::Switch { set, .. } => set(grants, self.boolean(entry, value)),
        }
    }

    fn limits(&mut self, limits: &str, table: &DeTable<'_>) -> Limits {
        let mut read = Limits::default();
        for (key, value) in json::members(table) {
            let entry = below(limits, key.get_ref());
            match LIMITS.iter().find(|limit| limit.name == key.get_ref()) {
                None => self.unknown(key, &entry, &LIMITS.each_ref().map(|limit| limit.name)),
                Some(limit) if !is_of(limit.unit, value.get_ref()) => {
                    self.kind(value, &entry, limit.unit.expected());
                }
                Some(limit) => match limit.deserialize(value.clone().into_deserializer()) {
                    Ok(amount) => (limit.set)(&mut read, amount),
                    Err(error) => self.fault(value.span(), &entry, Reason::Limit(excerpt(error.message()))),
                },
            }
        }
        read
    }

    fn config(&mut self, config: &str, table: &DeTable<'_>) -> String {
        let mut wrong = Vec::new();
        let object = json::object(table, &[], &mut wrong);
        for (keys, place, reason) in wrong {
            let entry = keys.iter().fold(config.to_owned(), |entry, key| below(&entry, key));
            self.fault(place, &entry, reason);
        }
        object
    }

    fn tokens(&mut self, entry: &str, value: &Spanned<DeValue<'_>>) -> Vec<Token> {
        let DeValue::Array(list) = value.get_ref() else {
            self.kind(value, entry, TABLES);
            return Vec::new();
        };
        let mut tokens = Vec::new();
        for value in list {
            let Some(table) = self.table(entry, value) else { continue };
            match self.token(entry, table) {
                Ok(token) if self.digests.insert(*token.digest()) => tokens.push(token),
                Ok(_) => self.fault(value.span(), entry, TokenError::Repeated),
                Err(reason) => self.fault(value.span(), entry, reason),
            }
        }
        tokens
    }

    fn token(&mut self, token: &str, table: &DeTable<'_>) -> Result<Token, TokenError> {
        let (mut name, mut digest) = (Err(TokenError::Name), Err(TokenError::Sha256));
        for (key, value) in json::members(table) {
            let text = value.get_ref().as_str();
            match key.get_ref().as_ref() {
                "name" => name = text.ok_or(TokenError::Name),
                "sha256" => digest = text.map_or(Err(TokenError::Sha256), str::parse),
                _ => self.unknown(key, &below(token, key.get_ref()), &["name", "sha256"]),
            }
        }
        Token::new(name?, digest?)
    }

    /// Hands over each string of a list.
    fn each(
        &mut self,
        entry: &str,
        value: &Spanned<DeValue<'_>>,
        mut take: impl FnMut(&str) -> Result<(), Reason>,
    ) {
        let DeValue::Array(list) = value.get_ref() else { return self.kind(value, entry, STRINGS) };
        for value in list {
            match value.get_ref() {
                DeValue::String(text) => {
                    if let Err(reason) = take(text) {
                        self.fault(value.span(), entry, reason);
                    }
                }
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => self.kind(value, entry, "a string"),
            }
        }
    }

    fn boolean(&mut self, entry: &str, value: &Spanned<DeValue<'_>>) -> bool {
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.kind(value, entry, BOOLEAN);
            false
        })
    }

    fn table<'v, 'i>(&mut self, entry: &str, value: &'v Spanned<DeValue<'i>>) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.kind(value, entry, TABLE);
        }
        table
    }

    fn kind(&mut self, value: &Spanned<DeValue<'_>>, entry: &str, wants: &'static str) {
        let got = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fault(value.span(), entry, Reason::Kind { wants, got });
    }

    fn unknown(&mut self, key: &Spanned<toml::de::DeString<'_>>, entry: &str, known: &[&'static str]) {
        // What is not shown needs no suggestion.
        let nearest = if self.is_full() { None } else { spelling::nearest(key.get_ref(), known) };
        self.fault(key.span(), entry, Reason::Unknown { nearest, known: known.join(", ") });
    }
}

/// The name of an entry of a table, as TOML spells it.
fn below(table: &str, key: &str) -> String {
    format!("{table}.{}", shown(key))
}

fn shown(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(is_bare) { key.to_owned() } else { Shown::whole(key).to_string() }
}

/// Whether a value is of the kind that stands for an amount of this unit.
fn is_of(unit: Unit, value: &DeValue<'_>) -> bool {
    match unit {
        Unit::Size | Unit::Time => matches!(value, DeValue::String(_)),
        Unit::Number => matches!(value, DeValue::Integer(_)),
    }
}
