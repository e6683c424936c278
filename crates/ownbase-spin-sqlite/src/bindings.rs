//! The bindings that wasmtime generates from `wit/`. Nothing else lives here: the generated code is what needs the exceptions below.
#![allow(missing_docs, unsafe_code)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "ownbase:spin-sqlite/imports",
    imports: {
        // The blocking calls need the store: whose call it is stands in the store's call stack.
        "spin:sqlite/sqlite.[method]connection.execute": async | store | trappable,
        default: trappable,
    },
    with: {
        "spin:sqlite/sqlite.connection": crate::Connection,
    },
    trappable_error_type: {
        "spin:sqlite/sqlite.error" => crate::errors::Error,
    },
});
