//! spin:sqlite for any wasmtime host, with a database on demand for every label.

mod bindings;
mod ctx;
mod databases;
mod errors;
mod host;
mod limits;
mod policy;
mod scope;

pub use ctx::{SpinSqlite, SpinSqliteCtx, add_to_linker};
pub use databases::{Databases, StateError};
pub use host::Connection;
pub use limits::Limits;
pub use policy::{Labels, LabelsError};
pub use scope::Scope;
