//! The bindings that wasmtime generates from wit/ownbase-http.wit. Nothing else lives here: the generated code is what
//! needs the exceptions below.
#![allow(missing_docs, unreachable_pub, unsafe_code)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "ownbase:http/whole",
    exports: { default: async },
    // A request is lent, not copied.
    ownership: Borrowing { duplicate_if_necessary: true },
});
