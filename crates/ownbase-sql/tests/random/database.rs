//! A user's database that lives through all edits, and what it must still have after each.
//!
//! It knows nothing of how migrations are generated or proved: it has rows put in by hand, and compares by pragmas and
//! by the text of the schema.

use std::collections::BTreeMap;

use fastrand::Rng;
use ownbase_sql::Migration;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use crate::model::{Column, Key, Model, Table, quote};

pub(crate) struct UserDatabase {
    connection: Connection,
    attached: bool,
    /// The highest number that AUTOINCREMENT has given out, by the table's number.
    given: BTreeMap<usize, i64>,
}

/// The values of a column by row id.
pub(crate) type Values = BTreeMap<(usize, usize), Vec<(i64, Value)>>;

impl UserDatabase {
    pub(crate) fn new(attached: bool) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        if attached {
            connection.execute_batch("ATTACH ':memory:' AS u").unwrap();
        }
        Self { connection, attached, given: BTreeMap::new() }
    }

    fn schema(&self) -> &'static str {
        if self.attached { "u" } else { "main" }
    }

    /// Applies a migration; `false` where rows broke a constraint, which must have changed nothing.
    pub(crate) fn apply(&self, migration: &Migration) -> bool {
        let before = (self.text(), self.dump());
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let result = migration.statements.iter().try_for_each(|statement| {
            let attached = statement.attached.as_ref().filter(|_| self.attached);
            self.connection.execute_batch(attached.unwrap_or(&statement.plain))
        });
        match result.and_then(|()| self.connection.execute_batch("COMMIT")) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation), "{error}");
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("ROLLBACK").unwrap();
                }
                assert_eq!((self.text(), self.dump()), before);
                false
            }
        }
    }

    /// Rows for every table; parents stand before their children in the model.
    pub(crate) fn insert(&mut self, model: &Model, random: &mut Rng) {
        for table in &model.tables {
            for _ in 0..random.usize(1..5) {
                self.insert_row(model, table, random);
            }
        }
    }

    fn insert_row(&mut self, model: &Model, table: &Table, random: &mut Rng) {
        let name = quote(&table.name);
        let highest: i64 = self.one(&format!("SELECT coalesce(max(id), 0) FROM {name}"));
        let mut row: Vec<(String, Value)> = Vec::new();
        if table.key != Key::Autoincrement {
            row.push(("id".into(), Value::Integer(highest + 1)));
        }
        for column in table.columns.iter().filter(|column| column.generated.is_none()) {
            if !(column.default.is_some() && !column.unique && random.bool()) {
                row.push((column.name.clone(), self.value(model, column, random)));
            }
        }
        let columns: Vec<String> = row.iter().map(|(column, _)| quote(column)).collect();
        let places = vec!["?"; row.len()].join(", ");
        let sql = if row.is_empty() {
            format!("INSERT INTO {name} DEFAULT VALUES RETURNING id")
        } else {
            format!("INSERT INTO {name} ({}) VALUES ({places}) RETURNING id", columns.join(", "))
        };
        let values = row.into_iter().map(|(_, value)| value);
        let inserted = self.connection.query_row(&sql, params_from_iter(values), |row| row.get::<_, i64>(0));
        // Two rows may have one default or one parent where that must be unique: then this row is not.
        let Ok(id) = inserted else { return };
        if table.key == Key::Autoincrement {
            let given = self.given.entry(table.number).or_default();
            assert!(id > *given, "{name} gave out {id} again, after {given}");
            *given = id;
            if random.u8(0..3) == 0 {
                // Kept back by a row that refers to it, at times.
                let _ = self.connection.execute(&format!("DELETE FROM {name} WHERE id = {id}"), []);
            }
        }
    }

    fn value(&self, model: &Model, column: &Column, random: &mut Rng) -> Value {
        if !column.not_null && random.u8(0..5) == 0 {
            return Value::Null;
        }
        if let Some(refers) = &column.refers {
            let parent = quote(&model.table(refers.table).unwrap().name);
            let there: i64 = self.one(&format!("SELECT count(*) FROM {parent}"));
            if there == 0 {
                return Value::Null;
            }
            return self.one(&format!("SELECT id FROM {parent} LIMIT 1 OFFSET {}", random.i64(0..there)));
        }
        let number = random.i64(0..1 << 40);
        match column.kind {
            "INTEGER" => Value::Integer(number),
            "BLOB" => Value::Blob(number.to_be_bytes().to_vec()),
            "TEXT" => Value::Text(format!("it's {number}; é")),
            _ if random.bool() => Value::Text(format!("Text {number}")),
            _ => Value::Integer(number),
        }
    }

    fn one<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// What every column of every table holds.
    pub(crate) fn values(&self, model: &Model) -> Values {
        let mut values = Values::new();
        for table in &model.tables {
            for column in &table.columns {
                let sql = format!("SELECT id, {} FROM {} ORDER BY id", quote(&column.name), quote(&table.name));
                let mut statement = self.connection.prepare(&sql).unwrap();
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                values.insert((table.number, column.number), rows.map(Result::unwrap).collect());
            }
        }
        values
    }

    /// Every table that was and is has its rows; every column that was and is its values.
    pub(crate) fn check_kept(&mut self, before: &Values, old: &Model, new: &Model) {
        for (key, after) in self.values(new) {
            let Some(before) = before.get(&key) else { continue };
            assert_eq!(before.len(), after.len(), "rows of table {}", key.0);
            for (before, after) in before.iter().zip(&after) {
                // A column that may not be NULL any more has its default.
                let filled = before.0 == after.0 && before.1 == Value::Null && is_not_null(new, key);
                assert!(filled || before == after, "column {key:?}: {before:?} became {after:?}");
            }
        }
        for table in &new.tables {
            let count = |model: &Model| model.table(table.number).map(|table| table.key);
            if count(old) != Some(Key::Autoincrement) {
                self.given.remove(&table.number);
            }
        }
    }

    /// The schema as pragmas and its own text tell it, and nothing amiss in the file.
    pub(crate) fn check_schema(&self, wanted: &str) {
        let fresh = Connection::open_in_memory().unwrap();
        fresh.execute_batch(wanted).unwrap();
        assert_eq!(facts(&self.connection, self.schema()), facts(&fresh, "main"));
        let name = self.schema();
        assert_eq!(self.one::<String>(&format!("PRAGMA {name}.integrity_check")), "ok");
        let mut dangling = self.connection.prepare(&format!("PRAGMA {name}.foreign_key_check")).unwrap();
        assert!(!dangling.exists([]).unwrap());
        assert!(!self.attached || strings(&self.connection, "SELECT name FROM main.sqlite_schema").is_empty());
    }

    fn text(&self) -> Vec<String> {
        strings(
            &self.connection,
            &format!("SELECT concat_ws('|', type, name, sql) FROM {}.sqlite_schema", self.schema()),
        )
    }

    fn dump(&self) -> Vec<String> {
        let sql = format!("SELECT name FROM {}.sqlite_schema WHERE type = 'table'", self.schema());
        let rows = strings(&self.connection, &sql).into_iter().flat_map(|table| {
            let mut statement = self.connection.prepare(&format!("SELECT * FROM {}", quote(&table))).unwrap();
            let columns = statement.column_count();
            let row =
                |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>();
            statement.query_map([], row).unwrap().map(|row| format!("{table} {:?}", row.unwrap())).collect::<Vec<_>>()
        });
        rows.collect()
    }
}

fn is_not_null(model: &Model, (table, column): (usize, usize)) -> bool {
    let columns = model.table(table).map(|table| &table.columns);
    columns.into_iter().flatten().any(|other| other.number == column && other.not_null)
}

fn strings(connection: &Connection, sql: &str) -> Vec<String> {
    connection.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Everything that SQLite tells about a schema, in an order that does not depend on how it came to be.
fn facts(connection: &Connection, schema: &str) -> Vec<String> {
    let tables = format!("SELECT name FROM {schema}.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    let mut facts = Vec::new();
    for table in strings(connection, &tables) {
        let of = format!("'{}', '{schema}'", table.replace('\'', "''"));
        for sql in [
            format!(
                "SELECT concat_ws('|', cid, name, type, \"notnull\", replace(dflt_value, ' ', ''), pk, hidden) FROM pragma_table_xinfo({of})"
            ),
            format!(
                "SELECT concat_ws('|', \"table\", seq, \"from\", \"to\", on_update, on_delete) FROM pragma_foreign_key_list({of})"
            ),
            format!(
                "SELECT concat_ws('|', iif(i.origin = 'c', i.name, ''), i.\"unique\", i.origin, i.partial, x.seqno, x.name, x.\"desc\", x.coll, x.key) \
                 FROM pragma_index_list({of}) i JOIN pragma_index_xinfo(i.name, '{schema}') x"
            ),
            format!(
                "SELECT concat_ws('|', type, ncol, wr, strict) FROM pragma_table_list({}) WHERE schema = '{schema}'",
                &of[..of.len() - schema.len() - 4]
            ),
        ] {
            facts.extend(strings(connection, &sql).into_iter().map(|fact| format!("{table}: {fact}")));
        }
    }
    let text = format!(
        "SELECT concat_ws('|', type, name, sql) FROM {schema}.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    );
    facts.extend(strings(connection, &text).into_iter().map(|text| text.replace([' ', '\n', '"'], "").to_lowercase()));
    facts.sort();
    facts
}
