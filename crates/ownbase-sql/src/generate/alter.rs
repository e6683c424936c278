//! Changes of a table that SQLite can make in place: columns added at the end, and plain columns dropped.
//!
//! <https://www.sqlite.org/lang_altertable.html>. The rules are those for a table with rows, and the narrower of the
//! two where SQLite's depend on the rows: a rebuild is always right, if slower.

use crate::schema::Table;
use crate::schema::definition::{Column, Constraint, Definition, Rule};

/// What ALTER TABLE does to one table.
#[derive(Debug)]
pub(crate) struct Alter {
    pub(crate) key: String,
    /// As it is written.
    pub(crate) table: String,
    pub(crate) add: Vec<Column>,
    pub(crate) drop: Vec<Column>,
}

impl Alter {
    pub(crate) fn losses(&self, from: &Definition) -> Vec<String> {
        let stored =
            self.drop.iter().filter(|column| from.column(&column.name).is_some_and(|old| old.generated.is_none()));
        stored.map(|column| format!("the column {}.{} is dropped", self.table, column.name)).collect()
    }
}

/// How to get from one definition to the other in place, if that can be done.
pub(crate) fn by_alter(table: &Table, from: &Definition, to: &Definition) -> Option<Alter> {
    let options = |definition: &Definition| (definition.strict, definition.without_rowid, definition.autoincrement);
    if options(from) != options(to) {
        return None;
    }
    let (kept, drop): (Vec<&Column>, Vec<&Column>) =
        from.columns.iter().partition(|column| to.column(&column.name).is_some());
    let (same, add) = to.columns.split_at_checked(kept.len())?;
    let is_kept = !kept.is_empty() && kept.iter().zip(same).all(|(old, new)| old.is_like(new));
    let rest = |definition: &Definition, outside: &dyn Fn(&str) -> bool| -> Vec<String> {
        let stay = |constraint: &&Constraint| !constraint.inside.as_deref().is_some_and(outside);
        definition.constraints.iter().filter(stay).map(|constraint| constraint.form.clone()).collect()
    };
    let is_dropped = |key: &str| drop.iter().any(|column| column.key() == key);
    let is_added = |key: &str| add.iter().any(|column| column.key() == key);
    let same_rules = rest(from, &is_dropped) == rest(to, &is_added);
    let can = add.iter().all(|column| can_add(column, to)) && drop.iter().all(|column| can_drop(column, from));
    (is_kept && same_rules && can).then(|| Alter {
        key: table.name.to_ascii_lowercase(),
        table: table.name.clone(),
        add: add.to_vec(),
        drop: drop.into_iter().cloned().collect(),
    })
}

fn can_add(column: &Column, table: &Definition) -> bool {
    let rules = rules_inside(column, table);
    if rules.iter().any(|rule| matches!(rule, Rule::PrimaryKey { .. } | Rule::Unique)) {
        return false;
    }
    if let Some(generated) = &column.generated {
        return !generated.stored;
    }
    let is_null = column.default.as_ref().is_none_or(|default| default.form == "null");
    let is_constant = column.default.as_ref().is_none_or(|default| default.is_constant);
    let refers = rules.iter().any(|rule| matches!(rule, Rule::ForeignKey(_)));
    is_constant && (!is_null || column.not_null.is_none()) && (is_null || !refers)
}

fn can_drop(column: &Column, table: &Definition) -> bool {
    rules_inside(column, table).iter().all(|rule| matches!(rule, Rule::Check { .. }))
}

fn rules_inside<'a>(column: &Column, table: &'a Definition) -> Vec<&'a Rule> {
    let key = column.key();
    let inside = table.constraints.iter().filter(|constraint| constraint.inside.as_deref() == Some(&key));
    inside.map(|constraint| &constraint.rule).collect()
}
