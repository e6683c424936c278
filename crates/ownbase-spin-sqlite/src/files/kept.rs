//! Which files are in a folder of users' databases.

use super::{Files, HASHED, Location, MAX_PLAIN_BYTES, folders, key};
use crate::labels::is_label;
use sha2::{Digest, Sha256};
use std::{fs, io};

/// A database's file.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Its name.
    pub(crate) file: String,
    /// Whose it is.
    pub(crate) label: KeptLabel,
}

/// What a file's name says of its label.
#[derive(Debug)]
pub(crate) enum KeptLabel {
    Plain(String),
    /// It is kept inside.
    Inside,
    /// Nothing of ours has such a name, or it is no file.
    None,
}

impl Files {
    /// The databases' files in a folder, in any order; and what else ends in `.db`.
    pub(crate) fn kept(&self, folder: u8) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(folders::folder(&self.users, folder))? {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().into_owned();
            if let Some(name) = file.strip_suffix(".db") {
                let label = match name.strip_prefix(HASHED) {
                    // Behind a link, too, there may be a file.
                    _ if !entry.file_type()?.is_file() && !entry.path().is_file() => KeptLabel::None,
                    Some(hash) if is_hash(hash) => KeptLabel::Inside,
                    None if is_label(name) => KeptLabel::Plain(name.to_owned()),
                    _ => KeptLabel::None,
                };
                kept.push(Kept { file, label });
            }
        }
        Ok(kept)
    }

    /// The folder in which a label's database is, if it is anywhere.
    pub(crate) fn folder_of(&self, label: &str) -> Option<u8> {
        Sha256::digest(label.as_bytes()).first().copied()
    }

    /// A database's file in a folder, whatever its label is.
    pub(crate) fn at(&self, file: &str, folder: u8) -> Location {
        let name = file.strip_suffix(".db").unwrap_or(file);
        let hash = name.strip_prefix(HASHED).filter(|hash| is_hash(hash));
        let key = hash.and_then(unhex).unwrap_or_else(|| key(&Sha256::digest(name.as_bytes()).into()));
        self.location(folders::folder(&self.users, folder).join(file), folder, key, hash.is_some(), false)
    }
}

fn unhex(hash: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    for (byte, digits) in bytes.iter_mut().zip(hash.as_bytes().as_chunks::<2>().0) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
