//! spin:sqlite for any wasmtime host, with a database on demand for every label.
//!
//! Spin gives a component the databases that its manifest and its operator's configuration name. This crate implements the
//! same interface, `spin:sqlite/sqlite@3.1.0`, blocking and asynchronous calls both, and opens *every* label that
//! [`Labels`] allows, for example all that begin with `user-`: each is an SQLite file of its own, made by the first
//! statement that writes. So a component gives each of its users a database by opening a label that contains the user.
//!
//! What a host can rely on:
//!
//! - A label reaches one file and no other; no label leaves the state directory, which one process holds at a time.
//! - A statement that was answered is on disk, one sync each. A host that holds its answers back until [`Scope::settled`]
//!   is ready may have many commits share one instead ([`Durability::Gated`]).
//! - No statement takes the serving thread for long: what syncs, opens, waits or takes more than about a millisecond runs
//!   on tokio's blocking threads. Without a gate that is every statement that writes. SQLite looks at the time between its
//!   instructions; on the serving thread none of them goes through a value of more than 64 KiB.
//! - Everything is bounded: see [`Limits`]. A transaction lasts no longer than the request for which it was begun
//!   ([`Scope`]), if the host tells of requests.
//! - SQL can change the contents of the database that was opened, and nothing else.
//!
//! Errors that the guest sees as `io` begin with SQLite's symbolic code and a colon, as in `SQLITE_BUSY: …`. The statement
//! `PRAGMA ownbase_erase`, exactly so, deletes the label's file and answers one row. One connection per open database
//! serves all; readers and writers of one label take turns. There is no replication, no encryption, no attached database.
//!
//! # Example
//!
//! A host that embeds it; `examples/embed.rs` adds HTTP. It needs a tokio runtime with time, and wasmtime's asynchronous
//! component model.
//!
//! ```
//! use ownbase_spin_sqlite::{Databases, Labels, Limits, SpinSqlite, SpinSqliteCtx};
//! use wasmtime::{
//!     Config, Engine, Result, Store,
//!     component::{Linker, ResourceTable},
//! };
//! use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
//!
//! struct Host {
//!     table: ResourceTable,
//!     wasi: WasiCtx,
//!     sqlite: SpinSqliteCtx,
//! }
//!
//! impl WasiView for Host {
//!     fn ctx(&mut self) -> WasiCtxView<'_> {
//!         WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<()> {
//!     let mut config = Config::new();
//!     config.wasm_component_model_async(true);
//!     let engine = Engine::new(&config)?;
//!
//!     let mut linker = Linker::<Host>::new(&engine);
//!     wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
//!     ownbase_spin_sqlite::add_to_linker(&mut linker, |host| SpinSqlite {
//!         ctx: &mut host.sqlite,
//!         table: &mut host.table,
//!     })?;
//!
//!     # let temporary = tempfile::tempdir()?;
//!     # let state_dir = temporary.path();
//!     let databases = Databases::open(state_dir, Limits::default())?;
//!     let host = Host {
//!         table: ResourceTable::new(),
//!         wasi: WasiCtx::builder().inherit_stderr().build(),
//!         sqlite: SpinSqliteCtx::new(databases.clone(), Labels::new(["user-*"])?),
//!     };
//!     let mut store = Store::new(&engine, host);
//!     // Instantiate a component within `store` and call it; where a call serves a request, tell of it first:
//!     // `store.data_mut().sqlite.begin(call.task(), scope)`.
//!     # let _ = &mut store;
//!
//!     databases.close().await;
//!     Ok(())
//! }
//! ```

#[cfg(not(unix))]
compile_error!("ownbase runs on Linux and macOS only: it locks files and syncs folders in ways that Windows lacks");

mod bindings;
mod clock;
mod commits;
mod connection;
mod ctx;
mod database;
mod databases;
mod durability;
mod errors;
mod files;
mod functions;
mod gate;
mod gathered;
mod host;
mod job;
mod labels;
mod lease;
mod limits;
mod look;
mod open;
mod policy;
mod rooms;
mod rows;
#[cfg(any(test, feature = "sabotage"))]
#[cfg_attr(not(feature = "sabotage"), allow(dead_code, reason = "the tests of this crate break one promise only"))]
mod sabotage;
mod scope;
mod scratch;
mod session;
mod state_error;
mod stream;
#[cfg(test)]
mod tests;
mod values;

pub use bindings::spin::sqlite::sqlite::Value;
pub use ctx::{SpinSqlite, SpinSqliteCtx, add_to_linker};
pub use databases::{Condition, Databases, Direct, DirectError, Found};
pub use gate::NotDurable;
pub use host::Connection;
pub use labels::{Labels, LabelsError};
pub use limits::{Durability, Limits};
pub use scope::Scope;
pub use state_error::StateError;
