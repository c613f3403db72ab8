//! What is refused when it is loaded.

use mqtt_connector::{Connector, LoadError};

use super::Guest;
use crate::support::builder;

#[track_caller]
fn refused(wasm: impl Into<Vec<u8>>) -> String {
    let wasm = wasm.into();
    let error = builder().component(wasm).build().unwrap_err().to_string();
    error.strip_prefix("the component cannot be loaded: ").unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[test]
fn what_is_no_component() {
    for (wasm, expected) in [
        (&b""[..], "it is not a WebAssembly component, but something else"),
        (b"not a component", "it is not a WebAssembly component, but something else"),
        (b"(component)", "it is not a WebAssembly component, but something else"),
        (b"\x7fELF\x02\x01\x01", "it is not a WebAssembly component, but something else"),
        (
            b"\0asm\x01\0\0\0",
            "it is not a WebAssembly component, but a core module, which wasm-tools can make into one",
        ),
    ] {
        assert_eq!(refused(wasm), expected);
        let precompiled = Connector::precompile(wasm).unwrap_err();
        assert_eq!(precompiled.to_string(), format!("the component cannot be loaded: {expected}"));
    }
    let cut_off = &mqtt_connector::component()[..1000];
    assert!(refused(cut_off).contains("unexpected end"), "{}", refused(cut_off));
    assert!(refused(b"\0asm\x0d\0\x01\0".as_slice()).contains("flint:mqtt/connector"), "no export");
}

#[test]
fn what_is_too_large() {
    let mut large = b"\0asm\x0d\0\x01\0".to_vec();
    large.resize((16 << 20) + 1, 0);
    let expected = "it has 16777217 bytes, and 16777216 (16 MiB) is the most";
    assert!(matches!(Connector::precompile(&large), Err(LoadError::TooLarge { size: 16_777_217 })));
    assert_eq!(refused(large), expected);
}

#[test]
fn what_imports_something_else_is_refused_with_every_name() {
    let other = r#"(import "wasi:http/outgoing-handler@0.2.0" (instance (export "f" (func))))
        (import "acme:files/read@1.0.0" (instance (export "f" (func))))
        (import "wasi:cli/stdout@0.3.0" (instance (export "f" (func))))
        (import "exec" (func (param "command" string)))"#;
    let error = builder().component(Guest::default().with("imports", other).wasm()).build().unwrap_err();
    let names =
        ["acme:files/read@1.0.0", "exec", "wasi:cli/stdout@0.3.0", "wasi:http/outgoing-handler@0.2.0"];
    let LoadError::Imports { names: found } = &error else { panic!("{error}") };
    assert_eq!(found, &names);
    assert_eq!(
        error.to_string(),
        format!(
            "the component cannot be loaded: it imports what this host does not have: {}",
            names.join(", ")
        )
    );
}

#[test]
fn what_imports_a_publisher_of_another_kind_is_refused() {
    let wasm = wat::parse_str(
        r#"(component (import "flint:mqtt/publisher@0.2.0" (instance (export "read-file" (func (result string))))))"#,
    );
    let error = refused(wasm.unwrap());
    assert!(error.contains("flint:mqtt/publisher@0.2.0") && error.contains("read-file"), "{error}");
}

#[test]
fn what_uses_features_that_are_off_is_refused() {
    for (what, items, feature) in [
        ("SIMD", "(func (drop (v128.const i64x2 0 0)))", "SIMD"),
        ("shared memory", "(memory 1 1 shared)", "threads"),
        ("memory64", "(memory i64 1)", "memory64"),
        ("tail calls", "(func $tail (return_call $tail))", "tail calls"),
        ("exceptions", "(tag)", "exceptions"),
        ("garbage collection", "(type (struct))", "gc"),
        ("function references", "(type $f (func)) (func (param (ref $f)))", "function references"),
        ("page sizes", "(memory 1 (pagesize 1))", "custom page sizes"),
        ("wide arithmetic", "(func (drop (drop (i64.mul_wide_u (i64.const 1) (i64.const 1)))))", ""),
    ] {
        let items = items
            .replace("(drop (drop (i64.mul_wide_u", "(i64.mul_wide_u")
            .replace("(i64.const 1)))))", "(i64.const 1)) drop drop)");
        let error = refused(Guest::default().with("items", &items).wasm());
        eprintln!("{what}: {error}");
        assert!(error.to_lowercase().contains(&feature.to_lowercase()), "{what}: {error}");
    }
}

#[test]
fn what_has_too_many_memories_or_tables_is_refused() {
    let memories = Guest::default().with("items", &"(memory 1)".repeat(20));
    assert_eq!(refused(memories.wasm()), "it has 21 memories and 0 tables; 8 and 64 are the most");
    let tables = Guest::default().with("items", &"(table 1 funcref)".repeat(80));
    assert_eq!(refused(tables.wasm()), "it has 1 memories and 80 tables; 8 and 64 are the most");
    Guest::default().with("items", &"(memory 1)".repeat(7)).connector();
}
