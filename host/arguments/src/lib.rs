//! What the command line of the MQTT send connector says, for whichever program has one: flags, environment and files become
//! the two documents that the connector takes, and each line of a file becomes a request.
//!
//! This crate knows no engine, no runtime, no thread and no signal: the program that runs on the machine adds those, and
//! what only an operator of a machine may say. It compiles for `wasm32-wasip2`.
//!
//! | module | what it does |
//! |---|---|
//! | [`refusal`] | why a command line cannot be followed |
//! | [`files`] | the files that flags name, each read within a limit |
//! | [`flags`] | the flags of `send` and `check`; a flag for every parameter, from the connector's own table |
//! | [`message`] | those flags, resolved once: which files, which parameters and where each is from |
//! | [`documents`] | resolved flags → configuration and request |
//! | [`origins`] | where user name and password came from, in the answer to a refusal |
//! | [`requests`] | a line of a file → its request |
//! | [`answers`] | the answers to lines → a line of results for each, and the summary |
//! | [`usage`] | what is wrong with arguments that clap does not accept |

#![deny(unsafe_code)]

pub mod answers;
pub mod documents;
pub mod files;
pub mod flags;
pub mod message;
pub mod origins;
pub mod refusal;
pub mod requests;
pub mod usage;
