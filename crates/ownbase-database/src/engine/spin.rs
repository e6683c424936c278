//! The port on spin:sqlite, for a component run by `ownbase up` or by Spin.
//!
//! There are two ways to a database per user, and a component finds out once an instance which one holds:
//!
//! - **On demand**: the host opens any label. `ownbase up` and hosts that embed Ownbase's spin:sqlite do.
//! - **Attach**: unmodified Spin (4.1 or newer) opens only the labels in its manifest. The label `users`, an empty
//!   database in memory there, is opened for each request, and the user's file attached to it as `u`.
//!
//! The question is one fixed label that no user id maps to ([`Label::PROBE`](crate::Label::PROBE)). Attaching needs
//! a folder named by the operator in the environment variable `OWNBASE_ATTACH_DIR`: a refused label alone may be a
//! mistake in the configuration, and must not lead to an empty database somewhere else.
//!
//! Calls block the instance. Connections live for one request; statements are prepared by the host.
//!
//! The host itself reaches the same databases by [`HostDatabase`], for what it does to all users' at once.

#[cfg(any(all(feature = "spin", target_os = "wasi"), test))]
mod attached;
mod classify;
#[cfg(all(feature = "spin", target_os = "wasi"))]
mod component;
mod connection;
mod host;

pub use classify::classify;
#[cfg(all(feature = "spin", target_os = "wasi"))]
pub use component::{Spin, SpinDatabase};
pub use connection::Connection;
pub use host::HostDatabase;
