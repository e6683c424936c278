//! How large a value a statement may make or read while it runs.

use crate::policy;
use rusqlite::{Connection, limits::Limit};

/// A smaller limit than the usual one, until dropped.
pub(super) struct LargestValue<'a>(&'a Connection);

impl LargestValue<'_> {
    pub(super) fn of(sqlite: &Connection, bytes: i32) -> LargestValue<'_> {
        // Fails for a negative limit only.
        let _ = sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes);
        LargestValue(sqlite)
    }
}

impl Drop for LargestValue<'_> {
    fn drop(&mut self) {
        let _ = self.0.set_limit(Limit::SQLITE_LIMIT_LENGTH, policy::MAX_VALUE_BYTES);
    }
}
