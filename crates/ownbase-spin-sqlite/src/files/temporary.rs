//! `STATE_DIR/tmp`, where SQLite puts its temporary files: sorts and subqueries that do not fit into memory.
//!
//! SQLite removes the name of such a file as soon as it has opened it, so the folder looks empty, and the file goes with its
//! statement. A kill between the two leaves a name, which the next start removes; only what SQLite names `etilqs_…` is
//! removed. How much the files may take is bounded elsewhere (`spill.rs`).
//!
//! SQLite has one folder for the whole process. Where a process has several state directories, that of the one opened first
//! is used until it is closed, and then that of the next.
//!
//! <https://sqlite.org/tempfiles.html>, <https://sqlite.org/pragma.html#pragma_temp_store_directory>

use super::permissions;
use rusqlite::Connection;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What SQLite's names of temporary files begin with.
pub(crate) const PREFIX: &str = "etilqs_";

/// The folders of this process, in the order in which they were opened.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A folder that SQLite may use until this is dropped.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// Makes the folder in a state directory that this process holds, and removes what a kill left in it. Where that fails,
    /// SQLite takes another folder, which the log says: reading and erasing must not depend on it.
    pub(crate) fn open(state_dir: &Path) -> Temporary {
        let folder = state_dir.join("tmp");
        if let Err(error) = permissions::make_folder(&folder).and_then(|_| remove_left(&folder)) {
            tracing::warn!(%error, "SQLite's temporary files may be outside the state directory, whose tmp is not usable");
        }
        change(|folders| folders.push(folder.clone()));
        Temporary(folder)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        change(|folders| {
            if let Some(place) = folders.iter().position(|folder| *folder == self.0) {
                folders.remove(place);
            }
        });
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

/// Changes the list, and tells SQLite if the first folder is another one then.
fn change(change: impl FnOnce(&mut Vec<PathBuf>)) {
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let before = folders.first().cloned();
    change(&mut folders);
    let now = folders.first();
    if now != before.as_ref()
        && let Err(error) = tell(now.map_or(Path::new(""), PathBuf::as_path))
    {
        tracing::warn!(%error, "SQLite's temporary files may be outside the state directory");
    }
}

/// SQLite guards the name by a lock of its own, so other threads may use SQLite meanwhile.
fn tell(folder: &Path) -> rusqlite::Result<()> {
    let folder = folder.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(folder.to_owned()))?;
    Connection::open_in_memory()?.pragma_update(None, "temp_store_directory", folder)
}
