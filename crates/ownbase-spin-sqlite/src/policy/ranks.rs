//! The column `rank` of full-text tables, which a guest may not read.
//!
//! Full-text search works out `rank` by any of its functions: a table's own settings name the function, or the statement
//! does, in a value. So `rank` reaches `snippet` and `highlight`, which take minutes for one row, and SQLite asks nobody
//! about them. `bm25(…)`, which is what `rank` stands for otherwise, is a call that SQLite does ask about, and is allowed.
//!
//! One connection knows all virtual tables of its database by name: those that it finds, and those that are made on it. A
//! name that was once a virtual table's stays one until the database is closed, and a virtual table keeps its name.

use rusqlite::{Connection, hooks::AuthAction};
use std::collections::HashSet;

/// Names remembered on one connection; past it no virtual table is made before the database is closed.
const MAX_NAMES: usize = 4_096;

/// Names of virtual tables, in lower case.
pub(super) struct Ranks(HashSet<String>);

impl Ranks {
    /// Of the virtual tables that a database has.
    pub(super) fn of(sqlite: &Connection) -> rusqlite::Result<Ranks> {
        let mut names =
            sqlite.prepare("SELECT lower(name) FROM sqlite_schema WHERE type = 'table' AND rootpage = 0")?;
        let names = names.query_map([], |row| row.get(0))?;
        Ok(Ranks(names.collect::<rusqlite::Result<_>>()?))
    }

    /// Whether a guest may do this, as far as ranks are concerned.
    pub(super) fn admits(&mut self, action: &AuthAction<'_>) -> bool {
        match action {
            AuthAction::Read { table_name, column_name } => {
                !column_name.eq_ignore_ascii_case("rank") || !self.0.contains(&table_name.to_ascii_lowercase())
            }
            AuthAction::AlterTable { table_name, .. } => !self.0.contains(&table_name.to_ascii_lowercase()),
            AuthAction::CreateVtable { table_name, .. } => {
                let has_room = self.0.len() < MAX_NAMES;
                if has_room {
                    self.0.insert(table_name.to_ascii_lowercase());
                }
                has_room
            }
            _ => true,
        }
    }
}
