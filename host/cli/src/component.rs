//! Which component is run, and how the names of brokers are resolved: what an operator may say, and no document.

mod compiler;

use std::fs::File;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use mqtt_connector::publisher::{PinnedResolver, SystemResolver};
use mqtt_connector::{Connector, ConnectorBuilder, LoadError, Response};
use mqtt_connector_arguments::files::{Limit, NamedFile};
use mqtt_connector_contract::exit_code::{FAULT, PARAMETER};

use compiler::CompileError;

use crate::arguments::ConnectorArguments;
use crate::refusal::refused;
use crate::response::response;
use crate::shortage::short;

/// How WebAssembly starts.
const WASM: &[u8] = b"\0asm";
/// How machine code starts, also that of [`Connector::precompile`].
const ELF: &[u8] = b"\x7fELF";
/// As many bytes as say which it is.
const MAGIC: u64 = 4;

/// What is compiled: see [`Connector::LARGEST`].
const OF_COMPONENT: Limit = Limit::new(Connector::LARGEST as u64, "16 MiB");
/// Machine code is some times larger than what it was compiled from.
const OF_CODE: Limit = Limit::new(256 << 20, "256 MiB");

/// What a connector is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// One call with short documents.
    One,
    /// Any calls, with so many places for instances that are kept ready.
    Any {
        /// So many.
        places: u32,
    },
}

/// The connector that the operator asked for.
///
/// # Errors
///
/// The response: the component cannot be read or loaded.
pub fn connector(arguments: &ConnectorArguments, calls: Calls) -> Result<Connector, Response> {
    let mut builder = match calls {
        Calls::One => Connector::builder().one_shot(),
        Calls::Any { places } => Connector::builder().pool(places),
    };
    let mut which = String::new();
    if let Some(file) = &arguments.component {
        which = format!("{file}: ");
        builder = with_component(builder, file)?;
    }
    if !arguments.pins.is_empty() {
        let resolver =
            arguments.pins.iter().fold(PinnedResolver::new(Arc::new(SystemResolver)), |resolver, pin| {
                resolver.pin(&pin.host, pin.port, pin.address)
            });
        builder = builder.resolver(Arc::new(resolver));
    }
    builder.build().map_err(|error| match error {
        LoadError::Shortage(shortage) => short(shortage, "loading the component"),
        error => response(FAULT, format!("{which}{error}.")),
    })
}

/// Compiles the component `from` to the file `to`.
///
/// # Errors
///
/// The response: a file cannot be read or written, or is no component.
pub(super) fn precompile(from: &NamedFile, to: &NamedFile) -> Result<String, Response> {
    let wasm = read(from, &[(WASM, OF_COMPONENT)], "it is not a WebAssembly component")?;
    if is_same_file(from.path(), to.path()) {
        let reason = "the machine code would take the place of the component, of which nothing would be left";
        return Err(response(PARAMETER, format!("{to}: {reason}.")));
    }
    let code = compiler::compile(&wasm).map_err(|error| response(FAULT, format!("{from}: {error}.")))?;
    let path = to.path();
    write_whole(path, &code).map_err(|error| response(FAULT, format!("{path}: {error}.")))?;
    Ok(String::new())
}

/// Writes machine code, of which a part would be none.
fn write_whole(path: &str, code: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(code).inspect_err(|_| {
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            // When it cannot be removed either, nothing can be done about it.
            let _ = std::fs::remove_file(path);
        }
    })
}

/// Has WebAssembly compiled, and takes what looks like a program as machine code.
#[expect(
    unsafe_code,
    reason = "an operator may run machine code of their own; that is what the flag's help says"
)]
fn with_component(builder: ConnectorBuilder, file: &NamedFile) -> Result<ConnectorBuilder, Response> {
    const NEITHER: &str = "it is neither a WebAssembly component nor the output of precompile";
    let content = read(file, &[(WASM, OF_COMPONENT), (ELF, OF_CODE)], NEITHER)?;
    let code = if content.starts_with(WASM) {
        compiler::compile(&content).map_err(|error| match error {
            CompileError::Shortage(what) => short(what, "loading the component"),
            CompileError::Missing { .. } | CompileError::Refused(_) | CompileError::Failed { .. } => {
                response(FAULT, format!("{file}: {error}."))
            }
        })?
    } else {
        content
    };
    // SAFETY: the operator named the file on the command line, as one names a program to run. Documents cannot.
    Ok(unsafe { builder.precompiled(code) })
}

/// The most bytes of a file that begins in some way.
type Most = (&'static [u8], Limit);

/// What is in the file, which begins in one of these ways: otherwise it is not read to its end.
///
/// # Errors
///
/// The response: it cannot be read, begins otherwise (`neither`), or is larger than its limit.
fn read(file: &NamedFile, kinds: &[Most], neither: &str) -> Result<Vec<u8>, Response> {
    let mut input = file.open().map_err(refused)?;
    let mut content = Vec::new();
    let unreadable = |error| refused(file.unreadable(error));
    (&mut input).take(MAGIC).read_to_end(&mut content).map_err(unreadable)?;
    let kind = kinds.iter().find(|(magic, _)| content.starts_with(magic));
    let Some((_, limit)) = kind else { return Err(response(FAULT, format!("{file}: {neither}."))) };
    match limit.read(content, &mut input) {
        Ok(Some(content)) => Ok(content),
        Ok(None) => Err(refused(file.too_large(limit.with_exit_code(FAULT)))),
        Err(error) => Err(unreadable(error)),
    }
}

/// Whether both paths lead to one file.
fn is_same_file(one: &str, other: &str) -> bool {
    let identity = |path| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    identity(one).ok().is_some_and(|one| identity(other).is_ok_and(|other| one == other))
}
