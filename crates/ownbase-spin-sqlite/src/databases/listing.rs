//! Which databases there are: what a program needs that goes through all users.
//!
//! Folder by folder, so that a million of them take no more memory than one folder's names. What is made or erased
//! meanwhile may be listed or not.

use super::Databases;
use crate::{
    connection::Connection,
    databases::direct::DirectError,
    errors::Error,
    files::{Kept, Location},
};
use rusqlite::ffi;
use std::sync::Arc;

/// A database that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The label of one.
    Label(Arc<str>),
    /// A file of which no label can be told.
    Unknown {
        /// The file's name.
        file: String,
        /// Why not.
        why: DirectError,
    },
}

impl Databases {
    /// How many folders there are to list.
    pub const FOLDERS: u16 = 256;

    /// How many databases there are, about: a file whose making was cut short counts too.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn count(&self) -> Result<usize, DirectError> {
        (0..=u8::MAX).try_fold(0, |sum, folder| Ok(sum + self.0.files.kept(folder).map_err(Error::from)?.len()))
    }

    /// The databases in one folder, in the order of their files' names. May block; the label of a long one is read out of
    /// the database itself.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self, folder: u8) -> Result<Vec<Found>, DirectError> {
        let mut kept = self.0.files.kept(folder).map_err(Error::from)?;
        kept.sort_by(|left, right| left.file.cmp(&right.file));
        Ok(kept.into_iter().filter_map(|kept| self.found(kept, folder)).collect())
    }

    fn found(&self, Kept { file, label }: Kept, folder: u8) -> Option<Found> {
        let misplaced = || {
            let message = format!("folder {folder:02x} is not where this database is looked for (move it there)");
            Error::new(ffi::SQLITE_NOTFOUND, message).into()
        };
        match label {
            Some(label) if self.0.files.is_in(&label, folder) => Some(Found::Label(label.into())),
            Some(_) => Some(Found::Unknown { file, why: misplaced() }),
            None => match self.label_inside(&file, folder) {
                Ok(Some(label)) if self.0.files.is_in(&label, folder) => Some(Found::Label(label)),
                Ok(Some(_)) => Some(Found::Unknown { file, why: misplaced() }),
                // Its making was cut short: nobody was ever told of it.
                Ok(None) => None,
                Err(error) => Some(Found::Unknown { file, why: error.into() }),
            },
        }
    }

    /// The label of a file whose name is a hash: that of the entry whose file it is, or what it says inside.
    fn label_inside(&self, file: &str, folder: u8) -> Result<Option<Arc<str>>, Error> {
        // Locked until it is closed again, so that nobody opens the file a second time meanwhile.
        let entries = self.entries();
        let location = self.0.files.hashed(file, folder);
        let is_it = |label: &&Arc<str>| self.0.files.locate(label).file() == location.file();
        if let Some(label) = entries.keys().filter(|label| Location::is_long(label)).find(is_it) {
            return Ok(Some(label.clone()));
        }
        let Some(_lock) = location.lock()? else {
            return Err(Error::busy("another program holds the database"));
        };
        location.renew_wal()?;
        let connection = Connection::open(location.file(), self.limits())?;
        let label = connection.label_inside()?;
        connection.close()?;
        Ok(label.map(Arc::from))
    }
}
