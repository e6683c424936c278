//! The port on each engine, a file and a cargo feature each.

#[cfg(feature = "rusqlite")]
pub mod rusqlite;
#[cfg(all(feature = "spin", target_os = "wasi"))]
pub mod spin;
