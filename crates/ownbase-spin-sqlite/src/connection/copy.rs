//! A copy of what a connection has open, by SQLite's backup interface: it needs no second connection to the file.
//!
//! <https://sqlite.org/backup.html>

use super::{Connection, open_file};
use crate::{errors::Error, files::permissions};
use rusqlite::{
    OpenFlags,
    backup::{Backup, StepResult},
    ffi,
};
use std::path::Path;

impl Connection {
    /// Copies the database to a new file, which is not synced. May block for long.
    pub(crate) fn copy_to(&self, file: &Path) -> Result<(), Error> {
        self.clock.stop_at(None);
        permissions::make_file(file)?;
        let mut copy = open_file(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        copy.pragma_update(None, "synchronous", "off")?;
        // All pages at once: the caller holds the database, and nobody else has it open.
        match Backup::new(&self.sqlite, &mut copy)?.step(-1)? {
            StepResult::Done => {}
            _ => return Err(Error::new(ffi::SQLITE_BUSY, "another program holds the database")),
        }
        copy.close().map_err(|(_, error)| error.into())
    }
}
