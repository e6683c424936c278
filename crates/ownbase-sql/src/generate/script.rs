//! A plan written as the text of a migration.

use std::fmt::Write;

use super::plan::{Leaving, Plan};
use super::rebuild::Rebuild;
use crate::schema::Object;
use crate::schema::definition::Definition;
use crate::schema::text::{quote, string};

/// The statements and the comments that say why, each ended by `;` and a line break.
pub(crate) fn script(renames: &[String], plan: &Plan) -> String {
    let mut script = Script::default();
    script.section("");
    renames.iter().for_each(|rename| script.statement(rename));
    script.section(if plan.rebuilds.is_empty() {
        ""
    } else {
        "What mentions a table that changes is made again below."
    });
    drops(&mut script, "TRIGGER", &plan.drop_triggers);
    drops(&mut script, "VIEW", &plan.drop_views);
    drops(&mut script, "INDEX", &plan.drop_indexes);
    script.section("");
    for table in &plan.drop_virtual {
        script.statement(&format!("DROP TABLE {}", quote(&table.name)));
    }
    for alter in &plan.alters {
        let table = quote(&alter.table);
        for column in &alter.add {
            script.statement(&format!("ALTER TABLE {table} ADD COLUMN {}", column.text));
        }
        for column in &alter.drop {
            script.statement(&format!("ALTER TABLE {table} DROP COLUMN {}", quote(&column.name)));
        }
    }
    if !plan.rebuilds.is_empty() {
        script.section(
            "SQLite cannot alter these tables in place: they are made anew and filled, and the old ones dropped. What\n\
             -- refers to one of them is among them, since a DROP would delete it or fail.",
        );
    }
    for rebuild in &plan.rebuilds {
        let (old, aside) = (quote(&rebuild.old.name), quote(&rebuild.aside));
        script.statement(&format!("ALTER TABLE {old} RENAME TO {aside}"));
    }
    script.section("");
    let made = plan.rebuilds.iter().map(|rebuild| &rebuild.new);
    plan.creates.iter().chain(made).for_each(|table| script.statement(&table.sql));
    plan.create_indexes.iter().for_each(|index| script.statement(&index.sql));
    script.section("");
    plan.rebuilds.iter().for_each(|rebuild| copy(&mut script, rebuild));
    script.section("");
    plan.drops.iter().for_each(|table| drop_table(&mut script, table));
    script.section("");
    plan.create_views.iter().chain(&plan.create_triggers).for_each(|object| script.statement(&object.sql));
    script.text
}

/// The text, with an empty line and a comment before the first statement of each section that has any.
#[derive(Default)]
struct Script {
    text: String,
    comment: String,
    begins: bool,
}

impl Script {
    fn section(&mut self, comment: &str) {
        self.comment = comment.into();
        self.begins = true;
    }

    fn statement(&mut self, sql: &str) {
        self.begin();
        // A comment at the end would swallow the semicolon.
        let end = crate::tokens::tokens(sql).filter(|token| !token.is_blank()).last();
        let end = end.map_or(0, |token| token.start + token.text.len());
        self.line(&format!("{};", sql.get(..end).unwrap_or(sql)));
    }

    /// A comment before a statement.
    fn note(&mut self, why: &str) {
        self.begin();
        self.line(&format!("-- {why}"));
    }

    fn begin(&mut self) {
        if std::mem::take(&mut self.begins) {
            self.text.push('\n');
            if !self.comment.is_empty() {
                self.line(&format!("-- {}", self.comment.clone()));
            }
        }
    }

    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn drops(script: &mut Script, kind: &str, objects: &[Object]) {
    for object in objects {
        script.statement(&format!("DROP {kind} {}", quote(&object.name)));
    }
}

fn copy(script: &mut Script, rebuild: &Rebuild) {
    let table = quote(&rebuild.new.name);
    let aside = quote(&rebuild.aside);
    if !rebuild.filled.is_empty() {
        script.note(&format!("NULL in {} becomes the default.", rebuild.filled.join(", ")));
    }
    let (columns, values): (Vec<&str>, Vec<&str>) =
        rebuild.values.iter().map(|(column, value)| (column.as_str(), value.as_str())).unzip();
    script.statement(&format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {aside}",
        columns.join(", "),
        values.join(", ")
    ));
    if rebuild.keeps_sequence {
        let (name, aside) = (string(&rebuild.new.name), string(&rebuild.aside));
        script.note("AUTOINCREMENT goes on where it was, even where its last rows are gone.");
        script.statement(&format!("DELETE FROM sqlite_sequence WHERE name = {name}"));
        script.statement(&format!(
            "INSERT INTO sqlite_sequence (name, seq) SELECT {name}, seq FROM sqlite_sequence WHERE name = {aside}"
        ));
    }
}

fn drop_table(script: &mut Script, table: &Leaving) {
    let (name, old) = match table {
        Leaving::Table(old) => (&old.name, old),
        Leaving::Aside { name, old } => (name, old),
    };
    let key = old.name.to_ascii_lowercase();
    let own = old.definition().map(|definition: &Definition| {
        definition.foreign_keys().filter(|own| own.parent == key && own.restricts_delete).collect::<Vec<_>>()
    });
    for own in own.into_iter().flatten() {
        script.note("Its rows refer to one another, and ON DELETE RESTRICT would keep them.");
        let columns: Vec<String> = own.columns.iter().map(|column| format!("{} = NULL", quote(column))).collect();
        script.statement(&format!("UPDATE {} SET {}", quote(name), columns.join(", ")));
    }
    script.statement(&format!("DROP TABLE {}", quote(name)));
}
