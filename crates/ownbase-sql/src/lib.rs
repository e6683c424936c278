//! An application's SQL: migrations and queries, checked with SQLite itself and turned into Rust.
//!
//! # Migrations
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
//! # Queries
//!
//! [`embed_queries`] does the same for the statements that an application sends. Each stands in a file of `queries/`,
//! with a name, how many rows it has, and a comment that says what it is for; the file can be pasted into sqlite3:
//!
//! ```sql
//! -- name: update :optional StoredNote
//! -- A note's new text, unless it has changed since.
//! -- :unchanged_since?: i64 when it last changed; NULL for any time
//! UPDATE notes SET text = :text
//! WHERE id = :id AND (:unchanged_since IS NULL OR updated = :unchanged_since)
//! RETURNING id, text, updated, length(text) AS "letters!: i64";
//! ```
//!
//! This becomes a function `queries::update(&database, Update { .. })` that returns `Option<StoredNote>`, over
//! `ownbase_database::Database`. What is sent is this text, its parameters numbered. `examples/tasks` is a whole program.
//!
//! | written | function returns |
//! | --- | --- |
//! | `:one` | the row; there is one whatever the database holds |
//! | `:optional` | `Option` of the row |
//! | `:many` | an iterator of rows |
//! | `:exec` | `()`: there are no rows |
//! | `:statement` | no rows, not run yet: a `Bound`, to be run alone or in a `Database::batch` |
//!
//! A name behind that is for the struct of a row, which queries with the same columns can share. Two parameters or more
//! are a struct, one is an argument.
//!
//! **Parameters** take their type from the column that they are compared with, set to or inserted into, from LIMIT or
//! from a CAST; `Option` where the column can be NULL, or `IS NULL` or `coalesce` asks for it. In other places, and to
//! say otherwise, there is a note: `-- :name`, then `?` or `!`, then `: Type`, then words about it.
//!
//! **Columns** of tables take type and NOT NULL from the schema. An expression says what it is: `AS "name!: i64"`, or
//! `?` if it can be NULL. So does a column where NULL can stand in its place (LEFT JOIN, UNION, views, subqueries).
//! Types are `i64`, `f64`, `String`, `Vec<u8>`, `bool` (0 or 1) and `Value`.
//!
//! **The build fails**, with file, line and column, for every query that SQLite does not take, or a Durable Object or
//! unmodified Spin would not; whose claims about types, NULL or the number of rows are wrong; that is not documented,
//! or shares its name; and, by rustc, for a query that nobody calls and a column that nobody reads. Claims are held
//! against rows: each query is run on an empty database and on generated rows. That finds most wrong claims, not all;
//! a wrong one that is left is an error at run time, never a panic.
//!
//! # Writing migrations
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
