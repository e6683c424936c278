//! Values for the parameters of a query that is tried.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::parameters::{Like, Parameter};
use super::rows::ROWS;
use super::types::Type;
use crate::schema::text::quote;

/// Which values the parameters have in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// Those of the row with this number, in all tables. NULL is also tried, with each other row.
    Row(usize),
    Least,
    Greatest,
    Common,
    New,
}

impl Pick {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Least, Self::Greatest, Self::Common, Self::New].into_iter().chain((0..ROWS).map(Self::Row))
    }
}

/// A value for a parameter.
pub(super) fn value(connection: &Connection, parameter: &Parameter, pick: Pick) -> Value {
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
