//! A database per user, for any application: the part of Ownbase that knows users and databases but no engine's
//! runtime and no application.
//!
//! An application gets from here, in the order in which a request meets them:
//!
//! - [`UserId`], parsed once from a path segment, and [`Label`], the name of that user's database;
//! - the port: [`Environment`] opens and erases databases and hands out time and randomness, [`Database`] runs
//!   statements. Both are synchronous, since every engine answers at once;
//! - [`typed`], structs for rows and parameters, for the queries that `ownbase-sql` checks and turns into functions;
//! - [`migration`], which brings a user's database to the application's newest schema on first access;
//! - [`engine`], the port on each engine, a file and a cargo feature each.
//!
//! It does not pool, retry or cache rows, and builds no SQL: statements are literals ([`Sql`]).

pub mod engine;
mod error;
mod label;
pub mod migration;
mod port;
pub mod typed;
mod user_id;

pub use error::Error;
pub use label::Label;
pub use port::{Checked, Database, Environment, Row, Sql, Statement, Timestamp, Value};
pub use user_id::{UserId, UserIdError};
