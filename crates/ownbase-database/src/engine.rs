//! The port on each engine, a file and a cargo feature each.

#[cfg(any(feature = "rusqlite", all(feature = "spin", target_os = "wasi")))]
mod file_name;
#[cfg(feature = "rusqlite")]
pub mod rusqlite;
#[cfg(all(feature = "spin", target_os = "wasi"))]
pub mod spin;
