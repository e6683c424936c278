//! Tables in the order in which foreign keys let them be filled.

use std::collections::BTreeSet;

use crate::schema::Schema;

/// These tables, each after those of them that it refers to. Within a circle the order is that of the names: only
/// deferred foreign keys let a circle be filled.
pub(crate) fn parents_first(schema: &Schema, tables: &BTreeSet<String>) -> Vec<String> {
    let mut ordered = Vec::new();
    let mut seen = BTreeSet::new();
    for table in tables {
        visit(schema, tables, table, &mut seen, &mut ordered);
    }
    ordered
}

/// Goes as deep as a chain of foreign keys is long, which is the number of tables at most.
fn visit(
    schema: &Schema,
    tables: &BTreeSet<String>,
    table: &str,
    seen: &mut BTreeSet<String>,
    ordered: &mut Vec<String>,
) {
    if !tables.contains(table) || !seen.insert(table.into()) {
        return;
    }
    if let Some(definition) = schema.definition(table) {
        for key in definition.foreign_keys() {
            visit(schema, tables, &key.parent, seen, ordered);
        }
    }
    ordered.push(table.into());
}
