//! One row on its way into a table: drawn at random, and mended where SQLite refuses it.
//!
//! SQLite's message names what is wrong: columns (`UNIQUE constraint failed: notes.id`), the expression of a CHECK, or
//! its name. The columns in it are drawn anew, or all where it names none.

use std::collections::BTreeSet;

use fastrand::Rng;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows::count;
use super::values::value;
use crate::schema::Schema;
use crate::schema::definition::{Column, Definition, ForeignKey};
use crate::schema::text::{form_of, quote, quote_all, unquoted};
use crate::tokens::significant;

/// A row that is not inserted yet.
pub(crate) struct Draft<'a> {
    name: String,
    table: &'a Definition,
    /// `None` leaves the column out.
    row: Vec<(&'a Column, Option<Value>)>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(name: &str, table: &'a Definition) -> Self {
        let columns = table.columns.iter().filter(|column| column.generated.is_none());
        Self { name: quote(name), table, row: columns.map(|column| (column, None)).collect() }
    }

    /// Draws values, after a refusal only those that it speaks of.
    pub(crate) fn draw(
        &mut self,
        connection: &Connection,
        schema: &Schema,
        refused: &str,
        random: &mut Rng,
    ) -> rusqlite::Result<()> {
        let culprits = self.culprits(refused);
        let table = self.table;
        for (column, place) in self.row.iter_mut().filter(|(column, _)| culprits.contains(&column.key())) {
            // The default, or the next rowid, is as good.
            let may_be_left_out = column.default.is_some() || table.is_rowid(column);
            *place = if may_be_left_out && random.bool() { None } else { Some(value(column, table, random)) };
        }
        for key in table.foreign_keys().filter(|key| key.columns.iter().any(|column| culprits.contains(column))) {
            self.refer(connection, schema, key, random)?;
        }
        Ok(())
    }

    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let given: Vec<(&str, &Value)> =
            self.row.iter().filter_map(|(column, value)| Some((column.name.as_str(), value.as_ref()?))).collect();
        let name = &self.name;
        if given.is_empty() {
            return connection.execute(&format!("INSERT INTO {name} DEFAULT VALUES"), []).map(drop);
        }
        let places = vec!["?"; given.len()].join(", ");
        let columns = quote_all(given.iter().map(|(column, _)| *column));
        let sql = format!("INSERT INTO {name} ({columns}) VALUES ({places})");
        let values = given.into_iter().map(|(_, value)| value);
        connection.prepare_cached(&sql)?.execute(params_from_iter(values)).map(drop)
    }

    /// The columns (in lower case) that a refusal speaks of; all of them where it names none.
    fn culprits(&self, refused: &str) -> BTreeSet<String> {
        let about = refused.split_once("failed: ").map_or("", |(_, about)| about);
        // A CHECK with a name is told by it.
        let named = format!("constraint {} check ", form_of(&quote(about)));
        let check = self.table.constraints.iter().find(|constraint| constraint.form.starts_with(&named));
        let about = check.map_or(about, |check| &check.form);
        let words: BTreeSet<String> = significant(about).map(|token| unquoted(&token).to_ascii_lowercase()).collect();
        let all: BTreeSet<String> = self.row.iter().map(|(column, _)| column.key()).collect();
        let named: BTreeSet<String> = all.intersection(&words).cloned().collect();
        if named.is_empty() { all } else { named }
    }

    /// Puts the key of a row that is there into the columns of a foreign key.
    fn refer(
        &mut self,
        connection: &Connection,
        schema: &Schema,
        key: &ForeignKey,
        random: &mut Rng,
    ) -> rusqlite::Result<()> {
        let columns: Vec<_> = key.columns.iter().filter_map(|column| self.table.column(column)).collect();
        let can_be_null = columns.iter().any(|column| column.not_null.is_none());
        let mut values = vec![Value::Null; columns.len()];
        if !(can_be_null && random.u8(0..4) == 0) {
            let parent = schema.definition(&key.parent);
            let primary = parent.map(Definition::primary_key).unwrap_or_default();
            let names = if key.parent_columns.is_empty() { primary } else { &key.parent_columns };
            let there = count(connection, &quote(&key.parent))?;
            if there > 0 {
                let (columns, parent) = (quote_all(names.iter().map(String::as_str)), quote(&key.parent));
                let sql = format!("SELECT {columns} FROM {parent} LIMIT 1 OFFSET {}", random.usize(0..there));
                let mut statement = connection.prepare(&sql)?;
                values = statement.query_row([], |row| (0..names.len()).map(|at| row.get(at)).collect())?;
            } else if parent == Some(self.table) {
                // The first row of a table that refers to itself can only refer to itself.
                values = names.iter().map(|name| self.value(name)).collect();
            }
        }
        for (column, place) in &mut self.row {
            let at = columns.iter().position(|own| own.name == column.name);
            if let Some(value) = at.and_then(|at| values.get(at)) {
                *place = Some(value.clone());
            }
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Value {
        let own = self.row.iter().find(|(column, _)| column.name.eq_ignore_ascii_case(name));
        own.and_then(|(_, value)| value.clone()).unwrap_or(Value::Null)
    }
}
