//! spin:sqlite for any wasmtime host, with a database on demand for every label.

mod bindings;
mod clock;
mod connection;
mod ctx;
mod database;
mod databases;
mod durability;
mod errors;
mod files;
mod gathered;
mod host;
mod job;
mod labels;
mod limits;
mod policy;
mod rooms;
#[cfg(feature = "sabotage")]
mod sabotage;
mod scope;
mod scratch;
mod session;
mod state_error;
mod stream;
#[cfg(test)]
mod tests;

pub use ctx::{SpinSqlite, SpinSqliteCtx, add_to_linker};
pub use databases::Databases;
pub use host::Connection;
pub use labels::{Labels, LabelsError};
pub use limits::Limits;
pub use scope::Scope;
pub use state_error::StateError;
