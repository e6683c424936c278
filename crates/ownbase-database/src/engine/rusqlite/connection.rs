//! A connection to one file: how it is set up, how statements run on it, and what SQLite's errors mean to the port.
//!
//! Limits are those of Cloudflare Durable Objects
//! (<https://developers.cloudflare.com/durable-objects/platform/limits/>), so that what would fail there fails here:
//! 100 parameters, 100 columns, 100,000 bytes a statement, 2 MB a value or row, 5 terms in a compound SELECT, 50 bytes
//! in a LIKE pattern, 10 levels of triggers, nothing attached, and no way to write to SQLite's own tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};

use crate::{Error, Row, Statement, Value};

/// How long to wait for a lock of somebody outside this process, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the file, and makes it if it is missing.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    set_up(path).map_err(classify)
}

fn set_up(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Without this SQLite plans by the values of parameters, and parses a statement anew for each new LIMIT.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Runs one statement, prepared once a connection.
pub(super) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
    run(connection, sql, params).map_err(classify)
}

/// Runs statements in one transaction. One alone is a transaction already.
pub(super) fn batch(connection: &Connection, statements: &[Statement<'_>]) -> Result<(), Error> {
    let run_all = || statements.iter().try_for_each(|each| query(connection, each.sql.plain(), each.params).map(drop));
    if statements.len() <= 1 {
        return run_all();
    }
    query(connection, "BEGIN IMMEDIATE", &[])?;
    let result = run_all().and_then(|()| query(connection, "COMMIT", &[]).map(drop));
    // Some errors have rolled back already.
    if result.is_err() && !connection.is_autocommit() {
        query(connection, "ROLLBACK", &[])?;
    }
    result
}

fn run(connection: &Connection, sql: &str, params: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Row((0..columns).map(|column| value(row.get_ref(column)?)).collect::<Result<_, _>>()?));
    }
    Ok(found)
}

fn value(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(_) => Value::Text(value.as_str()?.into()),
        ValueRef::Blob(blob) => Value::Blob(blob.into()),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

fn classify(error: rusqlite::Error) -> Error {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(error, message) => (error.code, message.unwrap_or_else(|| error.to_string())),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error.code, msg),
        other => return Error::Failed { code: "rusqlite".into(), message: other.to_string() },
    };
    match code {
        ErrorCode::ConstraintViolation => Error::Constraint(message),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::DiskFull => Error::Full,
        ErrorCode::OperationInterrupted => Error::TimedOut,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Damaged { code: symbol(code).into(), message },
        ErrorCode::Unknown if message.starts_with("no such table") => Error::Missing,
        code => Error::Failed { code: symbol(code).into(), message },
    }
}

/// SQLite's own name for a result code (<https://www.sqlite.org/rescode.html>).
fn symbol(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InternalMalfunction => "SQLITE_INTERNAL",
        ErrorCode::PermissionDenied => "SQLITE_PERM",
        ErrorCode::OperationAborted => "SQLITE_ABORT",
        ErrorCode::OutOfMemory => "SQLITE_NOMEM",
        ErrorCode::ReadOnly => "SQLITE_READONLY",
        ErrorCode::SystemIoFailure => "SQLITE_IOERR",
        ErrorCode::DatabaseCorrupt => "SQLITE_CORRUPT",
        ErrorCode::CannotOpen => "SQLITE_CANTOPEN",
        ErrorCode::FileLockingProtocolFailed => "SQLITE_PROTOCOL",
        ErrorCode::SchemaChanged => "SQLITE_SCHEMA",
        ErrorCode::TooBig => "SQLITE_TOOBIG",
        ErrorCode::TypeMismatch => "SQLITE_MISMATCH",
        ErrorCode::ApiMisuse => "SQLITE_MISUSE",
        ErrorCode::AuthorizationForStatementDenied => "SQLITE_AUTH",
        ErrorCode::ParameterOutOfRange => "SQLITE_RANGE",
        ErrorCode::NotADatabase => "SQLITE_NOTADB",
        _ => "SQLITE_ERROR",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use rusqlite::Connection;

    use super::{open, query};
    use crate::Error;

    fn connection(dir: &tempfile::TempDir) -> Connection {
        let connection = open(&dir.path().join("test.db")).unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        connection.execute_batch("CREATE TABLE IF NOT EXISTS t (a UNIQUE)").unwrap();
        connection
    }

    fn error(connection: &Connection, sql: &str) -> Error {
        query(connection, sql, &[]).unwrap_err()
    }

    #[test]
    fn what_is_passing_has_a_variant() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = connection(&dir);
        connection.progress_handler(1000, Some(|| true)).unwrap();
        let endless = "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n";
        assert_eq!(error(&connection, endless), Error::TimedOut);
        connection.progress_handler(0, None::<fn() -> bool>).unwrap();

        connection.execute_batch("PRAGMA max_page_count = 3").unwrap();
        assert_eq!(error(&connection, "INSERT INTO t VALUES (zeroblob(100000))"), Error::Full);

        let other = Connection::open(dir.path().join("test.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(error(&connection, "INSERT INTO t VALUES (1)"), Error::Busy);
    }

    #[test]
    fn what_is_wrong_keeps_sqlite_s_words() {
        let dir = tempfile::tempdir().unwrap();
        let connection = connection(&dir);
        let failed = |code: &str, message: &str| Error::Failed { code: code.into(), message: message.into() };
        for (sql, expected) in [
            ("SELECT a FROM nowhere", Error::Missing),
            ("DROP TABLE nowhere", Error::Missing),
            ("INSERT INTO t VALUES (1), (1)", Error::Constraint("UNIQUE constraint failed: t.a".into())),
            ("SELECT b FROM t", failed("SQLITE_ERROR", "no such column: b")),
            ("SELEC", failed("SQLITE_ERROR", "near \"SELEC\": syntax error")),
            ("SELECT ?1", failed("rusqlite", "Wrong number of parameters passed to query. Got 0, needed 1")),
            ("SELECT 1; SELECT 2", failed("rusqlite", "Multiple statements provided")),
        ] {
            assert_eq!(error(&connection, sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_a_durable_object_refuses_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let connection = connection(&dir);
        let list = |item: &str, count: usize, separator: &str| vec![item; count].join(separator);
        for (allowed, refused) in [
            (format!("VALUES ({})", list("1", 100, ", ")), format!("VALUES ({})", list("1", 101, ", "))),
            (list("SELECT 1", 5, " UNION ALL "), list("SELECT 1", 6, " UNION ALL ")),
            (format!("SELECT 'a' LIKE '{}'", list("b", 50, "")), format!("SELECT 'a' LIKE '{}'", list("b", 51, ""))),
            ("SELECT length(zeroblob(1999999))".into(), "SELECT length(zeroblob(2000001))".into()),
            (format!("SELECT 1 --{}", list("x", 99_000, "")), format!("SELECT 1 --{}", list("x", 100_000, ""))),
            ("SELECT 1".into(), "SELECT ?101".into()),
            ("SELECT 1".into(), "ATTACH ':memory:' AS u".into()),
            ("SELECT 1".into(), "UPDATE sqlite_schema SET sql = NULL".into()),
        ] {
            assert!(query(&connection, &allowed, &[]).is_ok(), "{:.80}", allowed);
            assert!(query(&connection, &refused, &[]).is_err(), "{:.80}", refused);
        }
        // With the switch that would allow it elsewhere.
        connection.execute_batch("PRAGMA writable_schema = ON").unwrap();
        assert!(query(&connection, "UPDATE sqlite_schema SET sql = NULL", &[]).is_err());
    }
}
