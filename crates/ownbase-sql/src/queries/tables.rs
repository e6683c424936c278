//! What the queries' tables are: their columns, the columns' types, and which can be NULL.

use rusqlite::Connection;

use super::types::Type;

/// A table or view of the user's database.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) is_view: bool,
    pub(super) columns: Vec<Column>,
}

/// A column of a [`Table`].
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// `None` where any value may stand.
    pub(super) r#type: Option<Type>,
    pub(super) not_null: bool,
    /// Whether writing NULL fails. A key that is the rowid takes it, for the next number.
    pub(super) refuses_null: bool,
    /// Whether an INSERT that names no columns gives it a value.
    pub(super) is_written: bool,
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// The application's own tables and views; SQLite's, Ownbase's and those behind virtual tables are left out.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut statement = connection.prepare(
        "SELECT name, type = 'view' FROM pragma_table_list
         WHERE schema = 'main' AND type <> 'shadow' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_*' ORDER BY name",
    )?;
    let tables = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    tables
        .map(|table| {
            let (name, is_view) = table?;
            let columns = columns(connection, &name)?;
            Ok(Table { name, is_view, columns })
        })
        .collect()
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare("SELECT name, type, \"notnull\", hidden FROM pragma_table_xinfo(?1)")?;
    let columns = statement.query_map([table], |row| {
        let not_null = row.get(2)?;
        Ok(Column {
            name: row.get(0)?,
            r#type: Type::of_column(&row.get::<_, String>(1)?),
            not_null,
            refuses_null: not_null,
            is_written: row.get::<_, i64>(3)? == 0,
        })
    })?;
    let mut columns = columns.collect::<rusqlite::Result<Vec<_>>>()?;
    if let Some(key) = rowid_alias(connection, table, &columns) {
        for column in columns.iter_mut().filter(|column| column.name == key) {
            column.not_null = true;
        }
    }
    Ok(columns)
}

/// The column that is another name for the rowid, and so never NULL although nothing says so. SQLite itself is asked:
/// `INTEGER PRIMARY KEY DESC` is none.
fn rowid_alias(connection: &Connection, table: &str, columns: &[Column]) -> Option<String> {
    let is_free = |name: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let rowid = ["rowid", "oid", "_rowid_"].into_iter().find(is_free)?;
    let table = table.replace('"', "\"\"");
    let statement = connection.prepare(&format!("SELECT {rowid} FROM \"{table}\"")).ok()?;
    let origin = statement.columns_with_metadata().next()?.origin_name()?.to_owned();
    Some(origin)
}
