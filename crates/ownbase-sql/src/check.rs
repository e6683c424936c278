//! Applies the migrations in memory, as they would be applied to a user's database, and cuts them into statements.
//!
//! Each file is one transaction, on a plain database and on one attached as `u`; after each the two schemas must be
//! the same. A fault ends its file, and the files after it are only checked for their names, numbers and checksums,
//! since what they would be applied to is not there.

use std::path::Path;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection};

use crate::attached::attached_form;
use crate::fault::{Error, Fault};
use crate::folder::{self, File};
use crate::sandbox::Sandbox;
use crate::tokens::{Kind, Token, significant, tokens};

/// The longest statement that a Durable Object takes, in bytes.
pub(crate) const MAX_STATEMENT_BYTES: usize = 100_000;

/// What a statement of a migration may begin with. The rest ends or begins transactions (a migration is one already),
/// changes the connection, or changes nothing.
const FIRST_WORDS: [&str; 8] = ["create", "alter", "drop", "insert", "replace", "update", "delete", "with"];

/// A migration that was applied without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number: 1, 2, 3, … without gaps.
    pub version: u32,
    /// Its file's name without number and ending.
    pub name: String,
    /// SHA-256 of the file, in lower-case hex.
    pub checksum: String,
    /// Builds whose newest migration is this number or later work with a database that has this one.
    pub compatible_with: u32,
    /// Its statements in order.
    pub statements: Vec<Statement>,
}

/// One statement, without the comments before it and the `;` after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its text as the file has it.
    pub plain: String,
    /// Of a `CREATE`: its text with the schema `u` named.
    pub attached: Option<String>,
}

/// Reads the migrations in `dir` and tries them.
///
/// # Errors
/// [`Error::Faults`] with every fault found, [`Error::Read`] where the folder cannot be read.
pub fn read_migrations(dir: &Path) -> Result<Vec<Migration>, Error> {
    let mut faults = Vec::new();
    let files = folder::read(dir, &mut faults)?;
    Ok(try_files(files, faults)?.migrations)
}

/// Migrations that were applied, and the database that came of it.
pub(crate) struct Tried {
    pub(crate) migrations: Vec<Migration>,
    pub(crate) plain: Sandbox,
}

/// Tries files in their order, up to the first that fails; `faults` are those found before.
pub(crate) fn try_files(files: Vec<File>, mut faults: Vec<Fault>) -> Result<Tried, Error> {
    let (plain, attached) = (Sandbox::plain()?, Sandbox::attached()?);
    let mut migrations = Vec::new();
    for file in files {
        match apply(&file, &plain, &attached) {
            Ok(statements) => migrations.push(migration(file, statements)),
            Err(fault) => {
                faults.push(fault);
                break;
            }
        }
    }
    if faults.is_empty() { Ok(Tried { migrations, plain }) } else { Err(Error::Faults(faults)) }
}

fn migration(file: File, statements: Vec<Statement>) -> Migration {
    let File { version, name, checksum, compatible_with, .. } = file;
    Migration { version, name, checksum, compatible_with, statements }
}

fn apply(file: &File, plain: &Sandbox, attached: &Sandbox) -> Result<Vec<Statement>, Fault> {
    let both = [plain, attached];
    let whole_file = |sandbox: &Sandbox, error| Fault::file(&file.path, sandbox.explain(&error));
    for sandbox in both {
        sandbox.connection.execute_batch("BEGIN").map_err(|error| whole_file(sandbox, error))?;
    }
    let statements = apply_statements(file, plain, attached)?;
    for sandbox in both {
        // Foreign keys may be deferred to here.
        sandbox.connection.execute_batch("COMMIT").map_err(|error| whole_file(sandbox, error))?;
    }
    let schemas = (schema(&plain.connection, "main"), schema(&attached.connection, "u"));
    match (schemas.0, schemas.1) {
        (Ok(plain), Ok(attached)) if plain == attached => Ok(statements),
        (Err(error), _) | (_, Err(error)) => Err(whole_file(plain, error)),
        _ => Err(Fault::file(&file.path, "makes another schema where the database is attached as u (unmodified Spin)")),
    }
}

fn apply_statements(file: &File, plain: &Sandbox, attached: &Sandbox) -> Result<Vec<Statement>, Fault> {
    let source = file.source.as_str();
    let mut statements = Vec::new();
    let mut batch = Batch::new(&plain.connection, source);
    let mut at = 0;
    loop {
        at += blank_length(source.get(at..).unwrap_or_default());
        let fault = |message: String| Fault::at(&file.path, source, at, message);
        let mut prepared = match batch.next() {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Ok(statements),
            Err(error) => {
                let offset = offset_of(&error, source).unwrap_or(at);
                return Err(Fault::at(&file.path, source, offset, plain.explain(&error)));
            }
        };
        if prepared.parameter_count() > 0 {
            return Err(fault("has a parameter, for which a migration has no value".into()));
        }
        // Without parameters this is the text that SQLite has read, as it stands in the file.
        let text = prepared.expanded_sql().unwrap_or_default();
        let text = text.get(blank_length(&text)..).unwrap_or_default();
        if !source.get(at..).is_some_and(|rest| rest.starts_with(text)) {
            return Err(fault("is cut into statements differently here and by SQLite: simplify its comments".into()));
        }
        let statement = statement(text).map_err(&fault)?;
        run(&mut prepared).map_err(|error| fault(plain.explain(&error)))?;
        let second = statement.attached.as_ref().unwrap_or(&statement.plain);
        attached.connection.execute_batch(second).map_err(|error| {
            fault(format!("fails where the database is attached as u (unmodified Spin): {}", attached.explain(&error)))
        })?;
        statements.push(statement);
        at += text.len();
    }
}

/// Runs a statement to its end; its rows, if any, are nobody's.
fn run(prepared: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
    let mut rows = prepared.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Judges and keeps one statement's text, which SQLite has parsed.
fn statement(text: &str) -> Result<Statement, String> {
    let mut end = 0;
    for token in significant(text).filter(|token| token.text != ";") {
        end = token.start + token.text.len();
        if let Some(message) = refused_name(&token) {
            return Err(message);
        }
    }
    let plain = text.get(..end).unwrap_or_default();
    if plain.len() > MAX_STATEMENT_BYTES {
        return Err(format!("is {} bytes long; a Durable Object takes {MAX_STATEMENT_BYTES}", plain.len()));
    }
    if !significant(plain).next().is_some_and(|first| FIRST_WORDS.iter().any(|word| first.is_word(word))) {
        return Err(format!("a migration's statements begin with one of: {}", FIRST_WORDS.join(", ")));
    }
    Ok(Statement { plain: plain.into(), attached: attached_form(plain)? })
}

/// Why a name is refused that means another thing on an engine that attaches the database.
pub(crate) fn refused_name(token: &Token<'_>) -> Option<String> {
    let name = if token.text.starts_with('\'') { String::new() } else { token.name() };
    let is_elsewhere = name == "sqlite_schema" || name == "sqlite_master" || name.starts_with("pragma_");
    is_elsewhere.then(|| format!("{name} is another table where the database is attached (unmodified Spin)"))
}

/// The length of the white space, comments and empty statements at the beginning.
fn blank_length(sql: &str) -> usize {
    let first = tokens(sql).find(|token| !(token.is_blank() || token.kind == Kind::Mark && token.text == ";"));
    first.map_or(sql.len(), |token| token.start)
}

/// Where in the file SQLite stopped reading, if it says so.
fn offset_of(error: &rusqlite::Error, source: &str) -> Option<usize> {
    match error {
        rusqlite::Error::SqlInputError { sql, offset, .. } => {
            Some(source.len().checked_sub(sql.len())? + usize::try_from(*offset).ok()?)
        }
        _ => None,
    }
}

/// Everything that a schema has, as SQLite wrote it down.
fn schema(connection: &Connection, name: &str) -> rusqlite::Result<Vec<[Option<String>; 4]>> {
    let sql = format!("SELECT type, name, tbl_name, sql FROM {name}.sqlite_schema ORDER BY type, name");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
    rows.collect()
}
