//! Which views and triggers speak of a table or a view: by name, since SQLite tells no more.
//!
//! A column or an alias of the same name counts as well. That costs a view made again, and loses nothing.

use std::collections::BTreeSet;

use crate::schema::Schema;
use crate::schema::text::{is_string, unquoted};
use crate::tokens::significant;

/// Whether the statement names one of these (in lower case).
pub(crate) fn names_any(sql: &str, names: &BTreeSet<String>) -> bool {
    significant(sql).any(|token| !is_string(&token) && names.contains(&unquoted(&token).to_ascii_lowercase()))
}

/// Adds the views that mention one of the set, those that mention these, and so on.
pub(crate) fn close_over_views(touched: &mut BTreeSet<String>, schema: &Schema) {
    loop {
        let mentions =
            |(key, view): &(&String, &crate::schema::Object)| !touched.contains(*key) && names_any(&view.sql, touched);
        let more: Vec<String> = schema.views.iter().filter(mentions).map(|(key, _)| key.clone()).collect();
        if more.is_empty() {
            return;
        }
        touched.extend(more);
    }
}
