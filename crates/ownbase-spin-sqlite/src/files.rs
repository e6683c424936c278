//! The state directory: which file a label's database is, and everything done to files other than through SQLite.
//!
//! ```text
//! STATE_DIR/lock                  held by the process that uses the directory
//! STATE_DIR/format                the number of this layout (`format.rs`)
//! STATE_DIR/settled               the process before left nothing to sync (`folders.rs`)
//! STATE_DIR/marks                 how far each log is on disk (`marks.rs`)
//! STATE_DIR/quarantine/           what is kept of damaged databases (`quarantine.rs`)
//! STATE_DIR/users/3f/user-x.db    3f: first byte of the label's SHA-256, in hex
//! STATE_DIR/users/3f/user-x.db-wal    SQLite's own, while the database is open
//! STATE_DIR/users/3f/user-x.db-making, -erased    one that is being made, or erased (`location.rs`)
//! STATE_DIR/tmp                   SQLite's temporary files (`temporary.rs`)
//! ```
//!
//! All 256 folders are made and synced at the first start, so that a new database needs a sync of its own folder only, and
//! a million of them stay listable. A label longer than 200 bytes has its hash for a file name (`user-~~` and 64 hex
//! digits, a label that `labels.rs` denies) and keeps itself inside its database. Nothing else in this crate makes or
//! removes a path.

mod folders;
mod format;
mod kept;
mod location;
mod marks;
pub(crate) mod permissions;
mod quarantine;
mod recovery;
pub(crate) mod spill;
mod sweep;
mod taking;
mod temporary;
mod usage;
mod wal;
mod wal_file;

use crate::{Limits, state_error::StateError};
pub(crate) use kept::{Kept, KeptLabel};
pub(crate) use location::{FileLock, Location};
use marks::Marks;
pub(crate) use marks::{Key, Mark};
use quarantine::Quarantine;
pub(crate) use recovery::Wal;
use sha2::{Digest, Sha256};
use std::{
    cell::Cell,
    ffi::OsStr,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
pub(crate) use usage::Usage;
pub(crate) use wal_file::WalFile;

/// Labels up to this many bytes are file names themselves; with `.db-wal` they stay below the usual 255.
const MAX_PLAIN_BYTES: usize = 200;

/// The beginning of the name of a file with a long label.
const HASHED: &str = "user-~~";

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
    shared: Arc<Shared>,
    /// The lock ends with the process, however it ends.
    lock: File,
}

/// The parts that all databases of a state directory share.
struct Shared {
    disk: Arc<dyn Disk>,
    marks: Marks,
    quarantine: Quarantine,
    usage: Arc<Usage>,
}

impl Files {
    /// Makes what is missing of the directory, and takes it for this process.
    pub(crate) fn open(disk: Arc<dyn Disk>, state_dir: &Path, limits: &Limits) -> Result<Files, StateError> {
        let unusable = |error| StateError::unusable(state_dir, error);
        let (absolute, lock) = taking::take(state_dir)?;
        let users = absolute.join("users");
        format::settle(&absolute, users.is_dir())?;
        let is_settled = folders::prepare(&*disk, &absolute, &users).map_err(unusable)?;
        temporary::prepare(&absolute);
        let marks = Marks::open(absolute.join("marks")).map_err(unusable)?;
        let quarantine = Quarantine::open(absolute.join("quarantine")).map_err(unusable)?;
        let shared = Arc::new(Shared { disk, marks, quarantine, usage: Usage::new(limits) });
        let files = Files { state_dir: absolute, users, shared, lock };
        #[cfg(feature = "sabotage")]
        let is_settled = is_settled || crate::sabotage::leaves_erases();
        if !is_settled {
            files.sweep().map_err(unusable)?;
        }
        files.shared.usage.start(&files.state_dir)?;
        Ok(files)
    }

    /// How far each log is on disk, for the gate to note.
    pub(crate) fn marks(&self) -> &Marks {
        &self.shared.marks
    }

    /// Databases that were set aside as damaged.
    pub(crate) fn set_aside(&self) -> usize {
        self.shared.quarantine.count()
    }

    /// Leaves the directory to another process. The caller has closed every database; `is_settled` if every removal is on
    /// disk.
    pub(crate) fn release(&self, is_settled: bool) {
        if is_settled && let Err(error) = self.shared.marks.settle() {
            tracing::warn!(%error, "the marks of logs were not written anew; those of logs that are gone stay behind");
        }
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
        let hash: [u8; 32] = Sha256::digest(label.as_bytes()).into();
        let [number, ..] = hash;
        let is_hashed = label.len() > MAX_PLAIN_BYTES;
        let name = if is_hashed { format!("{HASHED}{}.db", hex(&hash)) } else { format!("{label}.db") };
        let file = folders::folder(&self.users, number).join(name);
        self.location(file, number, key(&hash), is_hashed, label == PROBE)
    }

    fn location(&self, file: PathBuf, folder: u8, key: Key, is_hashed: bool, is_probe: bool) -> Location {
        let part = usage::Part::new(self.shared.usage.clone(), folder);
        Location { file, key, shared: self.shared.clone(), part, is_unsettled: Cell::new(false), is_hashed, is_probe }
    }
}

/// A database's name without its folders, for the log.
fn shown(file: &Path) -> String {
    file.file_stem().map(OsStr::to_string_lossy).unwrap_or_default().into_owned()
}

fn key(hash: &[u8; 32]) -> Key {
    hash.first_chunk().copied().unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
