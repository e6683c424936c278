//! Tables in the order in which foreign keys let them be filled.

use std::collections::BTreeSet;

use crate::schema::Schema;
use crate::schema::definition::ForeignKey;

/// These tables, each after those of them that it refers to. Within a circle the order is that of the names, but a
/// deferred key gives way to one that is not.
pub(crate) fn parents_first(schema: &Schema, tables: &BTreeSet<String>) -> Vec<String> {
    let all = sorted(schema, tables, &|_| true);
    if circle(schema, &all).is_none() {
        return all;
    }
    sorted(schema, tables, &|key| !key.is_deferred)
}

/// A table that refers to one further back, and so cannot be filled in this order; and that other one.
pub(crate) fn circle(schema: &Schema, order: &[String]) -> Option<(String, String)> {
    order.iter().enumerate().find_map(|(at, table)| {
        let later = order.get(at + 1..).unwrap_or_default();
        let mut keys = schema.definition(table)?.foreign_keys();
        let key = keys.find(|key| !key.is_deferred && later.contains(&key.parent))?;
        Some((table.clone(), key.parent.clone()))
    })
}

fn sorted(schema: &Schema, tables: &BTreeSet<String>, counts: &dyn Fn(&ForeignKey) -> bool) -> Vec<String> {
    let mut sort = Sort { schema, tables, counts, seen: BTreeSet::new(), ordered: Vec::new() };
    tables.iter().for_each(|table| sort.visit(table));
    sort.ordered
}

struct Sort<'a> {
    schema: &'a Schema,
    tables: &'a BTreeSet<String>,
    /// Which keys decide.
    counts: &'a dyn Fn(&ForeignKey) -> bool,
    seen: BTreeSet<String>,
    ordered: Vec<String>,
}

impl Sort<'_> {
    /// Goes as deep as a chain of foreign keys is long, which is the number of tables at most.
    fn visit(&mut self, table: &str) {
        if !self.tables.contains(table) || !self.seen.insert(table.into()) {
            return;
        }
        let schema = self.schema;
        let keys = schema.definition(table).into_iter().flat_map(|definition| definition.foreign_keys());
        let counts = self.counts;
        keys.filter(|key| counts(key)).for_each(|key| self.visit(&key.parent));
        self.ordered.push(table.into());
    }
}
