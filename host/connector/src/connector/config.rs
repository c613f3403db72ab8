//! Which WebAssembly the engine takes. The build script is compiled with this file, too: what it compiles is what the
//! library loads.

use wasmtime::{Config, WasmFeatures};

/// The engine's configuration, for compiling, for loading what was compiled, and for running: a component has what
/// the contract needs, and nothing more.
///
/// What is off is named, although most of it is not even compiled into wasmtime here: a platform that uses wasmtime for
/// other things as well may have it compiled in. More than one memory stays possible, because components that are
/// composed of others need it; `MemoryBudget` limits their sum.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.concurrency_support(false);
    // What only debuggers, profilers and positions in backtraces need, and what takes a process long to load.
    config.native_unwind_info(false);
    config.generate_address_map(false);
    for feature in [
        WasmFeatures::RELAXED_SIMD,
        WasmFeatures::SIMD,
        WasmFeatures::THREADS,
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        WasmFeatures::MEMORY64,
        WasmFeatures::TAIL_CALL,
        WasmFeatures::GC,
        WasmFeatures::FUNCTION_REFERENCES,
        WasmFeatures::EXCEPTIONS,
        WasmFeatures::LEGACY_EXCEPTIONS,
        WasmFeatures::STACK_SWITCHING,
        WasmFeatures::CUSTOM_PAGE_SIZES,
        WasmFeatures::WIDE_ARITHMETIC,
        WasmFeatures::CM_ASYNC,
        WasmFeatures::CM_ERROR_CONTEXT,
        WasmFeatures::CM_THREADING,
        WasmFeatures::CM_FIXED_LENGTH_LISTS,
        WasmFeatures::CM_MAP,
    ] {
        config.wasm_features(feature, false);
    }
    config
}
