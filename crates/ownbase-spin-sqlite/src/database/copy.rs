//! Copying a database that is open.

use super::Database;
use crate::{errors::Error, files::Location};
use rusqlite::ffi;

impl Database {
    /// Copies the database, which must be open, to a place where none is. May block for long.
    pub(crate) fn copy_to(&self, copy: &Location) -> Result<(), Error> {
        let Some(open) = &self.open else {
            return Err(Error::new(ffi::SQLITE_INTERNAL, "the database is not open"));
        };
        open.connection().copy_to(copy.file()).inspect_err(|_| copy.discard())
    }
}
