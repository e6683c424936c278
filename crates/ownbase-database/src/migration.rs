//! (being written)
use crate::{Environment, Error, Label, Sql, Statement};

/// One migration, embedded at build time by `ownbase-sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its number: 1, 2, 3, … without gaps.
    pub version: u32,
    /// Its file's name without number and ending: `create_notes`.
    pub name: &'static str,
    /// SHA-256 of the file, in lower-case hex.
    pub checksum: &'static str,
    /// Builds whose newest migration is this number or later still work with a database that has this migration.
    pub compatible_with: u32,
    /// Its statements in order.
    pub statements: &'static [Sql],
}

/// How far [`ready`] may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Look only: refuse a database that this build cannot work with, change nothing.
    Inspect,
    /// Bring an existing database up to date; leave a missing one missing.
    Open,
    /// Bring an existing database up to date; make a missing one.
    Create,
}

/// Makes the database of `label` ready for this build's statements, and says whether there is one.
pub fn ready<E: Environment>(
    _environment: &E,
    _label: &Label,
    _migrations: &'static [Migration],
    _access: Access,
) -> Result<bool, Error> {
    Err(Error::Busy)
}

/// Applies what is missing and `statement`, in one transaction: for a statement that answered [`Error::Missing`]
/// because the user was erased after [`ready`] had remembered the database.
pub fn recreate_with<E: Environment>(
    _environment: &E,
    _label: &Label,
    _migrations: &'static [Migration],
    _statement: Statement<'_>,
) -> Result<(), Error> {
    let _ = Sql::new("");
    Err(Error::Busy)
}
