//! The state directory: which file a label's database is, and everything done to files other than through SQLite.
//!
//! ```text
//! STATE_DIR/lock                  held by the process that uses the directory
//! STATE_DIR/settled               the process before left nothing to sync (`folders.rs`)
//! STATE_DIR/users/3f/user-x.db    3f: first byte of the label's SHA-256, in hex
//! STATE_DIR/users/3f/user-x.db-wal    SQLite's own, while the database is open
//! STATE_DIR/tmp                   SQLite's temporary files (`temporary.rs`)
//! ```
//!
//! All 256 folders are made and synced at the first start, so that a new database needs a sync of its own folder only, and
//! a million of them stay listable. A label longer than 200 bytes has its hash for a file name (`user-~~` and 64 hex
//! digits, a label that `labels.rs` denies) and keeps itself inside its database. Nothing else in this crate makes or
//! removes a path.

mod folders;
mod kept;
pub(crate) mod permissions;
pub(crate) mod spill;
mod taking;
mod temporary;
mod usage;

use crate::{Limits, state_error::StateError};
pub(crate) use kept::{Kept, KeptLabel};
use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::Errno,
};
use sha2::{Digest, Sha256};
use std::{
    cell::Cell,
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
pub(crate) use usage::Usage;

/// Labels up to this many bytes are file names themselves; with `.db-wal` they stay below the usual 255.
const MAX_PLAIN_BYTES: usize = 200;

/// The one label that components open to ask whether labels open on demand; it never has a file.
const PROBE: &str = "user-~";

/// Brings onto the disk what was written. Tests take the kernel's place here.
pub(crate) trait Disk: Send + Sync {
    /// The contents of a file.
    fn sync_file(&self, file: &File) -> io::Result<()>;
    /// The names in a folder.
    fn sync_folder(&self, folder: &File) -> io::Result<()>;
}

/// The disk that the kernel writes to.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&self, folder: &File) -> io::Result<()> {
        folder.sync_all()
    }
}

/// A state directory that this process holds.
pub(crate) struct Files {
    state_dir: PathBuf,
    users: PathBuf,
    disk: Arc<dyn Disk>,
    usage: Arc<Usage>,
    /// The lock ends with the process, however it ends.
    lock: File,
}

/// Where a label's database is, whether it exists or not.
pub(crate) struct Location {
    file: PathBuf,
    disk: Arc<dyn Disk>,
    part: usage::Part,
    /// Something was removed, and a power cut may bring it back.
    is_unsettled: Cell<bool>,
    /// The file's name is a hash, so the label must be kept inside.
    pub(crate) is_hashed: bool,
    /// Never to be made.
    pub(crate) is_probe: bool,
}

/// The sole right to open a database, which ends when it is dropped, or as soon as any other handle on the file is closed.
pub(crate) struct FileLock(File);

/// A handle of our own on a database's write-ahead log.
pub(crate) struct WalFile {
    file: File,
    folder: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Files {
    /// Makes what is missing of the directory, and takes it for this process.
    pub(crate) fn open(disk: Arc<dyn Disk>, state_dir: &Path, limits: &Limits) -> Result<Files, StateError> {
        let (absolute, lock) = taking::take(state_dir)?;
        let users = absolute.join("users");
        folders::prepare(&*disk, &absolute, &users).map_err(|error| StateError::unusable(state_dir, error))?;
        temporary::prepare(&absolute);
        let usage = Usage::start(limits, &absolute)?;
        Ok(Files { state_dir: absolute, users, disk, usage, lock })
    }

    /// Leaves the directory to another process. The caller has closed every database; `is_settled` if every removal is on
    /// disk.
    pub(crate) fn release(&self, is_settled: bool) {
        if is_settled && let Err(error) = folders::mark_settled(&self.state_dir) {
            tracing::warn!(%error, "the next start syncs all folders, since the mark that it need not was not made");
        }
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the state directory stays locked until this process ends");
        }
    }

    /// Where the database of `label` is. The label must be one that `Labels` allows.
    pub(crate) fn locate(&self, label: &str) -> Location {
        #[cfg(feature = "sabotage")]
        let label = &*crate::sabotage::folded(label);
        let hash = Sha256::digest(label.as_bytes());
        let is_hashed = label.len() > MAX_PLAIN_BYTES;
        let name = if is_hashed { format!("user-~~{}.db", hex(&hash)) } else { format!("{label}.db") };
        let folder = folders::folder(&self.users, hash[0]);
        Location {
            file: folder.join(name),
            disk: self.disk.clone(),
            part: usage::Part::new(self.usage.clone(), hash[0]),
            is_unsettled: Cell::new(false),
            is_hashed,
            is_probe: label == PROBE,
        }
    }
}

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

    /// The write-ahead log of a database that SQLite has open.
    pub(crate) fn wal(&self) -> io::Result<WalFile> {
        Ok(WalFile {
            file: permissions::open_tightened(&self.beside("-wal"))?,
            folder: self.folder().to_owned(),
            disk: self.disk.clone(),
        })
    }

    /// Whether a crash or a failed sync left something in the WAL. For a database that is not open.
    pub(crate) fn has_wal(&self) -> bool {
        self.beside("-wal").metadata().is_ok_and(|wal| wal.len() > 0)
    }

    /// Brings what a crash or a failed sync left in the WAL onto the disk. It is written anew, since the kernel takes what it
    /// failed to write for written: a sync of the old file could succeed for nothing. On a full disk that fails, and the
    /// database cannot be used before there is room again: what it holds could not be promised. Says whether there is a WAL,
    /// be it empty: its last use then had no orderly end.
    pub(crate) fn renew_wal(&self) -> io::Result<bool> {
        let (wal, anew) = (self.beside("-wal"), self.beside("-wal-anew"));
        let old = match File::open(&wal) {
            Ok(old) if old.metadata()?.len() > 0 => old,
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        self.copy_durably(old, &anew).inspect_err(|_| {
            // It would take room that the next attempt needs, and may be removed later too.
            let _ = fs::remove_file(&anew);
        })?;
        fs::rename(&anew, &wal)?;
        self.sync_folder()?;
        Ok(true)
    }

    fn copy_durably(&self, mut old: File, anew: &Path) -> io::Result<()> {
        let mut new = File::options().create(true).truncate(true).write(true).mode(permissions::FILE).open(anew)?;
        // Not io::copy: where the file system shares blocks, that may write nothing.
        let mut piece = vec![0; 64 << 10];
        loop {
            match old.read(&mut piece)? {
                0 => break,
                read => new.write_all(piece.get(..read).unwrap_or_default())?,
            }
        }
        self.disk.sync_file(&new)
    }

    /// Removes the database, durably. The caller has closed it. That it was not there is no error.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.begin_count();
        // The database first: where a crash leaves only the others, the user is gone, and `remove_leftovers` cleans up.
        self.remove_file(&self.file)?;
        self.remove_leftovers()?;
        self.count();
        self.settle()
    }

    /// Whether a removal is not known to be on disk.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.is_unsettled.get()
    }

    /// Makes sure that what was removed does not come back.
    pub(crate) fn settle(&self) -> io::Result<()> {
        if self.is_unsettled() { self.sync_folder() } else { Ok(()) }
    }

    /// Removes what SQLite keeps beside a database and would read into a new one of the same name.
    pub(crate) fn remove_leftovers(&self) -> io::Result<()> {
        for suffix in ["-wal", "-wal-anew", "-shm", "-journal"] {
            self.remove_file(&self.beside(suffix))?;
        }
        Ok(())
    }

    /// What is in a file that no other handle is open on.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.file)
    }

    /// Makes a file that is not there, for its owner alone. Not synced.
    pub(crate) fn write_new(&self, bytes: &[u8]) -> io::Result<()> {
        File::options().write(true).create_new(true).mode(permissions::FILE).open(&self.file)?.write_all(bytes)
    }

    /// Brings what is in a new file onto the disk; not its name. Through the handle that holds it, which any other would
    /// take the lock from.
    pub(crate) fn sync(&self, lock: &FileLock) -> io::Result<()> {
        self.disk.sync_file(&lock.0)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.file.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.disk.sync_folder(&File::open(self.folder())?)?;
        self.is_unsettled.set(false);
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Ok(()) => self.is_unsettled.set(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl WalFile {
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.disk.sync_file(&self.file)
    }

    /// Makes sure that the file is found again.
    pub(crate) fn sync_name(&self) -> io::Result<()> {
        self.disk.sync_folder(&File::open(&self.folder)?)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
