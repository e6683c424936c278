//! Rows for a schema, made at random and judged by SQLite: what a constraint refuses is tried again with other values.
//!
//! Parents are filled before their children, and foreign keys take their values from rows that are there. Triggers
//! fire as they would for the application. The same seed makes the same rows. Some tables stay empty, where no value
//! within reach fulfils a CHECK: the caller says which.

use fastrand::Rng;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::values::value;
use crate::generate::order::parents_first;
use crate::schema::Schema;
use crate::schema::definition::{Definition, ForeignKey};
use crate::schema::text::{quote, quote_all};

/// Tries for one row before it is given up.
const ATTEMPTS: usize = 40;

/// Adds up to `rows` rows to each table; returns the tables that have none after it.
pub(crate) fn fill(
    connection: &Connection,
    schema: &Schema,
    random: &mut Rng,
    rows: usize,
) -> rusqlite::Result<Vec<String>> {
    let order = parents_first(schema, &schema.tables.keys().cloned().collect());
    let tables = || order.iter().filter_map(|key| Some((key, schema.tables.get(key)?, schema.definition(key)?)));
    // In two goes: where tables refer to one another in a circle, the first go has no rows to refer to.
    for rows in [rows.div_ceil(2), rows / 2] {
        for (_, table, definition) in tables() {
            let name = quote(&table.name);
            // Where one row cannot be made, the next would not be either.
            (0..rows).all(|_| (0..ATTEMPTS).any(|_| insert(connection, schema, &name, definition, random).is_ok()));
        }
    }
    let mut empty = Vec::new();
    for (key, table, definition) in tables() {
        let name = quote(&table.name);
        // The last number given out is then above all that are there.
        if definition.autoincrement {
            let delete = format!("DELETE FROM {name} WHERE rowid = (SELECT max(rowid) FROM {name}) AND rowid > 1");
            let _ = connection.execute(&delete, []);
        }
        if count(connection, &name)? == 0 {
            empty.push(key.clone());
        }
    }
    Ok(empty)
}

/// How many rows a table has; `name` is quoted.
pub(crate) fn count(connection: &Connection, name: &str) -> rusqlite::Result<usize> {
    let count: i64 = connection.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

fn insert(
    connection: &Connection,
    schema: &Schema,
    name: &str,
    table: &Definition,
    random: &mut Rng,
) -> rusqlite::Result<()> {
    let mut row: Vec<(&str, Value)> = Vec::new();
    for column in table.columns.iter().filter(|column| column.generated.is_none()) {
        // The default, or the next rowid, is as good.
        let may_be_left_out = column.default.is_some() || table.is_rowid(column);
        if may_be_left_out && random.bool() {
            continue;
        }
        row.push((&column.name, value(column, table, random)));
    }
    for key in table.foreign_keys() {
        refer(connection, schema, table, key, &mut row, random)?;
    }
    if row.is_empty() {
        return connection.execute(&format!("INSERT INTO {name} DEFAULT VALUES"), []).map(drop);
    }
    let places = vec!["?"; row.len()].join(", ");
    let columns = quote_all(row.iter().map(|(column, _)| *column));
    let sql = format!("INSERT INTO {name} ({columns}) VALUES ({places})");
    let values = row.into_iter().map(|(_, value)| value);
    connection.prepare_cached(&sql)?.execute(params_from_iter(values)).map(drop)
}

/// Puts the key of a row that is there into the columns of a foreign key.
fn refer<'a>(
    connection: &Connection,
    schema: &Schema,
    table: &'a Definition,
    key: &ForeignKey,
    row: &mut Vec<(&'a str, Value)>,
    random: &mut Rng,
) -> rusqlite::Result<()> {
    let columns: Vec<_> = key.columns.iter().filter_map(|column| table.column(column)).collect();
    let can_be_null = columns.iter().any(|column| column.not_null.is_none());
    let mut values = vec![Value::Null; columns.len()];
    if !(can_be_null && random.u8(0..4) == 0) {
        let parent = quote(&key.parent);
        let there = count(connection, &parent)?;
        let primary = schema.definition(&key.parent).map(Definition::primary_key).unwrap_or_default();
        let columns = if key.parent_columns.is_empty() { primary } else { &key.parent_columns };
        if there == 0 && schema.definition(&key.parent) == Some(table) {
            // The first row of a table that refers to itself can only refer to itself.
            let own = |name: &String| row.iter().find(|(column, _)| column.eq_ignore_ascii_case(name));
            values = columns.iter().map(|name| own(name).map_or(Value::Null, |(_, value)| value.clone())).collect();
        } else if there > 0 {
            let names = quote_all(columns.iter().map(String::as_str));
            let sql = format!("SELECT {names} FROM {parent} LIMIT 1 OFFSET {}", random.usize(0..there));
            let mut statement = connection.prepare(&sql)?;
            values = statement.query_row([], |row| (0..columns.len()).map(|at| row.get(at)).collect())?;
        }
    }
    for (column, value) in columns.into_iter().zip(values) {
        row.retain(|(name, _)| *name != column.name);
        row.push((&column.name, value));
    }
    Ok(())
}
