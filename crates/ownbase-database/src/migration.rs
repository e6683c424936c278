//! Brings a user's database to the application's newest schema, on the first access by an instance.
//!
//! Each database says in its table `_migrations` which migrations it has. What is missing is applied in one
//! transaction with the rows that record it, so a database is always at a version, never between two.
//!
//! - **Races.** Two requests may find the same migrations missing. A migration's row is inserted before its statements
//!   run; the loser's insert fails, and it looks again. A row is inserted only where its predecessor is, so a database
//!   that was erased in between is not migrated from the middle.
//! - **Old and new builds side by side.** A database ahead of this build is used as it is while the highest
//!   `compatible_with` among its migrations is not above this build's newest; else it is refused and left untouched.
//! - **Warm requests pay nothing.** What has been checked is remembered ([`Environment::checked`]) for the life of the
//!   instance.
//!
//! A file without the table `_migrations` counts as no database. There is no way back to an older version.

use crate::{Database, Environment, Error, Label, Sql, Statement, Timestamp, Value};

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

/// Lost races before a caller is told so. Each means that somebody else got ahead.
const ATTEMPTS: usize = 16;

const TABLE: Sql = Sql::create(
    "CREATE TABLE IF NOT EXISTS _migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, \
     compatible_with INTEGER NOT NULL, applied INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS u._migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, \
     compatible_with INTEGER NOT NULL, applied INTEGER NOT NULL)",
);

const APPLIED: Sql = Sql::new("SELECT version, checksum, compatible_with FROM _migrations ORDER BY version");

// The name is NULL, which the table refuses, unless the migration before is there.
const RECORD: Sql = Sql::new(
    "INSERT INTO _migrations (version, name, checksum, compatible_with, applied) VALUES \
     (?1, CASE WHEN ?1 = 1 THEN ?2 ELSE (SELECT ?2 FROM _migrations WHERE version = ?1 - 1) END, ?3, ?4, ?5)",
);

/// Makes the database of `label` ready for this build's statements, and says whether there is one.
///
/// # Errors
/// [`Error::Newer`] or [`Error::Changed`] where this build must not work with the database, [`Error::Migration`] where
/// a statement failed; the database is then at the version before. [`Error::Busy`], [`Error::Full`] and
/// [`Error::TimedOut`] as from any statement. [`Error::Missing`] where the database lacks a table that it should have.
pub fn ready<E: Environment>(
    environment: &E,
    label: &Label,
    migrations: &'static [Migration],
    access: Access,
) -> Result<bool, Error> {
    if environment.checked().contains(label) {
        return Ok(true);
    }
    bring_up(environment, label, migrations, access, None)
}

/// Where a database stands towards a build's migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The newest migration that the database has, which may be a later build's; 0 where it has none.
    pub version: u32,
    /// How many of the build's it lacks; or why the build must not work with it: [`Error::Newer`], [`Error::Changed`].
    pub lacks: Result<usize, Error>,
}

/// Says by one read, and without changing anything, where the database of `label` stands; `None` where there is none.
///
/// # Errors
/// What the read answers.
pub fn standing<E: Environment>(
    environment: &E,
    label: &Label,
    migrations: &'static [Migration],
) -> Result<Option<Standing>, Error> {
    let Some(applied) = applied(&environment.open(label)?)? else { return Ok(None) };
    let version = applied.last().map_or(0, |newest| newest.version);
    let lacks = missing(&applied, migrations).map(|missing| missing.len());
    Ok(Some(Standing { version, lacks }))
}

/// Applies what is missing and `statement`, in one transaction: for a statement that answered [`Error::Missing`]
/// because the user was erased after [`ready`] had remembered the database.
///
/// # Errors
/// As [`ready`], and what `statement` answers.
pub fn recreate_with<E: Environment>(
    environment: &E,
    label: &Label,
    migrations: &'static [Migration],
    statement: Statement<'_>,
) -> Result<(), Error> {
    environment.checked().forget(label);
    bring_up(environment, label, migrations, Access::Create, Some(statement)).map(drop)
}

fn bring_up<E: Environment>(
    environment: &E,
    label: &Label,
    migrations: &'static [Migration],
    access: Access,
    last: Option<Statement<'_>>,
) -> Result<bool, Error> {
    let database = environment.open(label)?;
    let mut lost = Error::Busy;
    for _ in 0..ATTEMPTS {
        let applied = applied(&database)?;
        let exists = applied.is_some();
        let missing = missing(applied.as_deref().unwrap_or_default(), migrations)?;
        let nothing_to_do = exists && missing.is_empty() && last.is_none();
        match access {
            _ if nothing_to_do => {}
            Access::Inspect => return Ok(exists),
            Access::Open if !exists => return Ok(false),
            Access::Open | Access::Create => match apply(&database, exists, &missing, last, environment.now()) {
                Ok(()) => {}
                // Erased after it was read. It may be there again by now, as it was.
                Err(Error::Missing) if exists => {
                    lost = Error::Missing;
                    continue;
                }
                // Migrated after it was read: only RECORD touches the table, since a migration that names it does not
                // pass the build.
                Err(Error::Constraint(message)) if message.contains("_migrations.") => {
                    lost = Error::Busy;
                    continue;
                }
                Err(error) if last.is_none() => return Err(failure(error, &missing)),
                Err(error) => return Err(error),
            },
        }
        environment.checked().remember(label);
        return Ok(true);
    }
    Err(lost)
}

/// A row of `_migrations`, as far as it decides anything.
struct Applied {
    version: u32,
    checksum: String,
    compatible_with: u32,
}

/// The migrations that a database has; `None` where there is no database.
fn applied(database: &impl Database) -> Result<Option<Vec<Applied>>, Error> {
    let rows = match database.query(APPLIED, &[]) {
        Err(Error::Missing) => return Ok(None),
        rows => rows?,
    };
    let number = |integer: i64| {
        u32::try_from(integer).map_err(|_| Error::Failed {
            code: "SQLITE_MISMATCH".into(),
            message: format!("{integer} in _migrations is no version"),
        })
    };
    let applied = rows.into_iter().map(|mut row| {
        Ok(Applied { version: number(row.take(0)?)?, checksum: row.take(1)?, compatible_with: number(row.take(2)?)? })
    });
    applied.collect::<Result<_, Error>>().map(Some)
}

/// The build's migrations that the database lacks.
fn missing(applied: &[Applied], migrations: &'static [Migration]) -> Result<Vec<&'static Migration>, Error> {
    let build = migrations.last().map_or(0, |newest| newest.version);
    let database = applied.iter().map(|row| row.compatible_with).max().unwrap_or(0);
    if database > build {
        return Err(Error::Newer { database, build });
    }
    let mut missing = Vec::new();
    for migration in migrations {
        match applied.iter().find(|row| row.version == migration.version) {
            None => missing.push(migration),
            Some(row) if row.checksum == migration.checksum => {}
            Some(row) => {
                let (database, build) = (row.checksum.clone(), migration.checksum.into());
                return Err(Error::Changed { version: migration.version, database, build });
            }
        }
    }
    Ok(missing)
}

/// Applies `missing` and then `last` in one transaction.
fn apply(
    database: &impl Database,
    exists: bool,
    missing: &[&Migration],
    last: Option<Statement<'_>>,
    now: Timestamp,
) -> Result<(), Error> {
    let records: Vec<[Value; 5]> = missing.iter().map(|migration| record(migration, now)).collect();
    let mut batch = Vec::new();
    if !exists {
        batch.push(Statement { sql: TABLE, params: &[] });
    }
    for (migration, record) in missing.iter().zip(&records) {
        batch.push(Statement { sql: RECORD, params: record });
        batch.extend(migration.statements.iter().map(|sql| Statement { sql: *sql, params: &[] }));
    }
    batch.extend(last);
    database.batch(&batch)
}

fn record(migration: &Migration, Timestamp(now): Timestamp) -> [Value; 5] {
    [
        Value::Integer(migration.version.into()),
        Value::Text(migration.name.into()),
        Value::Text(migration.checksum.into()),
        Value::Integer(migration.compatible_with.into()),
        Value::Integer(now),
    ]
}

/// An error that passes, or that is the database's own, stays as it is. Every other error is the migration's fault.
fn failure(error: Error, missing: &[&Migration]) -> Error {
    match error {
        Error::Busy | Error::Full | Error::TimedOut | Error::Damaged { .. } => error,
        _ => Error::Migration { version: missing.last().map_or(0, |newest| newest.version), source: Box::new(error) },
    }
}
