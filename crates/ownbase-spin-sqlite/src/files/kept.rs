//! Which files are in a folder of users' databases.

use super::{Files, Location, MAX_PLAIN_BYTES, hex};
use sha2::{Digest, Sha256};
use std::{cell::Cell, fs, io};

/// A database's file.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Its name.
    pub(crate) file: String,
    /// Its label, unless that is kept inside.
    pub(crate) label: Option<String>,
}

/// What the name of a file with a long label begins with.
const HASHED: &str = "user-~~";

impl Files {
    /// The databases' files in a folder, in any order; what else lies there is passed over.
    pub(crate) fn kept(&self, folder: u8) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(self.users.join(format!("{folder:02x}")))? {
            // No name of ours is anything but ASCII.
            let Ok(file) = entry?.file_name().into_string() else { continue };
            if let Some(name) = file.strip_suffix(".db") {
                let label = if name.starts_with(HASHED) { None } else { Some(name.to_owned()) };
                kept.push(Kept { file, label });
            }
        }
        Ok(kept)
    }

    /// Whether a label's database is in this folder, if it is anywhere.
    pub(crate) fn is_in(&self, label: &str, folder: u8) -> bool {
        Sha256::digest(label.as_bytes()).first() == Some(&folder)
    }

    /// A file that [`Files::kept`] found, of a label that is kept inside.
    pub(crate) fn hashed(&self, file: &str, folder: u8) -> Location {
        let file = self.users.join(hex(&[folder])).join(file);
        Location { file, disk: self.disk.clone(), is_unsettled: Cell::new(false), is_hashed: true, is_probe: false }
    }
}

impl Location {
    /// Whether a label is kept inside its database.
    pub(crate) fn is_long(label: &str) -> bool {
        label.len() > MAX_PLAIN_BYTES
    }

    /// Removes what a copy that failed has left.
    pub(crate) fn discard(&self) {
        if let Err(error) = fs::remove_file(&self.file) {
            tracing::warn!(%error, "a copy that failed was left behind");
        }
    }
}
