//! Where a dry run tries its copies: a state directory within the state directory, for the operator's eyes only, which
//! goes with the dry run. What a crash left of it goes with the next roll-out, or when a server starts.

use super::plan::Action;
use anyhow::{Context, Result};
use ownbase_spin_sqlite::{Databases, Limits};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder's name.
const FOLDER: &str = "dry-run";

/// Databases that exist for a moment each.
pub(crate) struct Copies {
    folder: PathBuf,
    databases: Databases,
}

impl Copies {
    /// Beside the databases of a state directory, which this process holds, if `action` needs any.
    pub(crate) fn beside(state_dir: &Path, action: Action, mut limits: Limits) -> Result<Option<Self>> {
        if action != Action::Status {
            remove_left(state_dir)?;
        }
        if action != Action::DryRun {
            return Ok(None);
        }
        let folder = state_dir.join(FOLDER);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make {} for the copies (free some space?)", folder.display()))?;
        // They are few at a time, and gone soon.
        (limits.max_users, limits.max_state_bytes) = (0, 0);
        let databases = Databases::open(&folder, limits)?;
        Ok(Some(Self { folder, databases }))
    }

    pub(crate) fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Removes whatever is left.
    pub(crate) fn remove(self) -> Result<()> {
        remove(&self.folder)
    }
}

/// Removes what a crash left. Only whoever holds the state directory may, and only while no dry run is under way.
pub(crate) fn remove_left(state_dir: &Path) -> Result<()> {
    remove(&state_dir.join(FOLDER))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove the copies in {} (remove the folder)", folder.display()))
        }
        _ => Ok(()),
    }
}
