//! A configuration: TOML → JSON.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::fault::{MOST_FAULTS, Reason};

/// The name of a member, and where it stands.
pub(super) type Key<'t> = Spanned<Cow<'t, str>>;

/// A value that JSON does not have: its keys below the table, its bytes in the file, and why JSON does not have it.
pub(super) type NotJson = (Vec<String>, Range<usize>, Reason);

/// The members of a table, in the order in which they stand in the file. `toml` keeps that order only with its feature
/// `preserve_order`, which would reach the whole program.
pub(super) fn members<'a, 't>(table: &'a DeTable<'t>) -> Vec<(&'a Key<'t>, &'a Spanned<DeValue<'t>>)> {
    let mut members: Vec<_> = table.iter().collect();
    members.sort_by_key(|(key, _)| key.span().start);
    members
}

/// The text of the object that a table stands for, in its order. What JSON does not have goes to `wrong`.
///
/// It is written member by member, since objects of `serde_json` keep their order only with a feature that would reach the whole
/// program.
pub(super) fn object(table: &DeTable<'_>, keys: &[String], wrong: &mut Vec<NotJson>) -> String {
    let members: Vec<_> = members(table)
        .into_iter()
        .map(|(key, given)| {
            let key = key.get_ref().to_string();
            let keys = [keys, std::slice::from_ref(&key)].concat();
            format!("{}:{}", Value::from(key), value(given, &keys, wrong))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

fn value(given: &Spanned<DeValue<'_>>, keys: &[String], wrong: &mut Vec<NotJson>) -> String {
    let read = match given.get_ref() {
        DeValue::String(text) => Ok(Value::from(&**text).to_string()),
        DeValue::Integer(given) => integer(given),
        DeValue::Float(given) => float(given),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        DeValue::Datetime(_) => Err(Reason::NotJson("a date or a time")),
        DeValue::Array(array) => {
            let items: Vec<_> = array.iter().map(|given| value(given, keys, wrong)).collect();
            Ok(format!("[{}]", items.join(",")))
        }
        DeValue::Table(table) => Ok(object(table, keys, wrong)),
    };
    read.unwrap_or_else(|reason| {
        // No more than these are shown: of further ones the keys are not needed.
        let keys = if wrong.len() < MOST_FAULTS { keys.to_vec() } else { Vec::new() };
        wrong.push((keys, given.span(), reason));
        Value::Null.to_string()
    })
}

fn integer(given: &DeInteger<'_>) -> Result<String, Reason> {
    let number = i64::from_str_radix(given.as_str(), given.radix());
    number.map(|number| number.to_string()).map_err(|_| Reason::NotJson("a whole number beyond 64 bits"))
}

fn float(given: &DeFloat<'_>) -> Result<String, Reason> {
    let number = given.as_str().parse().ok().and_then(Number::from_f64);
    number.map(|number| number.to_string()).ok_or(Reason::NotJson("a number without an end"))
}
