//! The folders of a state directory: that they are there, and that what the process before did in them is on disk.
//!
//! A process that is killed may have removed a user's file and not yet synced that. The next one finds no file and says
//! so, and a power cut would bring the file back. So a start syncs all folders before anything is said of what is in
//! them, unless the mark `STATE_DIR/settled` says that nothing was left to sync: it is made when a process leaves the
//! directory in good order, and taken away by the next before it changes anything.
//!
//! The mark itself is never synced. A power cut leaves nothing that would have to be: whichever state of the mark is
//! found then, what is in the folders is what is on the disk.

use super::{Disk, permissions};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

const MARK: &str = "settled";

/// Makes what is missing of the 256 folders, and brings onto the disk what may not be there. Says whether the process
/// before left the directory in good order.
pub(super) fn prepare(disk: &dyn Disk, state_dir: &Path, users: &Path) -> io::Result<bool> {
    let is_settled = take_mark(state_dir)?;
    let mut has_made = permissions::make_folder(users)?;
    for folder in (0..=u8::MAX).map(|byte| folder(users, byte)) {
        if permissions::make_folder(&folder)? {
            // Empty: its name is enough, which is in `users`.
            has_made = true;
        } else if !is_settled {
            sync(disk, &folder)?;
        }
    }
    if has_made || !is_settled {
        sync(disk, users)?;
        sync(disk, state_dir)?;
        sync_parent(disk, state_dir)?;
    }
    Ok(is_settled)
}

/// Notes that all that was done in the folders is on disk.
pub(super) fn mark_settled(state_dir: &Path) -> io::Result<()> {
    permissions::make_file(&state_dir.join(MARK))
}

/// The folder whose number is the first byte of a label's hash.
pub(super) fn folder(users: &Path, byte: u8) -> PathBuf {
    users.join(format!("{byte:02x}"))
}

/// The folder in which a file is.
pub(super) fn of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

fn take_mark(state_dir: &Path) -> io::Result<bool> {
    match fs::remove_file(state_dir.join(MARK)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The state directory's own name. Who may not read the folder in which it is was given it by somebody else.
fn sync_parent(disk: &dyn Disk, state_dir: &Path) -> io::Result<()> {
    match state_dir.parent().map(|parent| sync(disk, parent)) {
        Some(Err(error)) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// Brings the names in a folder onto the disk.
pub(super) fn sync(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    disk.sync_folder(&File::open(folder)?)
}
