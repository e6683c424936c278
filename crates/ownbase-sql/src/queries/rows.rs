//! Holds what a query claims of its rows against rows: it is run without any and over some made up for the schema.
//!
//! Each run has other values for the parameters: those of each row, the least, greatest and commonest of a column, new
//! ones, and NULL where that is allowed; numbers once as INTEGER and once as REAL. A claim that survives is not proven, but one that fails is wrong: NULL where none
//! can be, a value of another type, more rows than one. Errors of a run that depend on its values (constraints, JSON
//! that is none) say nothing about the query and are passed over.

use fastrand::Rng;
use rusqlite::types::Value;
use rusqlite::{Connection, Error as SqliteError, ErrorCode, ffi, params_from_iter};

use super::Query;
use super::columns::{Column, Wrong};
use super::source::Kind;
use super::tables::Table;
use super::types::Type;
use super::values::{Pick, value};
use crate::prove;
use crate::sandbox::Sandbox;
use crate::schema::Schema;
use crate::schema::text::quote;

/// Rows that are made up for each table.
pub(super) const ROWS: usize = 24;

/// Rows that are looked at in one run.
const MAX_ROWS: usize = 1_000;

/// Steps of SQLite's machine after which a run is taken for endless: about a second. To be set on the connections.
pub(super) const MAX_STEPS: i32 = 20_000_000;

/// Puts rows into every table, of the types that its columns were declared with.
pub(super) fn fill(connection: &Connection, tables: &[Table]) -> rusqlite::Result<()> {
    let schema = Schema::read(connection, "main")?;
    // Tables that stay empty are ones whose CHECKs ask for too much: what is said of their columns is believed.
    prove::rows::fill(connection, &schema, &mut Rng::with_seed(1), ROWS)?;
    for table in tables.iter().filter(|table| !table.is_view) {
        for column in &table.columns {
            let (table, name) = (quote(&table.name), quote(&column.name));
            let other_types = |types| format!("DELETE FROM {table} WHERE typeof({name}) NOT IN ({types}, 'null')");
            let sql = match column.r#type {
                Some(Type::Boolean) => format!("UPDATE {table} SET {name} = ({name} > 9) WHERE {name} NOT IN (0, 1)"),
                Some(Type::Integer) => other_types("'integer'"),
                Some(Type::Real) => other_types("'real'"),
                Some(Type::Text) => other_types("'text'"),
                Some(Type::Blob) => other_types("'blob'"),
                Some(Type::Any) | None => continue,
            };
            // What a foreign key or a trigger keeps stays.
            let _ = connection.execute(&sql, []);
        }
    }
    Ok(())
}

/// What rows contradict, the first time for each column. Ends with the first database that contradicts.
pub(super) fn contradictions(query: &Query, fresh: &Sandbox, filled: &Sandbox) -> Vec<Wrong> {
    // Without parameters all runs are one.
    let runs = if query.parameters.is_empty() { 1 } else { usize::MAX };
    for (sandbox, over) in [(fresh, "in a new database"), (filled, "over generated rows")] {
        let mut wrong: Vec<Wrong> = Vec::new();
        for pick in Pick::all().take(runs) {
            let (found, is_over) = match run(query, &sandbox.connection, pick) {
                Ok(found) => (found, false),
                Err(error) => (judge(&error).into_iter().collect(), is_endless(&error)),
            };
            for Wrong { written, message } in found {
                if !wrong.iter().any(|other| other.written == written) {
                    wrong.push(Wrong { written, message: format!("{message} {over}") });
                }
            }
            if is_over {
                break;
            }
        }
        if !wrong.is_empty() {
            return wrong;
        }
    }
    Vec::new()
}

/// What an error says about the query, whatever the values.
fn judge(error: &SqliteError) -> Option<Wrong> {
    let SqliteError::SqliteFailure(failure, message) = error else { return None };
    let is_typed = failure.extended_code == ffi::SQLITE_CONSTRAINT_DATATYPE || failure.code == ErrorCode::TypeMismatch;
    let message =
        if is_endless(error) { "does not come to an end".into() } else { message.clone().filter(|_| is_typed)? };
    Some(Wrong { written: String::new(), message })
}

fn is_endless(error: &SqliteError) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

/// Runs the query with one choice of values, and once more with every number as REAL.
fn run(query: &Query, connection: &Connection, pick: Pick) -> rusqlite::Result<Vec<Wrong>> {
    let values = query.parameters.iter().map(|parameter| value(connection, parameter, pick));
    let values: Vec<Value> = values.collect();
    let rows = rows(query, connection, &values)?;
    let says = match query.kind {
        Kind::One if rows.is_empty() => Some("is said to have one row, but has none"),
        Kind::One if rows.len() > 1 => Some("is said to have one row, but has more"),
        Kind::Optional if rows.len() > 1 => Some("is said to have one row at the most, but has more"),
        _ => None,
    };
    let whole = says.map(|says| Wrong { written: String::new(), message: says.into() });
    let columns = rows.iter().flat_map(|row| query.columns.iter().zip(row));
    let mut wrong: Vec<Wrong> = columns.filter_map(|(column, value)| contradiction(column, value)).collect();
    wrong.extend(whole);
    if wrong.is_empty() {
        wrong.extend(differs_as_real(query, connection, &values, &rows));
    }
    Ok(wrong)
}

/// The rows of one run, which leaves the database as it was.
fn rows(query: &Query, connection: &Connection, values: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
    let look = || {
        let mut statement = connection.prepare(&query.sql)?;
        let rows = statement.query_map(params_from_iter(values), |row| {
            (0..query.columns.len()).map(|column| row.get(column)).collect()
        })?;
        rows.take(MAX_ROWS).collect()
    };
    connection.execute_batch("SAVEPOINT run")?;
    let rows = look();
    connection.execute_batch("ROLLBACK TO run; RELEASE run")?;
    rows
}

/// Whether a Durable Object, which binds every number as REAL, would answer otherwise.
fn differs_as_real(query: &Query, connection: &Connection, values: &[Value], known: &[Vec<Value>]) -> Option<Wrong> {
    let as_real = |value: &Value| match value {
        Value::Integer(integer) => Value::Real(*integer as f64),
        other => other.clone(),
    };
    let all_as_real =
        |rows: &[Vec<Value>]| -> Vec<Vec<Value>> { rows.iter().map(|row| row.iter().map(as_real).collect()).collect() };
    let reals: Vec<Value> = values.iter().map(as_real).collect();
    if reals == values {
        return None;
    }
    let found = rows(query, connection, &reals);
    let is_same = found.is_ok_and(|rows| all_as_real(&rows) == all_as_real(known));
    // What is another thing each time, such as random(), cannot be compared.
    if is_same || rows(query, connection, values).is_ok_and(|again| again != known) {
        return None;
    }
    let message =
        "is another thing where numbers are bound as REAL (a Durable Object): CAST its parameters AS INTEGER. Seen";
    Some(Wrong { written: String::new(), message: message.into() })
}

fn contradiction(column: &Column, value: &Value) -> Option<Wrong> {
    let fits = match (column.r#type, value) {
        (_, Value::Null) => column.nullable,
        (Type::Any, _)
        | (Type::Integer, Value::Integer(_))
        | (Type::Boolean, Value::Integer(0 | 1))
        | (Type::Real, Value::Real(_) | Value::Integer(_))
        | (Type::Text, Value::Text(_))
        | (Type::Blob, Value::Blob(_)) => true,
        _ => false,
    };
    if fits {
        return None;
    }
    let what = match value {
        Value::Integer(_) if column.r#type == Type::Boolean => "INTEGER and not 0 or 1".into(),
        value => value.data_type().to_string().to_uppercase(),
    };
    let Column { name, r#type, nullable, written } = column;
    let claim = if *nullable { "or NULL" } else { "and never NULL" };
    let message = format!("{name} is said to be {} {claim}, but is {what}", r#type.name());
    Some(Wrong { written: written.clone(), message })
}
