//! What is to be renamed: never guessed, since a new name looks like a loss and a gain.

use std::fmt;
use std::str::FromStr;

use crate::schema::Schema;
use crate::schema::text::quote;

/// A table's (`notes=entries`) or a column's (`notes.text=notes.body`) new name.
///
/// Where its table is renamed too, the column's table may have the old or the new name.
///
/// ```
/// let rename: ownbase_sql::Rename = "notes.text=notes.body".parse()?;
/// assert_eq!(rename.to_string(), "notes.text=notes.body");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    old: Name,
    new: Name,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    table: String,
    column: Option<String>,
}

impl FromStr for Rename {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (old, new) = text.split_once('=').ok_or("write OLD=NEW")?;
        let (old, new) = (name(old)?, name(new)?);
        if old.column.is_some() != new.column.is_some() {
            return Err("write TABLE=TABLE or TABLE.COLUMN=TABLE.COLUMN".into());
        }
        Ok(Self { old, new })
    }
}

fn name(text: &str) -> Result<Name, String> {
    let (table, column) = match text.split_once('.') {
        Some((table, column)) => (table, Some(column)),
        None => (text, None),
    };
    if table.is_empty() || column.is_some_and(str::is_empty) || column.is_some_and(|column| column.contains('.')) {
        return Err("write TABLE=TABLE or TABLE.COLUMN=TABLE.COLUMN".into());
    }
    Ok(Name { table: table.into(), column: column.map(Into::into) })
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.old, self.new)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}.{column}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

/// The statements that rename, tables first.
///
/// # Errors
/// Which rename fits neither schema.
pub(crate) fn statements(renames: &[Rename], current: &Schema, wanted: &Schema) -> Result<Vec<String>, String> {
    let (columns, tables): (Vec<&Rename>, Vec<&Rename>) =
        renames.iter().partition(|rename| rename.old.column.is_some());
    let mut statements = Vec::new();
    for rename in &tables {
        let (old, new) = (&rename.old.table, &rename.new.table);
        exists(current, "the migrations make", old, rename)?;
        exists(wanted, "schema.sql has", new, rename)?;
        statements.push(format!("ALTER TABLE {} RENAME TO {}", quote(old), quote(new)));
    }
    for rename in &columns {
        let (Some(old), Some(new)) = (&rename.old.column, &rename.new.column) else { continue };
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        // The table as it is called before and after the statements above.
        let renamed = tables
            .iter()
            .find(|table| same(&table.old.table, &rename.old.table) || same(&table.new.table, &rename.old.table));
        let (before, after) =
            renamed.map_or((&rename.old.table, &rename.old.table), |table| (&table.old.table, &table.new.table));
        if !same(after, &rename.new.table) && !same(before, &rename.new.table) {
            return Err(format!("--rename {rename}: a column stays in its table"));
        }
        has_column(current, "the migrations make", before, old, rename)?;
        has_column(wanted, "schema.sql has", after, new, rename)?;
        statements.push(format!("ALTER TABLE {} RENAME COLUMN {} TO {}", quote(after), quote(old), quote(new)));
    }
    Ok(statements)
}

fn exists(schema: &Schema, whose: &str, table: &str, rename: &Rename) -> Result<(), String> {
    if schema.tables.contains_key(&table.to_ascii_lowercase()) {
        return Ok(());
    }
    Err(format!("--rename {rename}: {whose} no table {table}"))
}

fn has_column(schema: &Schema, whose: &str, table: &str, column: &str, rename: &Rename) -> Result<(), String> {
    exists(schema, whose, table, rename)?;
    if schema.definition(&table.to_ascii_lowercase()).is_some_and(|table| table.column(column).is_some()) {
        return Ok(());
    }
    Err(format!("--rename {rename}: {whose} no column {column} in {table}"))
}

/// What tables and columns are called after the renames, in lower case.
#[derive(Debug, Default)]
pub(crate) struct NewNames {
    tables: Vec<(String, String)>,
    columns: Vec<(String, String, String)>,
}

impl NewNames {
    pub(crate) fn new(renames: &[Rename]) -> Self {
        let mut names = Self::default();
        let lower = |text: &String| text.to_ascii_lowercase();
        for Rename { old, new } in renames.iter().filter(|rename| rename.old.column.is_none()) {
            names.tables.push((lower(&old.table), lower(&new.table)));
        }
        for Rename { old, new } in renames {
            if let (Some(column), Some(to)) = (&old.column, &new.column) {
                // Kept under the table's new name, by whichever it was called.
                names.columns.push((names.table(&lower(&old.table)), lower(column), lower(to)));
            }
        }
        names
    }

    /// The new name of a table (in lower case).
    pub(crate) fn table(&self, old: &str) -> String {
        let renamed = self.tables.iter().find(|(name, _)| name == old);
        renamed.map_or(old, |(_, new)| new).into()
    }

    /// The new name of a column of a table, which is called by its old name.
    pub(crate) fn column(&self, table: &str, old: &str) -> String {
        let table = self.table(table);
        let renamed = self.columns.iter().find(|(of, name, _)| *of == table && name == old);
        renamed.map_or(old, |(_, _, new)| new).into()
    }
}
