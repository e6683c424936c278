//! Taking a state directory for this process: it is made if it is missing, must be nobody else's, and is locked.

use super::permissions;
use crate::state_error::StateError;
use rustix::process::geteuid;
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The bit of a mode that lets everybody write.
const ALL_WRITE: u32 = 0o002;

/// Takes a directory, which may be named by a link. Returns its absolute path, and what holds it until dropped.
pub(super) fn take(state_dir: &Path) -> Result<(PathBuf, File), StateError> {
    let unusable = |source| StateError::unusable(state_dir, source);
    permissions::make_state_dir(state_dir).map_err(unusable)?;
    // Absolute: SQLite takes a path that begins with `file:` for a URI.
    let path = state_dir.canonicalize().map_err(unusable)?;
    refuse_if_others_rule(&path, state_dir)?;
    let lock = lock(&path.join("lock")).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StateError::Locked { path: state_dir.to_owned() }),
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    permissions::tighten_state_dir(&path).map_err(unusable)?;
    Ok((path, lock))
}

/// Whoever owns a directory, or may write to it, can put anything in the place of what is in it.
fn refuse_if_others_rule(path: &Path, state_dir: &Path) -> Result<(), StateError> {
    let unusable = |source| StateError::unusable(state_dir, source);
    let found = fs::metadata(path).map_err(unusable)?;
    let user = geteuid().as_raw();
    if found.uid() != user && found.uid() != 0 {
        return Err(StateError::Foreign { path: state_dir.to_owned(), owner: found.uid(), user });
    }
    if found.is_dir() && found.mode() & ALL_WRITE != 0 {
        return Err(StateError::Exposed { path: state_dir.to_owned() });
    }
    Ok(())
}

fn lock(path: &Path) -> io::Result<File> {
    let lock = File::options().create(true).truncate(false).write(true).mode(permissions::FILE).open(path)?;
    permissions::tighten_file(&lock, path)?;
    Ok(lock)
}
