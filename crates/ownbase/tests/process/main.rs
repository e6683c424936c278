//! The process as its operator sees it: what it prints, how it ends, what a client gets from it.
//!
//! The component is 200 lines of WebAssembly text (WASI 0.2), so that nothing has to be built first. What the notes
//! service promises over HTTP is tested in tests/conformance.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod building;
mod client;
mod frames;
mod greedy;
mod held;
mod http2;
mod http2_client;
mod http2_hostile;
mod migrating;
mod promises;
mod serving;
mod site;
mod starting;
mod stopping;
#[path = "../../../../tests/conformance/harness/strace.rs"]
mod strace;
mod traced;
mod unread;
mod whole;
