//! Rows for a schema, made at random and judged by SQLite: what a constraint refuses is tried again with other values.
//!
//! Parents are filled before their children, and foreign keys take their values from rows that are there. Triggers
//! fire as they would for the application. The same seed makes the same rows. Some tables stay empty, where no value
//! within reach fulfils a CHECK: the caller says which.

use fastrand::Rng;
use rusqlite::Connection;

use super::draft::Draft;
use crate::generate::order::parents_first;
use crate::schema::text::quote;
use crate::schema::{Schema, Table};

/// Tries for one row before it is given up.
const ATTEMPTS: usize = 60;

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
        for (_, table, _) in tables() {
            // Where one row cannot be made, the next would not be either.
            (0..rows).all(|_| insert(connection, schema, table, random));
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

/// Inserts one row; what SQLite refuses is drawn anew, the rest of the row stays.
fn insert(connection: &Connection, schema: &Schema, table: &Table, random: &mut Rng) -> bool {
    let Some(mut draft) = table.definition().map(|definition| Draft::new(&table.name, definition)) else {
        return false;
    };
    let mut refused = String::new();
    for _ in 0..ATTEMPTS {
        let drawn = draft.draw(connection, schema, &refused, random).and_then(|()| draft.insert(connection));
        match drawn {
            Ok(()) => return true,
            Err(error) => refused = error.to_string(),
        }
    }
    false
}
