//! Opening a database only to look at it: no byte of its files changes, and none of them is made.

use super::{Connection, open_file};
use crate::{Limits, durability, errors::Error};
use rusqlite::OpenFlags;
use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

impl Connection {
    /// Opens a database that exists, to read it. What a crash left in its WAL is read, and stays there.
    pub(crate) fn look(file: &Path, has_wal: bool, limits: &Limits) -> Result<Connection, Error> {
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let sqlite = match has_wal {
            true => open_file(file, read_only)?,
            false => open_file(&immutable(file), read_only | OpenFlags::SQLITE_OPEN_URI)?,
        };
        durability::only_read(&sqlite)?;
        Ok(Connection::ready(sqlite, limits)?)
    }
}

/// Tells SQLite that nobody writes to the file: else it would make a WAL beside it, though only to read.
///
/// <https://sqlite.org/uri.html#uriimmutable>
fn immutable(file: &Path) -> PathBuf {
    let mut uri = b"file:".to_vec();
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'%' => uri.extend(b"%25"),
            b'?' => uri.extend(b"%3f"),
            b'#' => uri.extend(b"%23"),
            other => uri.push(*other),
        }
    }
    uri.extend(b"?immutable=1");
    OsString::from_vec(uri).into()
}
