//! Where the users' databases are, unless a flag says otherwise.

use std::path::{Path, PathBuf};

/// What `--state-dir` says, or `.ownbase` beside the manifest.
pub(crate) fn of(given: Option<&Path>, manifest_folder: &Path) -> PathBuf {
    given.map_or_else(|| manifest_folder.join(".ownbase"), Path::to_owned)
}
