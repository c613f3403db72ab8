//! Types of a program that depends on the libraries. Each of them is read by serde through a buffer, where a number of
//! `serde_json` stops being one as soon as anybody in the program turns `arbitrary_precision` on.

use serde::{Deserialize, Serialize};

/// A member that stands in the object of its owner.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Where it was read.
    pub sensor: String,
    /// What was read.
    #[serde(flatten)]
    pub value: Value,
}

/// A number that stands in another object.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Degrees Celsius.
    pub celsius: f64,
}

/// A number or a text.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Either {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// A kind that a member names.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Event {
    /// A door that was opened so far.
    Door {
        /// 0 is closed, 1 is open.
        open: f64,
    },
}
