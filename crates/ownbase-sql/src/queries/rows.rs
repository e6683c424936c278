//! Holds what a query claims of its rows against rows: it is run without any and over some made up for the schema.
//!
//! Each run has other values for the parameters: those of each row, the least, greatest and commonest of a column, new
//! ones, and NULL where that is allowed. A claim that survives is not proven, but one that fails is wrong: NULL where none
//! can be, a value of another type, more rows than one. Errors of a run that depend on its values (constraints, JSON
//! that is none) say nothing about the query and are passed over.

use fastrand::Rng;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error as SqliteError, ErrorCode, ffi, params_from_iter};

use super::Query;
use super::columns::{Column, Wrong};
use super::parameters::{Like, Parameter};
use super::source::Kind;
use super::tables::Table;
use super::types::Type;
use crate::prove;
use crate::sandbox::Sandbox;
use crate::schema::Schema;
use crate::schema::text::quote;

/// Rows that are made up for each table.
const ROWS: usize = 24;

/// Rows that are looked at in one run.
const MAX_ROWS: usize = 1_000;

/// Steps of SQLite's machine after which a run is taken for endless: about a second. To be set on the connections.
pub(super) const MAX_STEPS: i32 = 20_000_000;

/// Which values the parameters have in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    /// Those of the row with this number, in all tables. NULL is also tried, with each other row.
    Row(usize),
    Least,
    Greatest,
    Common,
    New,
}

impl Pick {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Least, Self::Greatest, Self::Common, Self::New].into_iter().chain((0..ROWS).map(Self::Row))
    }
}

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

/// Runs the query once and leaves the database as it was.
fn run(query: &Query, connection: &Connection, pick: Pick) -> rusqlite::Result<Vec<Wrong>> {
    let values = query.parameters.iter().map(|parameter| value(connection, parameter, pick));
    let values: Vec<Value> = values.collect();
    connection.execute_batch("SAVEPOINT run")?;
    let found = look(query, connection, &values);
    connection.execute_batch("ROLLBACK TO run; RELEASE run")?;
    found
}

fn look(query: &Query, connection: &Connection, values: &[Value]) -> rusqlite::Result<Vec<Wrong>> {
    let mut statement = connection.prepare(&query.sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut wrong, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next()?.filter(|_| count < MAX_ROWS) {
        count += 1;
        for (index, column) in query.columns.iter().enumerate() {
            wrong.extend(contradiction(column, row.get_ref(index)?));
        }
    }
    let says = match query.kind {
        Kind::One if count == 0 => Some("is said to have one row, but has none"),
        Kind::One if count > 1 => Some("is said to have one row, but has more"),
        Kind::Optional if count > 1 => Some("is said to have one row at the most, but has more"),
        _ => None,
    };
    wrong.extend(says.map(|says| Wrong { written: String::new(), message: says.into() }));
    Ok(wrong)
}

fn contradiction(column: &Column, value: ValueRef<'_>) -> Option<Wrong> {
    let fits = match (column.r#type, value) {
        (_, ValueRef::Null) => column.nullable,
        (Type::Any, _)
        | (Type::Integer, ValueRef::Integer(_))
        | (Type::Boolean, ValueRef::Integer(0 | 1))
        | (Type::Real, ValueRef::Real(_) | ValueRef::Integer(_))
        | (Type::Text, ValueRef::Text(_))
        | (Type::Blob, ValueRef::Blob(_)) => true,
        _ => false,
    };
    let what = match value {
        ValueRef::Integer(_) if column.r#type == Type::Boolean => "INTEGER and not 0 or 1".into(),
        value => value.data_type().to_string().to_uppercase(),
    };
    let Column { name, r#type, nullable, written } = column;
    let claim = if *nullable { "or NULL" } else { "and never NULL" };
    let message = format!("{name} is said to be {} {claim}, but is {what}", r#type.name());
    (!fits).then(|| Wrong { written: written.clone(), message })
}

/// A value for a parameter.
fn value(connection: &Connection, parameter: &Parameter, pick: Pick) -> Value {
    if parameter.nullable && matches!(pick, Pick::Row(number) if number % 2 == 1) {
        return Value::Null;
    }
    let stored = match &parameter.like {
        Like::Number(number) => Some(Value::Integer(*number)),
        Like::Column { table, column } => stored(connection, &quote(table), &quote(column), pick),
        Like::Type => None,
    };
    let is_great = matches!(pick, Pick::Greatest);
    stored.unwrap_or_else(|| match parameter.r#type {
        Type::Integer if pick == Pick::New => Value::Integer(1 << 52),
        Type::Boolean | Type::Integer | Type::Any => Value::Integer(is_great.into()),
        Type::Real => Value::Real(0.5),
        Type::Text if pick == Pick::New => Value::Text("new to all".into()),
        Type::Text => Value::Text("a".into()),
        Type::Blob => Value::Blob(vec![0xff]),
    })
}

/// A value of a column.
fn stored(connection: &Connection, table: &str, column: &str, pick: Pick) -> Option<Value> {
    let rest = match pick {
        Pick::New => return None,
        // All columns of a table in one order, whatever indexes there are.
        Pick::Row(number) => format!("NOT INDEXED LIMIT 1 OFFSET {number}"),
        Pick::Least => format!("WHERE {column} IS NOT NULL ORDER BY 1 LIMIT 1"),
        Pick::Greatest => "ORDER BY 1 DESC LIMIT 1".into(),
        Pick::Common => format!("WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"),
    };
    let value = connection.query_row(&format!("SELECT {column} FROM {table} {rest}"), [], |row| row.get(0));
    value.ok().filter(|value| *value != Value::Null)
}
