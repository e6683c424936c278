//! An application's migrations: checked with SQLite itself, embedded as Rust, and written from a wanted schema.
//!
//! A migration is a file `NNNN_name.sql`, numbered from 0001 without gaps. [`embed_migrations`], called by a build
//! script, applies them all to a database in memory that has Cloudflare Durable Objects' limits, and once more to one
//! attached as `u`, as on unmodified Spin. What would fail there fails the build, with file, line and SQLite's words.
//!
//! - Statements are split by SQLite's own parser, each run before the next is read, never by `;`.
//! - `-- compatible-with: N` in a file says which builds still work with a database that has it: those whose newest
//!   migration is N or later. Without it N is the file's own number.
//! - A file listed in `checksums` (`<SHA-256>  <file>`, as sha256sum prints it) is released and may not change.
//! - Limits: 9,999 migrations, 100,000 bytes a statement; those of the engines stand in `sandbox.rs`.
//!
//! The command `migration` (feature `cli`) works on a [`Project`]: [`generate`] writes the migration from what the
//! migrations make to what `schema.sql` wants, and proves it on databases with rows first; [`check`] is for CI;
//! [`release`] lists what may not change any more and keeps the queries by which older builds are judged later.
//!
//! It runs on the developer's machine, is never part of the wasm, never touches a user's database, and knows no engine
//! but SQLite.

mod attached;
mod check;
#[cfg(feature = "cli")]
pub mod cli;
mod compatible;
mod embed;
mod fault;
mod folder;
mod generate;
mod project;
mod prove;
mod queries;
mod release;
mod released;
mod sandbox;
mod schema;
mod tokens;
mod verify;

pub use check::{Migration, Statement, read_migrations};
pub use embed::{MIGRATIONS_SECTION, embed_migrations};
pub use fault::{Error, Fault};
pub use generate::{Generated, Rename, Request, generate};
pub use project::{Project, new_migration};
pub use prove::Proof;
pub use queries::{Query, embed_queries, read_queries};
pub use release::{Release, release};
pub use verify::{Checked, check, check_compatible_with};
