//! What the component and its host agree on: the contract as WIT, and the rules that both keep.
//!
//! A rule stands here, and nowhere else, when the component judges by it and the host judges again: a component may be
//! somebody else's.
//!
//! | module | what it has |
//! |---|---|
//! | [`characters`] | which characters a string of an MQTT packet may have |
//! | [`connector`] | the types of the interface `connector` |
//! | [`exit_code`] | how a send ended, as a number: meaning, delivery, and whether to send again |
//! | [`header`] | what may stand in a header of the WebSocket handshake |
//! | [`pem`] | whether a text is a certificate or key, or the path of one |
//! | [`publisher`] | the types of the interface `publisher` |
//! | [`proxy`] | which credentials a proxy can be told |
//! | [`secrets`] | whether a text from outside repeats a secret |
//! | [`shown`] | texts from outside, made fit for a message |
//! | [`span`] | spans of time, as messages tell them |
//! | [`spelling`] | the known name that one which is unknown was meant for |
//! | [`url`] | which URLs may hold a secret |
//! | [`white_space`] | white space that nobody meant |
#![deny(unsafe_code)]

pub mod characters;
pub mod connector;
pub mod exit_code;
#[cfg(feature = "wit-bindgen")]
mod generate;
pub mod header;
pub mod pem;
pub mod proxy;
pub mod publisher;
pub mod secrets;
pub mod shown;
pub mod span;
pub mod spelling;
pub mod url;
pub mod white_space;

/// The contract, `connector.wit`.
pub const WIT: &str = include_str!("../connector.wit");
