//! A schema as data, which renders to SQL: what the random edits change.

use std::fmt::Write;

/// Names that need quotes, have capitals or letters beyond ASCII stand among plain ones.
pub(crate) const NAMES: [&str; 12] =
    ["a", "b", "items", "order", "two words", "Zoë", "MixedCase", "quo\"te", "semi;colon", "x", "y", "long_name_1"];

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) tables: Vec<Table>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) views: Vec<View>,
    pub(crate) triggers: Vec<Trigger>,
    /// Counts up: what is new has a number that nothing had before.
    pub(crate) next: usize,
}

/// Tables and columns keep their number when they are renamed.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) key: Key,
    pub(crate) strict: bool,
    pub(crate) columns: Vec<Column>,
    /// A named UNIQUE over the key and the first column.
    pub(crate) composite: bool,
    /// A named CHECK that holds.
    pub(crate) check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Rowid,
    Autoincrement,
    /// `id` is plain, the rowid hidden.
    Unique,
    WithoutRowid,
    Composite,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) not_null: bool,
    pub(crate) default: Option<&'static str>,
    pub(crate) unique: bool,
    pub(crate) nocase: bool,
    pub(crate) check: Option<&'static str>,
    pub(crate) refers: Option<Reference>,
    /// STORED or not; over the key.
    pub(crate) generated: Option<bool>,
}

#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) table: usize,
    pub(crate) action: &'static str,
    pub(crate) deferred: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) table: usize,
    pub(crate) column: Option<usize>,
    pub(crate) partial: bool,
    pub(crate) expression: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) name: String,
    /// A table by its number, or a view by its name.
    pub(crate) of: Result<usize, String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) on: usize,
    pub(crate) touches: usize,
}

pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Model {
    pub(crate) fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    pub(crate) fn table(&self, number: usize) -> Option<&Table> {
        self.tables.iter().find(|table| table.number == number)
    }

    fn name(&self, number: usize) -> String {
        quote(self.table(number).map_or("nowhere", |table| &table.name))
    }

    pub(crate) fn sql(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            let _ = writeln!(sql, "{};", self.table_sql(table));
        }
        for Index { name, table, column, partial, expression } in &self.indexes {
            let of = self.table(*table);
            let column = column.and_then(|number| of?.columns.iter().find(|column| column.number == number));
            let column = quote(column.map_or("id", |column| &column.name));
            let column = if *expression { format!("length({column})") } else { format!("{column} DESC") };
            let partial = if *partial { " WHERE \"id\" > 'x;' OR \"id\" IS NOT NULL" } else { "" };
            let _ = writeln!(sql, "CREATE INDEX {} ON {} ({column}){partial};", quote(name), self.name(*table));
        }
        for View { name, of } in &self.views {
            let of = of.as_ref().map_or_else(|view| quote(view), |table| self.name(*table));
            let _ =
                writeln!(sql, "CREATE VIEW {} AS SELECT \"id\", count(*) AS n FROM {of} GROUP BY \"id\";", quote(name));
        }
        for Trigger { name, on, touches } in &self.triggers {
            let (name, on, touches) = (quote(name), self.name(*on), self.name(*touches));
            let _ = writeln!(
                sql,
                "CREATE TRIGGER {name} AFTER DELETE ON {on} WHEN old.\"id\" = -5 BEGIN\n  DELETE FROM {touches} WHERE \
                 \"id\" = old.\"id\"; -- ;\nEND;"
            );
        }
        sql
    }

    fn table_sql(&self, table: &Table) -> String {
        let mut parts = vec![match table.key {
            Key::Rowid => "\"id\" INTEGER PRIMARY KEY".into(),
            Key::Autoincrement => "\"id\" INTEGER PRIMARY KEY AUTOINCREMENT".into(),
            Key::Unique => "\"id\" INTEGER UNIQUE NOT NULL".into(),
            Key::WithoutRowid => "\"id\" INTEGER NOT NULL PRIMARY KEY".into(),
            Key::Composite => "\"id\" INTEGER NOT NULL UNIQUE, \"part\" TEXT NOT NULL DEFAULT 'p'".to_owned(),
        }];
        parts.extend(table.columns.iter().map(|column| self.column_sql(column)));
        if table.key == Key::Composite {
            parts.push("PRIMARY KEY (\"part\", \"id\" DESC)".into());
        }
        if let (true, Some(first)) = (table.composite, table.columns.first()) {
            parts.push(format!("CONSTRAINT \"both ways\" UNIQUE (\"id\", {})", quote(&first.name)));
        }
        if table.check {
            parts.push("CONSTRAINT holds CHECK (\"id\" <> -1 /* never */)".into());
        }
        let mut options = Vec::new();
        options.extend((table.key == Key::WithoutRowid).then_some("WITHOUT ROWID"));
        options.extend(table.strict.then_some("STRICT"));
        format!("CREATE TABLE {} (\n  {}\n) {}", quote(&table.name), parts.join(",\n  "), options.join(", "))
    }

    fn column_sql(&self, column: &Column) -> String {
        let mut sql = format!("{} {}", quote(&column.name), column.kind);
        if let Some(stored) = column.generated {
            sql += if stored { " GENERATED ALWAYS AS (\"id\" * 2) STORED" } else { " AS (\"id\" || 'v')" };
            return sql;
        }
        sql += if column.not_null { " NOT NULL" } else { "" };
        if let Some(default) = column.default {
            sql += &format!(" DEFAULT {default}");
        }
        sql += if column.nocase { " COLLATE NOCASE" } else { "" };
        sql += if column.unique { " UNIQUE" } else { "" };
        if let Some(check) = column.check {
            sql += &format!(" CHECK ({})", check.replace('@', &quote(&column.name)));
        }
        if let Some(Reference { table, action, deferred }) = &column.refers {
            sql += &format!(" REFERENCES {} (\"id\") {action}", self.name(*table));
            sql += if *deferred { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
        }
        sql
    }
}
