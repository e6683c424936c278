//! What a database can answer instead of rows.
//!
//! One enum for the port, so that an application decides by variant and never by message. Each engine maps its own
//! errors to these in one function, its `classify`. No variant carries a path; only [`Error::Failed`] and
//! [`Error::Damaged`] carry SQLite's message, which may quote SQL and is for logs, not for clients.

use thiserror::Error;

/// Why a database operation did not succeed. Nothing of a failed operation is stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The statement names a table that is not there: the user has no database yet, or it was erased meanwhile.
    #[error("no such table")]
    Missing,
    /// A UNIQUE, PRIMARY KEY, NOT NULL, CHECK or FOREIGN KEY constraint refused the row (`SQLITE_CONSTRAINT`), with
    /// SQLite's message, which names table and column.
    #[error("constraint failed: {0}")]
    Constraint(String),
    /// Somebody else kept the database locked past the busy time limit (`SQLITE_BUSY`, `SQLITE_LOCKED`). Try again.
    #[error("the database is busy")]
    Busy,
    /// The database, all databases together or the disk is at its limit (`SQLITE_FULL`).
    #[error("the database is full, or the server has no room left")]
    Full,
    /// The statement ran past its time limit and was interrupted (`SQLITE_INTERRUPT`).
    #[error("the statement ran past its time limit")]
    TimedOut,
    /// The database cannot be read, or has lost what it held (`SQLITE_CORRUPT`, `SQLITE_NOTADB`). It was left whole, and
    /// may be erased. With SQLite's code and the engine's message, for logs.
    #[error("{code}: {message}")]
    Damaged {
        /// SQLite's symbolic result code.
        code: String,
        /// The engine's message, for logs.
        message: String,
    },
    /// A newer build has migrated this database to where this build cannot follow. It was left untouched.
    #[error("the database needs a build with migration {database}; this build's newest is {build}")]
    Newer {
        /// The highest `compatible_with` among the migrations that the database has.
        database: u32,
        /// The newest migration of this build.
        build: u32,
    },
    /// The database has a migration whose text differs from this build's migration of the same number.
    #[error("migration {version} was applied with checksum {database}; this build's has {build}")]
    Changed {
        /// The migration's number.
        version: u32,
        /// The checksum that the database remembers.
        database: String,
        /// The checksum of this build's migration.
        build: String,
    },
    /// A migration failed; the database is at the version before.
    #[error("migration to version {version} failed: {source}")]
    Migration {
        /// The newest migration that was to be applied.
        version: u32,
        /// What the failing statement answered.
        source: Box<Error>,
    },
    /// Anything else, with SQLite's symbolic code (`SQLITE_IOERR`) where the engine knows one, else its own name.
    #[error("{code}: {message}")]
    Failed {
        /// SQLite's symbolic result code, or the engine's name for its own refusal.
        code: String,
        /// The engine's message, for logs.
        message: String,
    },
}
