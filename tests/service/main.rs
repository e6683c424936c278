//! The service over the port, below HTTP: `notes::prepare` and `notes::handle` on real SQLite files, a module per
//! section of docs/api.md. What a server adds (limits on time and connections, traps) is for `tests/conformance`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anything;
mod client;
mod conditions;
mod databases;
mod errors;
mod faults;
mod pages;
mod places;
mod requests;
mod world;
