//! A handle of our own on the log of a database that SQLite has open: to sync the log, and to say which generation it is.

use super::{
    Shared, folders,
    location::{Location, WAL},
    marks::Key,
    permissions,
    wal::{HEADER_BYTES, Salts, Start},
};
use std::{fs::File, io, os::unix::fs::FileExt, path::PathBuf, sync::Arc};

/// A handle of our own on a database's write-ahead log.
pub(crate) struct WalFile {
    file: File,
    key: Key,
    folder: PathBuf,
    shared: Arc<Shared>,
}

impl Location {
    /// The write-ahead log of a database that SQLite has open.
    pub(crate) fn wal(&self) -> io::Result<WalFile> {
        let file = permissions::open_tightened(&self.beside(WAL))?;
        Ok(WalFile { file, key: self.key, folder: self.folder().to_owned(), shared: self.shared.clone() })
    }
}

impl WalFile {
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.shared.disk.sync_file(&self.file)
    }

    /// Makes sure that the file is found again.
    pub(crate) fn sync_name(&self) -> io::Result<()> {
        folders::sync(&*self.shared.disk, &self.folder)
    }

    /// The label for which marks are kept.
    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// The salts of the log's present generation; none before it has a header that holds.
    pub(crate) fn salts(&self) -> io::Result<Option<Salts>> {
        let mut first = [0; HEADER_BYTES];
        match self.file.read_exact_at(&mut first, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(match Start::of(&first) {
            Start::Header(header) => Some(header.salts),
            Start::Blank | Start::Damaged => None,
        })
    }
}
