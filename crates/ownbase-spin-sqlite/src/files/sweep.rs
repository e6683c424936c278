//! What a start does after a stop that was not orderly: it finishes erases, clears away what was being made, and notes how
//! far each log holds.
//!
//! Only names decide. A log without its database is not removed but set aside, since nobody knows what it holds.

use super::{
    Files, Key, Mark, folders,
    location::{ERASED, MAKING, WAL, WAL_ANEW, remove_if_there},
    shown,
};
use std::{collections::HashSet, fs, io, path::Path};

impl Files {
    /// Goes through all folders. A million users take some seconds.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let mut marks = Vec::new();
        (0..=u8::MAX).try_for_each(|folder| self.sweep_folder(folder, &mut marks))?;
        if marks.is_empty() { Ok(()) } else { self.shared.marks.keep(&marks) }
    }

    fn sweep_folder(&self, number: u8, marks: &mut Vec<(Key, Mark)>) -> io::Result<()> {
        let folder = folders::folder(&self.users, number);
        let names = names(&folder)?;
        let mut has_changed = false;
        for name in &names {
            if let Some(database) = name.strip_suffix(ERASED) {
                self.at(database, number).clear()?;
            } else if name.ends_with(MAKING) || name.ends_with(WAL_ANEW) {
                has_changed |= remove_if_there(&folder.join(name))?;
            } else if let Some(database) = name.strip_suffix(WAL)
                && database.ends_with(".db")
                && !names.contains(&format!("{database}{ERASED}"))
            {
                let location = self.at(database, number);
                if !names.contains(database) {
                    location.clear()?;
                    continue;
                }
                match location.settle_log() {
                    Ok(mark) => marks.extend(mark),
                    // Whoever opens the database meets it again.
                    Err(error) => tracing::warn!(%error, "the log of {} cannot be read", shown(location.file())),
                }
            }
        }
        if has_changed { folders::sync(&*self.shared.disk, &folder) } else { Ok(()) }
    }
}

/// The names in a folder that a database's could be.
fn names(folder: &Path) -> io::Result<HashSet<String>> {
    let mut names = HashSet::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}
