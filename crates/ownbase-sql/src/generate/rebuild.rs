//! A table made anew: which columns take their values from where, and what is lost.

use crate::schema::Table;
use crate::schema::definition::{Column, Definition};
use crate::schema::text::quote;

/// One table that is made anew.
#[derive(Debug)]
pub(crate) struct Rebuild {
    pub(crate) old: Table,
    pub(crate) new: Table,
    /// What the old table is called meanwhile.
    pub(crate) aside: String,
    /// The new table's columns that are filled, each with the expression over the old table's row.
    pub(crate) values: Vec<(String, String)>,
    /// Whether the last number given out must be taken over.
    pub(crate) keeps_sequence: bool,
    /// Columns whose NULLs get the default.
    pub(crate) filled: Vec<String>,
    pub(crate) losses: Vec<String>,
}

impl Rebuild {
    /// # Errors
    /// Columns for which the rows that are there have no value.
    pub(crate) fn of(
        old: &Table,
        from: &Definition,
        new: &Table,
        to: &Definition,
        aside: &str,
    ) -> Result<Self, Vec<String>> {
        let (mut values, mut filled, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        let table = &new.name;
        for column in to.columns.iter().filter(|column| column.generated.is_none()) {
            let name = quote(&column.name);
            let default = column.default.as_ref().filter(|default| default.form != "null").map(|default| &default.text);
            match (from.column(&column.name), default) {
                (Some(old), Some(default)) if old.not_null.is_none() && column.not_null.is_some() => {
                    values.push((name.clone(), format!("ifnull({name}, {default})")));
                    filled.push(column.name.clone());
                }
                (Some(_), _) => values.push((name.clone(), name)),
                (None, None) if column.not_null.is_some() && !to.is_rowid(column) => faults.push(format!(
                    "{table}.{} is NOT NULL without a DEFAULT: the rows that are there have no value for it; give it \
                     a DEFAULT, or write the steps by hand (`migration new`)",
                    column.name
                )),
                (None, _) => {}
            }
        }
        if values.is_empty() {
            values.extend(any_value(to));
        }
        let losses = losses(table, from, to);
        let keeps_sequence = from.autoincrement && to.autoincrement;
        let (old, new, aside) = (old.clone(), new.clone(), aside.into());
        if faults.is_empty() {
            Ok(Self { old, new, aside, values, keeps_sequence, filled, losses })
        } else {
            Err(faults)
        }
    }
}

/// Where no column is kept, rows are still rows.
fn any_value(to: &Definition) -> Option<(String, String)> {
    let column = to.columns.iter().find(|column| column.generated.is_none())?;
    let value = column.default.as_ref().map_or("NULL", |default| &default.text);
    Some((quote(&column.name), value.into()))
}

fn losses(table: &str, from: &Definition, to: &Definition) -> Vec<String> {
    let mut losses = Vec::new();
    for old in from.columns.iter().filter(|column| column.generated.is_none()) {
        let name = &old.name;
        match to.column(name) {
            None => losses.push(format!("the column {table}.{name} is dropped")),
            Some(new) if new.generated.is_some() => {
                losses.push(format!("the column {table}.{name} becomes generated: what is stored in it is dropped"));
            }
            Some(new) if converts(affinity(old, from), affinity(new, to)) => losses.push(format!(
                "values in {table}.{name} are converted from {} to {}",
                type_name(&old.kind),
                type_name(&new.kind)
            )),
            Some(_) => {}
        }
    }
    losses
}

fn type_name(kind: &str) -> String {
    if kind.is_empty() { "no type".into() } else { kind.to_uppercase() }
}

/// What SQLite makes of values put into a column (<https://www.sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

/// The affinity of a column.
pub(crate) fn affinity(column: &Column, table: &Definition) -> Affinity {
    let has = |parts: &[&str]| parts.iter().any(|part| column.kind.contains(part));
    if column.kind.is_empty() || table.strict && column.kind == "any" {
        Affinity::Blob
    } else if has(&["int"]) {
        Affinity::Integer
    } else if has(&["char", "clob", "text"]) {
        Affinity::Text
    } else if has(&["blob"]) {
        Affinity::Blob
    } else if has(&["real", "floa", "doub"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// Whether a value may come out as another one.
fn converts(from: Affinity, to: Affinity) -> bool {
    let is_harmless = from == to
        || to == Affinity::Blob
        || [from, to].iter().all(|affinity| matches!(affinity, Affinity::Integer | Affinity::Numeric));
    !is_harmless
}
