//! Where one label's database is, and what is done to its files other than through SQLite: made, locked, removed.
//!
//! A file is made under another name, synced, and renamed: whatever has a database's name is whole. An erase renames
//! the database first, to a name that says so: whatever a crash leaves of an erase, a start finishes (`sweep.rs`).
//! Nothing here reads what is inside a file, but for the first bytes of a file that may be blank.

use super::{Shared, folders, marks::Key, permissions, usage::Part};
use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::Errno,
};
use std::{
    cell::Cell,
    fs::{self, File},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Endings of files that SQLite keeps beside a database, and would read into a new database of the same name.
const BESIDE: [&str; 4] = [WAL, WAL_ANEW, "-shm", "-journal"];

/// A database's log, and what the log is written anew to (`recovery.rs`).
pub(super) const WAL: &str = "-wal";
pub(super) const WAL_ANEW: &str = "-wal-anew";

/// Endings of a database that is being made, and of one that is being erased.
pub(super) const MAKING: &str = "-making";
pub(super) const ERASED: &str = "-erased";

/// A file that is all zeros, and no larger than SQLite's largest page, was made and never written: see `is_blank`.
const MAX_BLANK_BYTES: u64 = 65_536;

/// Where a label's database is, whether it exists or not.
pub(crate) struct Location {
    pub(super) file: PathBuf,
    pub(super) key: Key,
    pub(super) shared: Arc<Shared>,
    pub(super) part: Part,
    /// Something was removed, and a power cut may bring it back.
    pub(super) is_unsettled: Cell<bool>,
    /// The file's name is a hash, so the label must be kept inside.
    pub(crate) is_hashed: bool,
    /// Never to be made.
    pub(crate) is_probe: bool,
}

/// The sole right to open a database, which ends when it is dropped, or as soon as any other handle on the file is closed.
pub(crate) struct FileLock(File);

impl Location {
    /// The database's file, for SQLite to open.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Keeps other programs from opening a database that exists, which SQLite leaves to us: in them SQLite finds it locked.
    /// `None` if one of them has it.
    pub(crate) fn lock(&self) -> io::Result<Option<FileLock>> {
        let file = File::options().read(true).write(true).open(&self.file)?;
        permissions::tighten_file(&file, &self.file)?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(FileLock(file))),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the file, which exists, has no bytes.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() == 0)
    }

    pub(crate) fn exists(&self) -> io::Result<bool> {
        self.file.try_exists()
    }

    /// Whether the label's database was set aside as damaged, and nobody has acted since. For a label without a file.
    pub(crate) fn is_set_aside(&self) -> bool {
        self.shared.quarantine.has(&self.file)
    }

    /// The label's database is in its place, wherever it was before.
    pub(crate) fn note_return(&self) {
        self.shared.quarantine.note_return(&self.file);
    }

    /// Makes the file of an empty database, which `fill` writes at another path. The file is on disk before it has its
    /// name; the name is not.
    pub(crate) fn make<E: From<io::Error>>(&self, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        let making = self.beside(MAKING);
        // Of a making that a crash cut short.
        remove_if_there(&making)?;
        let file = File::options().write(true).create_new(true).mode(permissions::FILE).open(&making)?;
        let made = fill(&making).and_then(|()| {
            self.shared.disk.sync_file(&file)?;
            Ok(fs::rename(&making, &self.file)?)
        });
        made.inspect_err(|_| drop(fs::remove_file(&making)))
    }

    /// Fills a file.
    pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::write(path, bytes)
    }

    /// Clears the place for a new database: finishes an erase that was cut short, and sets a log without a database aside.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let erased = self.beside(ERASED);
        if erased.try_exists()? {
            return self.finish_erase();
        }
        if self.has_wal() {
            self.set_log_aside()?;
        }
        self.remove_beside()
    }

    /// Erases the database, durably, with all that was ever set aside of it. The caller has closed it. That it was not
    /// there is no error. Reads nothing, and needs no room.
    pub(crate) fn erase(&self) -> io::Result<()> {
        self.begin_count();
        if self.file.symlink_metadata().is_ok() {
            self.is_unsettled.set(true);
            match fs::rename(&self.file, self.beside(ERASED)) {
                // From here on the user is gone, and not in part.
                Ok(()) => self.sync_folder()?,
                // No room for another name, or a folder in its place: then the file goes before its log.
                Err(_) => self.remove_file(&self.file)?,
            }
        }
        self.finish_erase()?;
        self.shared.quarantine.erase(&self.file)?;
        self.count();
        self.forget_mark();
        self.settle()
    }

    fn finish_erase(&self) -> io::Result<()> {
        self.remove_beside()?;
        self.remove_file(&self.beside(ERASED))?;
        self.settle()
    }

    /// Removes a database into which nothing was ever written, durably. The caller has closed it.
    pub(crate) fn remove_unused(&self) -> io::Result<()> {
        self.begin_count();
        self.remove_file(&self.file)?;
        self.remove_beside()?;
        self.count();
        self.settle()
    }

    fn remove_beside(&self) -> io::Result<()> {
        BESIDE.iter().try_for_each(|suffix| self.remove_file(&self.beside(suffix)))
    }

    /// Whether a removal is not known to be on disk.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.is_unsettled.get()
    }

    /// Makes sure that what was removed does not come back.
    pub(crate) fn settle(&self) -> io::Result<()> {
        if self.is_unsettled() { self.sync_folder() } else { Ok(()) }
    }

    /// What is in a file that no other handle is open on.
    pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.file.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    pub(super) fn sync_folder(&self) -> io::Result<()> {
        folders::sync(&*self.shared.disk, self.folder())?;
        self.is_unsettled.set(false);
        Ok(())
    }

    pub(super) fn folder(&self) -> &Path {
        folders::of(&self.file)
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        if remove_if_there(path)? {
            self.is_unsettled.set(true);
        }
        Ok(())
    }
}

impl FileLock {
    /// Whether the file was made and never written: it has no bytes, or few, and all of them are zero. A power cut in the
    /// middle of its making leaves that; earlier builds made files under their own name.
    pub(crate) fn is_blank(&self) -> io::Result<bool> {
        let mut first = [0; 16];
        let read = self.0.read_at(&mut first, 0)?;
        if first != [0; 16] {
            return Ok(false);
        }
        let length = self.0.metadata()?.len();
        if read == 0 || length > MAX_BLANK_BYTES {
            return Ok(length == 0);
        }
        let mut all = vec![0; usize::try_from(length).unwrap_or_default()];
        self.0.read_exact_at(&mut all, 0)?;
        Ok(all.iter().all(|byte| *byte == 0))
    }

    /// Brings what is in the file onto the disk.
    pub(crate) fn sync(&self, location: &Location) -> io::Result<()> {
        location.shared.disk.sync_file(&self.0)
    }
}

/// Removes a file; says whether there was one.
pub(super) fn remove_if_there(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
