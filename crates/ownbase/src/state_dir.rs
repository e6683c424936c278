//! Where the users' databases are, unless a flag says otherwise, and that nobody else may read what lies there.

use rustix::fs::{Mode, statvfs};
use rustix::process::umask;
use std::path::{Path, PathBuf};

/// What `--state-dir` says, or `.ownbase` beside the manifest.
pub(crate) fn of(given: Option<&Path>, manifest_folder: &Path) -> PathBuf {
    given.map_or_else(|| manifest_folder.join(".ownbase"), Path::to_owned)
}

/// Has this process make every file for its own user alone, whatever umask it was started with: wasmtime's and SQLite's
/// files too.
pub(crate) fn keep_to_ourselves() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Nine tenths of the file system on which a state directory is or will be, in bytes; 0 where nothing tells.
pub(crate) fn nine_tenths_bytes(state_dir: &Path) -> u64 {
    let place = state_dir.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or_else(|| PathBuf::from("."));
    statvfs(&place).map_or(0, |found| found.f_frsize.saturating_mul(found.f_blocks) / 10 * 9)
}
