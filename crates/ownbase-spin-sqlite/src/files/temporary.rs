//! `STATE_DIR/tmp`, where SQLite puts its temporary files: sorts and subqueries that do not fit into memory.
//!
//! Such a file has no name, or loses it as soon as it is open, so the folder looks empty, and the file goes with its
//! statement. Where a file system makes no files without a name, a kill may leave one, which the next start removes; only
//! what SQLite calls `etilqs_…` is removed. How much the files may take is bounded elsewhere (`spill.rs`).
//!
//! SQLite has one folder for the whole process, and reads its name without a lock. So the name is set once, when the first
//! state directory is opened, and never changed: of several in one process the first one's folder is used by all.
//!
//! <https://sqlite.org/tempfiles.html>, <https://sqlite.org/pragma.html#pragma_temp_store_directory>

use super::permissions;
use rusqlite::Connection;
use std::{
    fs, io,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// What SQLite's names of temporary files begin with, where they have one.
pub(super) const PREFIX: &str = "etilqs_";

/// Whether SQLite has been told of a folder.
static IS_TOLD: Mutex<bool> = Mutex::new(false);

/// Makes the folder in a state directory that this process holds, removes what a kill left in it, and has SQLite use it. Where
/// that fails, SQLite takes another folder, which the log says: reading and erasing must not depend on it.
pub(super) fn prepare(state_dir: &Path) {
    let folder = state_dir.join("tmp");
    if let Err(error) = permissions::make_folder(&folder).and_then(|_| remove_left(&folder)) {
        tracing::warn!(%error, "the folder tmp of the state directory is not as it should be");
    }
    let mut is_told = IS_TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_told {
        match tell(&folder) {
            Ok(()) => *is_told = true,
            Err(error) => tracing::warn!(%error, "SQLite's temporary files may be outside the state directory"),
        }
    }
}

fn remove_left(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn tell(folder: &Path) -> rusqlite::Result<()> {
    let folder = folder.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(folder.to_owned()))?;
    Connection::open_in_memory()?.pragma_update(None, "temp_store_directory", folder)
}
