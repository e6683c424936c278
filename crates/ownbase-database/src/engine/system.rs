//! The system's clock and randomness, for engines that run where there are such.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// The time now; the epoch on a system whose clock stands before it.
pub(super) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Fills `bytes` with randomness fit for unguessable names.
pub(super) fn random(bytes: &mut [u8]) {
    // Names that can be guessed are worse than none: without randomness nothing can be served.
    assert!(getrandom::fill(bytes).is_ok(), "the system has no randomness");
}
