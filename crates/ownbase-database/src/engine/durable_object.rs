//! The port on the SQL storage of a Cloudflare Durable Object, for an application compiled to wasm32-unknown-unknown.
//!
//! One object is one user's database: the Worker in front finds it by the label, and this environment opens no other.
//! Statements run by `sql.exec` and batches by `transactionSync`, inside the runtime's process; the runtime holds every
//! answer back until what was written is on disk. The limits are the runtime's own
//! (<https://developers.cloudflare.com/durable-objects/platform/limits/>).
//!
//! JavaScript has one kind of number. So a statement sees every number as `REAL` until an INTEGER column or a CAST turns
//! it back, every number that is read is a [`Value::Real`](crate::Value::Real), and integers beyond ±2^53 are refused.
//!
//! Nothing here waits. The one thing that takes its time is to erase, whose promise the caller awaits
//! ([`DurableObject::take_erasure`]). There is no interactive transaction and no access to other objects.

mod classify;
#[cfg(feature = "durable_object")]
mod environment;
mod number;
#[cfg(feature = "durable_object")]
mod storage;

#[cfg(feature = "durable_object")]
pub use environment::{DurableObject, ObjectDatabase, thrown};
#[cfg(feature = "durable_object")]
pub use storage::Storage;
