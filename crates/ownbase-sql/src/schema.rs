//! A schema as it is in a database, in a form in which two can be compared.
//!
//! Tables are compared by what their definitions say ([`definition`]), everything else by the tokens of its SQL. Not
//! seen: SQLite's own tables, those that virtual tables keep behind them, and names that begin with `_`, which are
//! Ownbase's. The order of tables does not count, that of columns does.

pub(crate) mod clause;
pub(crate) mod cursor;
pub(crate) mod definition;
pub(crate) mod text;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use self::definition::Definition;
use self::text::form_of;

/// Everything in a database, by name in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) indexes: BTreeMap<String, Object>,
    pub(crate) views: BTreeMap<String, Object>,
    pub(crate) triggers: BTreeMap<String, Object>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// As it is written, without quotes.
    pub(crate) name: String,
    pub(crate) sql: String,
    pub(crate) kind: TableKind,
    /// Counts up in the order in which things were made.
    pub(crate) made: usize,
}

/// What is known of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TableKind {
    Ordinary(Definition),
    /// Of a virtual table: the form of its SQL.
    Virtual(String),
}

/// An index, a view or a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) name: String,
    /// The table (in lower case) that an index or a trigger is on; a view's own name.
    pub(crate) table: String,
    pub(crate) sql: String,
    pub(crate) form: String,
    /// Counts up in the order in which things were made.
    pub(crate) made: usize,
}

impl Table {
    /// What an ordinary table says.
    pub(crate) fn definition(&self) -> Option<&Definition> {
        match &self.kind {
            TableKind::Ordinary(definition) => Some(definition),
            TableKind::Virtual(_) => None,
        }
    }
}

impl Schema {
    /// Reads the schema `main`, or `u` where a user's database is attached under that name.
    pub(crate) fn read(connection: &Connection, schema: &str) -> rusqlite::Result<Self> {
        let shadows = "SELECT lower(name) FROM pragma_table_list WHERE schema = ?1 AND type = 'shadow'";
        let mut shadows = connection.prepare(shadows)?;
        let shadows = shadows.query_map([schema], |row| row.get(0))?.collect::<rusqlite::Result<BTreeSet<String>>>()?;
        let sql = format!(
            "SELECT type, name, lower(tbl_name), sql FROM {schema}.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut read = Self::default();
        let mut made = 0;
        while let Some(row) = rows.next()? {
            let (kind, name, table, sql): (String, String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let key = name.to_ascii_lowercase();
            if key.starts_with('_') || key.starts_with("sqlite_") || shadows.contains(&table) {
                continue;
            }
            made += 1;
            let form = form_of(&sql);
            match kind.as_str() {
                "table" if form.starts_with("create virtual") => {
                    read.tables.insert(key, Table { name, sql, kind: TableKind::Virtual(form), made });
                }
                "table" => {
                    let kind = TableKind::Ordinary(Definition::read(&sql));
                    read.tables.insert(key, Table { name, sql, kind, made });
                }
                other => {
                    let objects = match other {
                        "index" => &mut read.indexes,
                        "view" => &mut read.views,
                        _ => &mut read.triggers,
                    };
                    objects.insert(key, Object { name, table, sql, form, made });
                }
            }
        }
        Ok(read)
    }

    /// The tables that are no virtual ones, with what they say.
    pub(crate) fn ordinary(&self) -> impl Iterator<Item = (&String, &Table, &Definition)> {
        self.tables.iter().filter_map(|(key, table)| Some((key, table, table.definition()?)))
    }

    /// What an ordinary table says, found by its name in lower case.
    pub(crate) fn definition(&self, key: &str) -> Option<&Definition> {
        self.tables.get(key)?.definition()
    }

    /// A line for each thing in which `self`, the wanted schema, differs from `made`.
    pub(crate) fn differences(&self, made: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        compare("table", &self.tables, &made.tables, |a, b| a.is_like(b), &mut lines);
        let sets = [
            ("index", &self.indexes, &made.indexes),
            ("view", &self.views, &made.views),
            ("trigger", &self.triggers, &made.triggers),
        ];
        for (kind, wanted, made) in sets {
            compare(kind, wanted, made, |a, b| a.form == b.form, &mut lines);
        }
        lines
    }
}

impl Table {
    /// Whether both are the same table, however it is written.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (TableKind::Ordinary(a), TableKind::Ordinary(b)) => {
                let forms = |table: &Definition| -> Vec<String> {
                    table.constraints.iter().map(|constraint| constraint.form.clone()).collect()
                };
                let options = |table: &Definition| (table.without_rowid, table.strict);
                let columns =
                    a.columns.len() == b.columns.len() && a.columns.iter().zip(&b.columns).all(|(a, b)| a.is_like(b));
                columns && forms(a) == forms(b) && options(a) == options(b)
            }
            (TableKind::Virtual(a), TableKind::Virtual(b)) => a == b,
            _ => false,
        }
    }
}

fn compare<T>(
    kind: &str,
    wanted: &BTreeMap<String, T>,
    made: &BTreeMap<String, T>,
    is_like: impl Fn(&T, &T) -> bool,
    lines: &mut Vec<String>,
) {
    for (key, object) in wanted {
        match made.get(key) {
            None => lines.push(format!("{kind} {key} is in schema.sql only")),
            Some(other) if !is_like(object, other) => {
                lines.push(format!("{kind} {key} is another in schema.sql than the migrations make"));
            }
            Some(_) => {}
        }
    }
    let superfluous = made.keys().filter(|key| !wanted.contains_key(*key));
    lines.extend(superfluous.map(|key| format!("{kind} {key} is made by the migrations only")));
}
