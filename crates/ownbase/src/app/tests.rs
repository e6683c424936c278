//! What keeps a component from being loaded, each told in one line.

#![allow(clippy::unwrap_used)]
use super::*;

/// The fault of a component written as text, or "" where it loads.
#[track_caller]
fn check(wat: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.wasm");
    std::fs::write(&file, wat::parse_str(wat).unwrap()).unwrap();
    let engine = crate::engine::new(2, 1 << 20, None).unwrap();
    let fault = compile(&linker(&engine).unwrap(), &file, true).err().unwrap_or_default();
    assert_eq!(fault.replace(&file.display().to_string(), "c.wasm"), expected);
}

#[test]
fn every_missing_interface_is_named() {
    check(
        r#"(component
            (import "wasi:http/types@0.3.0" (instance))
            (import "wasi:cli/environment@0.2.3" (instance))
            (import "spin:key-value/key-value@3.0.0" (instance (export "open" (func))))
            (import "fermyon:spin/sqlite@2.0.0" (instance (export "open" (func))))
            (import "wasi:http/types@0.3.0-rc-2026-03-15" (instance (export "x" (func)))))"#,
        "imports what is not offered here: spin:key-value/key-value@3.0.0, fermyon:spin/sqlite@2.0.0, \
         wasi:http/types@0.3.0-rc-2026-03-15 (build it without, or run it under Spin)",
    );
}

#[test]
fn a_function_that_an_offered_interface_lacks_is_named() {
    check(
        r#"(component (import "spin:sqlite/sqlite@3.1.0" (instance (export "attach" (func)))))"#,
        "imports what is not offered here: component imports instance `spin:sqlite/sqlite@3.1.0`, but a matching \
         implementation was not found in the linker: instance export `attach` has the wrong type: \
         function implementation is missing (build it for this version)",
    );
}

#[test]
fn what_handles_no_http_is_refused() {
    check(
        "(component)",
        "handles no HTTP: it exports neither wasi:http/handler@0.3.0 nor wasi:http/incoming-handler@0.2 \
         (build it as an HTTP component)",
    );
}

#[test]
fn files_that_are_no_components_are_refused() {
    let engine = crate::engine::new(2, 1 << 20, None).unwrap();
    let linker = linker(&engine).unwrap();
    let fault = |file: &Path, has_build| compile(&linker, file, has_build).err().unwrap();
    assert_eq!(fault(Path::new("/x/y.wasm"), true), "/x/y.wasm does not exist (run `ownbase build`)");
    assert_eq!(fault(Path::new("/x/y.wasm"), false), "/x/y.wasm does not exist (build it, or correct `source`)");
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("module.wasm");
    std::fs::write(&module, wat::parse_str("(module)").unwrap()).unwrap();
    let fault = fault(&module, true);
    assert!(
        fault.contains("module.wasm does not compile:")
            && fault.ends_with(" (is it a component, and --max-memory-bytes enough?)")
            && !fault.contains('\n'),
        "{fault}"
    );
}
