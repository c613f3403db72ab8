//! A configuration: TOML → JSON.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::fault::Reason;
use super::reader::MOST_FAULTS;

/// Where a value stands that JSON does not have: its keys below the table, its bytes in the file, and why.
pub(super) type NotJson = (Vec<String>, Range<usize>, Reason);

/// The object that a table stands for, in its order. What JSON does not have goes to `wrong`.
pub(super) fn object(table: &DeTable<'_>, keys: &[String], wrong: &mut Vec<NotJson>) -> Value {
    let mut object = Map::new();
    for (key, given) in table {
        let key = key.get_ref().to_string();
        let keys = [keys, std::slice::from_ref(&key)].concat();
        object.insert(key, value(given, &keys, wrong));
    }
    Value::Object(object)
}

fn value(given: &Spanned<DeValue<'_>>, keys: &[String], wrong: &mut Vec<NotJson>) -> Value {
    let read = match given.get_ref() {
        DeValue::String(text) => Ok(Value::String(text.to_string())),
        DeValue::Integer(given) => integer(given),
        DeValue::Float(given) => float(given),
        DeValue::Boolean(truth) => Ok(Value::Bool(*truth)),
        DeValue::Datetime(_) => Err(Reason::NotJson("a date or a time")),
        DeValue::Array(array) => {
            Ok(Value::Array(array.iter().map(|given| value(given, keys, wrong)).collect()))
        }
        DeValue::Table(table) => Ok(object(table, keys, wrong)),
    };
    read.unwrap_or_else(|reason| {
        // Beyond those that are shown they are only counted.
        let keys = if wrong.len() < MOST_FAULTS { keys.to_vec() } else { Vec::new() };
        wrong.push((keys, given.span(), reason));
        Value::Null
    })
}

fn integer(given: &DeInteger<'_>) -> Result<Value, Reason> {
    let number = i64::from_str_radix(given.as_str(), given.radix());
    number.map(Value::from).map_err(|_| Reason::NotJson("a whole number beyond 64 bits"))
}

fn float(given: &DeFloat<'_>) -> Result<Value, Reason> {
    let number = given.as_str().parse().ok().and_then(Number::from_f64);
    number.map(Value::Number).ok_or(Reason::NotJson("a number without an end"))
}
