//! What a call answers instead of a result, and how SQLite's and the file system's errors become it.
//!
//! The interface has only text for most errors, so every text begins with SQLite's symbolic code and a colon
//! (`SQLITE_BUSY: …`): a caller can tell errors apart without reading prose. Only the primary code is named; what a
//! constraint was about stands in SQLite's message. A full disk and a database at its size limit are both `database-full`.
//! Nothing here names a path.

use crate::bindings::spin::sqlite::sqlite;
use rusqlite::ffi;
use std::{fmt, io};

/// What a call answers instead of a result.
#[derive(Debug)]
pub(crate) enum Error {
    /// The component may not open this label, or nobody may.
    AccessDenied,
    /// The disk or the database's size limit is reached.
    DatabaseFull,
    /// Anything else: SQLite's primary code, and a message.
    Sqlite { code: i32, message: String },
    /// A fault of the host: traps the guest.
    Trap(wasmtime::Error),
}

impl Error {
    /// For errors that SQLite itself did not raise.
    pub(crate) fn new(code: i32, message: impl fmt::Display) -> Error {
        match code & 0xff {
            ffi::SQLITE_FULL => Error::DatabaseFull,
            code => Error::Sqlite { code, message: message.to_string() },
        }
    }

    /// The database cannot be read as what it is, and was left whole.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Error::Sqlite { code: ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB, .. })
    }

    /// SQLite's symbolic code, a colon, a message: what the interface has for such an error.
    pub(crate) fn text(code: i32, message: &str) -> String {
        format!("{}: {message}", symbol(code))
    }

    /// The database stayed in use by others for longer than a caller waits.
    pub(crate) fn busy(message: impl fmt::Display) -> Error {
        Error::new(ffi::SQLITE_BUSY, message)
    }

    /// A time limit passed, or the request is over.
    pub(crate) fn interrupted(message: impl fmt::Display) -> Error {
        Error::new(ffi::SQLITE_INTERRUPT, message)
    }

    /// The guest asked for something that this host does not do.
    pub(crate) fn misuse(message: impl fmt::Display) -> Error {
        Error::new(ffi::SQLITE_MISUSE, message)
    }

    /// For the host's log.
    pub(crate) fn shown(&self) -> String {
        match self {
            Error::AccessDenied => "access-denied: this label may not be opened".to_owned(),
            Error::DatabaseFull => "SQLITE_FULL: database or disk is full".to_owned(),
            Error::Sqlite { code, message } => Error::text(*code, message),
            Error::Trap(error) => format!("SQLITE_INTERNAL: {error}"),
        }
    }

    /// As the guest sees it.
    pub(crate) fn into_guest(self) -> wasmtime::Result<sqlite::Error> {
        match self {
            Error::AccessDenied => Ok(sqlite::Error::AccessDenied),
            Error::DatabaseFull => Ok(sqlite::Error::DatabaseFull),
            Error::Sqlite { code, message } => Ok(sqlite::Error::Io(Error::text(code, &message))),
            Error::Trap(error) => Err(error),
        }
    }
}

/// Whether SQLite stopped because it was told to.
pub(crate) fn is_interrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

/// Whether a value or a row was larger than it may be.
pub(crate) fn is_too_large(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::TooBig)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        match error {
            rusqlite::Error::SqliteFailure(failure, message) => failed(failure, message),
            rusqlite::Error::SqlInputError { error, msg, .. } => failed(error, Some(msg)),
            rusqlite::Error::MultipleStatement => Error::misuse("only one statement may be run at a time"),
            rusqlite::Error::Empty => Error::misuse("there is no statement to run"),
            rusqlite::Error::InvalidParameterCount(given, wanted) => Error::new(
                ffi::SQLITE_RANGE,
                format_args!("the statement has {wanted} parameters, but {given} values were given"),
            ),
            other => Error::new(ffi::SQLITE_ERROR, other),
        }
    }
}

fn failed(failure: ffi::Error, message: Option<String>) -> Error {
    // No space for the shared-memory file is the one way in which SQLite reports a full disk under another code.
    if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE {
        return Error::DatabaseFull;
    }
    match message {
        Some(message) => Error::new(failure.extended_code, message),
        None => Error::new(failure.extended_code, ffi::code_to_str(failure.extended_code)),
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DatabaseFull,
            // The kind alone: the full text may hold a path.
            kind => Error::new(ffi::SQLITE_IOERR, kind),
        }
    }
}

impl From<wasmtime::component::ResourceTableError> for Error {
    fn from(error: wasmtime::component::ResourceTableError) -> Error {
        Error::Trap(error.into())
    }
}

/// SQLite's name for a primary result code.
fn symbol(code: i32) -> &'static str {
    match code {
        ffi::SQLITE_INTERNAL => "SQLITE_INTERNAL",
        ffi::SQLITE_PERM => "SQLITE_PERM",
        ffi::SQLITE_ABORT => "SQLITE_ABORT",
        ffi::SQLITE_BUSY => "SQLITE_BUSY",
        ffi::SQLITE_LOCKED => "SQLITE_LOCKED",
        ffi::SQLITE_NOMEM => "SQLITE_NOMEM",
        ffi::SQLITE_READONLY => "SQLITE_READONLY",
        ffi::SQLITE_INTERRUPT => "SQLITE_INTERRUPT",
        ffi::SQLITE_IOERR => "SQLITE_IOERR",
        ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
        ffi::SQLITE_NOTFOUND => "SQLITE_NOTFOUND",
        ffi::SQLITE_FULL => "SQLITE_FULL",
        ffi::SQLITE_CANTOPEN => "SQLITE_CANTOPEN",
        ffi::SQLITE_PROTOCOL => "SQLITE_PROTOCOL",
        ffi::SQLITE_SCHEMA => "SQLITE_SCHEMA",
        ffi::SQLITE_TOOBIG => "SQLITE_TOOBIG",
        ffi::SQLITE_CONSTRAINT => "SQLITE_CONSTRAINT",
        ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
        ffi::SQLITE_MISUSE => "SQLITE_MISUSE",
        ffi::SQLITE_NOLFS => "SQLITE_NOLFS",
        ffi::SQLITE_AUTH => "SQLITE_AUTH",
        ffi::SQLITE_RANGE => "SQLITE_RANGE",
        ffi::SQLITE_NOTADB => "SQLITE_NOTADB",
        _ => "SQLITE_ERROR",
    }
}
