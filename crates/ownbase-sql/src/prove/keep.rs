//! Whether a migration kept what it had no business to lose: rows counted, values of columns compared.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::generate::rebuild::affinity;
use crate::generate::rename::NewNames;
use crate::schema::Schema;
use crate::schema::definition::{Column, Definition};
use crate::schema::text::{quote, quote_all};

/// A table of the schema before, and the columns of it whose values must be found again, each with its new name.
struct Kept {
    old: String,
    new: String,
    columns: Vec<(String, String)>,
}

/// The rows of the tables that stay, by what must be found again.
pub(crate) struct Keep {
    tables: Vec<(Kept, Vec<String>)>,
    sequences: BTreeMap<String, i64>,
}

impl Keep {
    /// Remembers what is there before the migration.
    pub(crate) fn of(
        connection: &Connection,
        before: &Schema,
        wanted: &Schema,
        names: &NewNames,
    ) -> rusqlite::Result<Self> {
        let mut tables = Vec::new();
        for (key, table, old) in before.ordinary() {
            let new_name = names.table(key);
            let Some(new) = wanted.definition(&new_name) else { continue };
            let kept = old.columns.iter().filter_map(|column| {
                let name = names.column(key, &column.key());
                must_keep(column, old, new.column(&name)?, new).then(|| (column.name.clone(), name))
            });
            let kept = Kept { old: table.name.clone(), new: new_name, columns: kept.collect() };
            let rows = rows(connection, &kept.old, kept.columns.iter().map(|(old, _)| old.as_str()))?;
            tables.push((kept, rows));
        }
        let mut sequences = sequences(connection, before)?;
        sequences.retain(|key, _| before.definition(key).is_some_and(|table| table.autoincrement));
        let sequences = sequences.into_iter().map(|(key, last)| (names.table(&key), last));
        let goes_on = |key: &String| wanted.definition(key).is_some_and(|table| table.autoincrement);
        Ok(Self { tables, sequences: sequences.filter(|(key, _)| goes_on(key)).collect() })
    }

    /// How many rows are remembered.
    pub(crate) fn rows(&self) -> usize {
        self.tables.iter().map(|(_, rows)| rows.len()).sum()
    }

    /// What is not there any more.
    pub(crate) fn lost(&self, connection: &Connection, wanted: &Schema) -> rusqlite::Result<Vec<String>> {
        let mut lost = Vec::new();
        for (Kept { old, new, columns }, before) in &self.tables {
            let after = rows(connection, new, columns.iter().map(|(_, new)| new.as_str()))?;
            if after.len() != before.len() {
                lost.push(format!("{old} had {} rows and has {}", before.len(), after.len()));
            } else if after != *before {
                let names = quote_all(columns.iter().map(|(_, new)| new.as_str()));
                lost.push(format!("{new} has other values than before in: {names}"));
            }
        }
        let after = sequences(connection, wanted)?;
        for (table, last) in &self.sequences {
            if after.get(table).is_none_or(|now| now < last) {
                lost.push(format!("AUTOINCREMENT of {table} had given out {last} and begins anew"));
            }
        }
        Ok(lost)
    }
}

/// A column that is filled (it had NULLs; as the rowid it is numbered), changes its type or is computed may have other
/// values after.
fn must_keep(old: &Column, from: &Definition, new: &Column, to: &Definition) -> bool {
    let takes_null = |column: &Column, table: &Definition| column.not_null.is_none() && !table.is_rowid(column);
    let is_filled = takes_null(old, from) && !takes_null(new, to);
    affinity(old, from) == affinity(new, to) && !is_filled && new.generated.is_none()
}

/// Every row as text, sorted, since no order is promised.
fn rows<'a>(
    connection: &Connection,
    table: &str,
    columns: impl Iterator<Item = &'a str>,
) -> rusqlite::Result<Vec<String>> {
    // Rows without columns to compare are still counted.
    let columns = std::iter::once("1".to_owned()).chain(columns.map(quote)).collect::<Vec<_>>();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), quote(table));
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..columns.len()).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
        rows.push(format!("{values:?}"));
    }
    rows.sort();
    Ok(rows)
}

fn sequences(connection: &Connection, schema: &Schema) -> rusqlite::Result<BTreeMap<String, i64>> {
    // The table is there only where AUTOINCREMENT is.
    if !schema.ordinary().any(|(_, _, table)| table.autoincrement) {
        return Ok(BTreeMap::new());
    }
    let mut statement = connection.prepare("SELECT lower(name), max(seq) FROM sqlite_sequence GROUP BY 1")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
