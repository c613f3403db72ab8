//! Components, made smaller: core modules by Binaryen's `wasm-opt`, to a seventh less than what LLVM leaves, and without the names
//! that only a debugger reads.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// How a module or a component starts: a magic number and a version.
const PREAMBLE: usize = 8;
/// The sections of a component that are custom, and a core module (Component Model, Binary.md).
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
/// How the content of the custom section begins that names what is in a component: with the length of its name, and its name.
const NAMES: &[u8] = b"\x0ecomponent-name";
/// Smaller modules are not worth it: the shims of a component have some hundred bytes.
const SMALL: usize = 16 * 1024;

/// What the compiler uses of WebAssembly, and every host of components has.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The component without its names, with every core module of some size made smaller. Files are written in `directory`.
///
/// # Errors
///
/// In words: it is no component, or `wasm-opt` is missing or refuses a module.
pub(crate) fn smaller(component: &[u8], directory: &Path) -> Result<Vec<u8>> {
    ensure!(component.len() >= PREAMBLE, "it is no component");
    let (preamble, mut rest) = component.split_at(PREAMBLE);
    let mut made = preamble.to_vec();
    while let Some((&section, behind)) = rest.split_first() {
        let (length, behind) = number(behind)?;
        let content = behind.get(..length).context("a section of the component is cut off")?;
        rest = &behind[length..];
        if section == CUSTOM && content.starts_with(NAMES) {
            continue;
        }
        let is_worth_it = section == CORE_MODULE && length > SMALL;
        let content = if is_worth_it { optimised(content, directory)? } else { content.to_vec() };
        made.push(section);
        push_number(&mut made, content.len());
        made.extend(content);
    }
    Ok(made)
}

/// What `wasm-opt` makes of a core module.
fn optimised(module: &[u8], directory: &Path) -> Result<Vec<u8>> {
    let (input, output) = (directory.join("module.wasm"), directory.join("module.small.wasm"));
    fs::write(&input, module)?;
    let mut command = Command::new("wasm-opt");
    command.args(["-Oz", "--converge", "--strip-debug", "--strip-producers"]).args(FEATURES);
    let status = command.arg(&input).arg("-o").arg(&output).status();
    let status = status.context("wasm-opt could not be run; it is in Debian's package binaryen")?;
    ensure!(status.success(), "wasm-opt ended with {status}");
    let made = fs::read(&output)?;
    fs::remove_file(input)?;
    fs::remove_file(output)?;
    Ok(made)
}

/// The number at the start of `bytes` (LEB128), and what is behind it.
fn number(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((number, &bytes[at + 1..]));
        }
    }
    bail!("a number in the component is cut off or too large")
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for wanted in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 1_464_986, (1 << 28) - 1] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, wanted);
            bytes.push(7);
            assert_eq!(number(&bytes).expect("a number"), (wanted, &[7][..]));
        }
        assert!(number(&[0x80]).is_err() && number(&[0x80; 9]).is_err());
    }

    #[test]
    fn what_is_small_stays_as_it_is() {
        let component = [&b"\0asm\x0d\0\x01\0"[..], &[CORE_MODULE, 3, 1, 2, 3], &[8, 0]].concat();
        assert_eq!(smaller(&component, Path::new("/nowhere")).expect("a component"), component);
        assert!(smaller(&component[..11], Path::new("/nowhere")).is_err());
    }

    #[test]
    fn names_are_left_out() {
        let component = &b"\0asm\x0d\0\x01\0"[..];
        let (names, other) = (b"\0\x10\x0ecomponent-name\0", b"\0\x06\x04other");
        let named = [component, names, &other[..], &[8, 0]].concat();
        let made = smaller(&named, Path::new("/nowhere")).expect("a component");
        assert_eq!(made, [component, &other[..], &[8, 0]].concat());
    }
}
