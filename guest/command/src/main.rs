//! The command line under WASI 0.2: what `wasmtime run mqtt-connector.wasm send …` starts. It has the parameters, flags, variables
//! and documents of the program for machines, from the same crate.
//!
//! | module | what it does |
//! |---|---|
//! | `bindings`, `exports` | the interface `connector`, which this component exports, too |
//! | `arguments` | the commands |
//! | `output` | what is written, and how the program ends |
//! | `lines` | `send --lines`: a message a line |
//! | `input` | lines, as they are read |

#![deny(unsafe_code)]

// It is a program under WASI alone. Elsewhere it is compiled, so that the workspace builds as one.
#[cfg(not(target_os = "wasi"))]
fn main() {}

#[cfg(target_os = "wasi")]
mod arguments;
#[cfg(target_os = "wasi")]
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, rust_2018_idioms, clippy::all)]
mod bindings;
#[cfg(target_os = "wasi")]
#[allow(unsafe_code)]
mod exports;
#[cfg(target_os = "wasi")]
mod input;
#[cfg(target_os = "wasi")]
mod lines;
#[cfg(target_os = "wasi")]
mod output;
#[cfg(target_os = "wasi")]
mod program;

#[cfg(target_os = "wasi")]
fn main() {
    output::end(program::run(std::env::args_os()));
}
