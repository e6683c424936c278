//! The state directory: which file a label's database is, and everything done to files other than through SQLite.
//!
//! ```text
//! STATE_DIR/lock                  held by the process that uses the directory
//! STATE_DIR/users/3f/user-x.db    3f: first byte of the label's SHA-256, in hex
//! STATE_DIR/users/3f/user-x.db-wal, -shm    SQLite's own, while the database is open
//! ```
//!
//! All 256 folders are made and synced once, so that a new database needs a sync of its own folder only, and a million of
//! them stay listable. A label longer than 200 bytes has its hash for a file name (`user-~~` and 64 hex digits, a label
//! that `labels.rs` denies) and keeps itself inside its database. Nothing else in this crate makes or removes a path.

use crate::state_error::StateError;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// Labels up to this many bytes are file names themselves; with `.db-wal` they stay below the usual 255.
const MAX_PLAIN_BYTES: usize = 200;

/// The one label that components open to ask whether labels open on demand; it never has a file.
const PROBE: &str = "user-~";

/// A state directory that this process holds.
#[derive(Debug)]
pub(crate) struct Files {
    users: PathBuf,
    /// The lock ends with the process, however it ends.
    lock: File,
}

/// Where a label's database is, whether it exists or not.
#[derive(Debug)]
pub(crate) struct Location {
    file: PathBuf,
    /// The file's name is a hash, so the label must be kept inside.
    pub(crate) is_hashed: bool,
    /// Never to be made.
    pub(crate) is_probe: bool,
}

impl Files {
    /// Makes what is missing of the directory, and takes it for this process.
    pub(crate) fn open(state_dir: &Path) -> Result<Files, StateError> {
        let unusable = |source| StateError::Unusable { path: state_dir.to_owned(), source };
        fs::create_dir_all(state_dir).map_err(unusable)?;
        // Absolute: SQLite takes a path that begins with `file:` for a URI.
        let state_dir = state_dir.canonicalize().map_err(unusable)?;
        let lock = lock(&state_dir.join("lock"), &state_dir)?;
        let users = state_dir.join("users");
        make_folders(&state_dir, &users).map_err(unusable)?;
        Ok(Files { users, lock })
    }

    /// Leaves the directory to another process. The caller has closed every database.
    pub(crate) fn release(&self) {
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
        let folder = self.users.join(hex(&hash[..1]));
        Location { file: folder.join(name), is_hashed, is_probe: label == PROBE }
    }
}

impl Location {
    /// The database's file, for SQLite to open.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn exists(&self) -> io::Result<bool> {
        self.file.try_exists()
    }

    /// Removes the database, durably. The caller has closed it. That it was not there is no error.
    pub(crate) fn remove(&self) -> io::Result<()> {
        // The database first: where a crash leaves only the others, the user is gone, and `remove_leftovers` cleans up.
        let existed = remove_file(&self.file)?;
        if self.remove_leftovers()? || existed {
            self.sync_folder()?;
        }
        Ok(())
    }

    /// Removes what SQLite keeps beside a database and would read into a new one of the same name.
    pub(crate) fn remove_leftovers(&self) -> io::Result<bool> {
        let mut removed = false;
        for suffix in ["-wal", "-shm", "-journal"] {
            let mut beside = self.file.clone().into_os_string();
            beside.push(suffix);
            removed |= remove_file(Path::new(&beside))?;
        }
        Ok(removed)
    }

    /// Makes a database that was just made, and is closed, stay after a power cut. (Were it open, closing this second
    /// handle would drop SQLite's locks on it.)
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.file)?.sync_all()?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        match self.file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock(path: &Path, state_dir: &Path) -> Result<File, StateError> {
    let unusable = |source| StateError::Unusable { path: state_dir.to_owned(), source };
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::Locked { path: state_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn make_folders(state_dir: &Path, users: &Path) -> io::Result<()> {
    let mut made = make_folder(users)?;
    for byte in 0..=u8::MAX {
        made |= make_folder(&users.join(format!("{byte:02x}")))?;
    }
    if made {
        File::open(users)?.sync_all()?;
        File::open(state_dir)?.sync_all()?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> io::Result<bool> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

fn remove_file(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
