//! The port on each engine, a file and a cargo feature each.

// All but the calls to JavaScript is tested natively.
#[cfg(any(feature = "durable_object", test))]
pub mod durable_object;
#[cfg(any(feature = "rusqlite", all(feature = "spin", target_os = "wasi")))]
mod file_name;
#[cfg(feature = "rusqlite")]
pub mod rusqlite;
// All but the calls to the host is tested natively.
#[cfg(any(all(feature = "spin", target_os = "wasi"), feature = "spin-host", test))]
pub mod spin;
#[cfg(any(feature = "rusqlite", all(feature = "spin", target_os = "wasi")))]
mod system;
