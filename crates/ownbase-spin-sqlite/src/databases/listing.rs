//! Which databases there are: what a program needs that goes through all users.
//!
//! Folder by folder, so that a million of them take no more memory than one folder's names. What is made or erased
//! meanwhile may be listed or not.

use super::Databases;
use crate::{
    databases::direct::DirectError,
    errors::Error,
    files::{Kept, KeptLabel, Location},
    look::Look,
};
use rusqlite::ffi;
use std::sync::{Arc, MutexGuard, PoisonError};

/// A database that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The label of one.
    Label(Arc<str>),
    /// Something that is called like a database and is none of ours: it has another kind of name, or is no file.
    Foreign {
        /// Its name.
        file: String,
    },
    /// A database that nobody would find, or of which no label can be told.
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
        let label: Arc<str> = match label {
            KeptLabel::None => return Some(Found::Foreign { file }),
            KeptLabel::Plain(label) => label.into(),
            KeptLabel::Inside => match self.label_inside(&file, folder) {
                Ok(Some(label)) => label,
                // Its making was cut short: nobody was ever told of it.
                Ok(None) => return None,
                Err(error) => return Some(Found::Unknown { file, why: error.into() }),
            },
        };
        match self.0.files.folder_of(&label) {
            Some(right) if right != folder => {
                let message =
                    format!("in folder {folder:02x} nobody looks for this database (move it to folder {right:02x})");
                Some(Found::Unknown { file, why: Error::new(ffi::SQLITE_NOTFOUND, message).into() })
            }
            _ => Some(Found::Label(label)),
        }
    }

    /// To be called before the file of an entry is opened: waits until nobody has it open to read its label, which nobody
    /// will do while there is the entry. May block.
    pub(crate) fn wait_for_reading_label(&self) {
        drop(self.reading_label());
    }

    pub(crate) fn reading_label(&self) -> MutexGuard<'_, ()> {
        self.0.reading_label.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The label of a file whose name is a hash: that of the entry whose file it is, or what it says inside.
    fn label_inside(&self, file: &str, folder: u8) -> Result<Option<Arc<str>>, Error> {
        let location = self.0.files.at(file, folder);
        // Until it is closed again: whoever makes an entry meanwhile waits before opening the file a second time.
        let _reading = self.reading_label();
        let is_it = |label: &&Arc<str>| self.0.files.locate(label).file() == location.file();
        let known = self.entries().keys().filter(|label| Location::is_long(label)).find(is_it).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let look = Look::open(&location, self.limits())?;
        match look.connection().label_inside()? {
            None if !look.connection().is_empty()? => {
                Err(Error::new(ffi::SQLITE_CORRUPT, "the file does not say whose database it is"))
            }
            label => Ok(label.map(Arc::from)),
        }
    }
}
