//! The second form of a `CREATE`: with the schema `u` named.
//!
//! On unmodified Spin a user's file is attached as `u` to an empty database in memory. There a `CREATE` without a
//! schema would land in that memory and be gone with the connection; every other statement finds the user's tables
//! by itself, since nothing else is there. Views and triggers need `u.` before their own name only: SQLite binds the
//! names inside to the schema that they are made in.

use crate::tokens::{Token, significant};

/// The statement with `u.` before the name of what it creates, or `None` where it is not a `CREATE`.
///
/// `sql` is one statement that SQLite has parsed.
///
/// # Errors
/// Why a `CREATE` has no such form, for whoever wrote it.
pub(crate) fn attached_form(sql: &str) -> Result<Option<String>, String> {
    let mut tokens = significant(sql);
    if !tokens.next().is_some_and(|token| token.is_word("create")) {
        return Ok(None);
    }
    let mut kind = tokens.next();
    if kind.is_some_and(|token| token.is_word("unique") || token.is_word("virtual")) {
        kind = tokens.next();
    }
    if !kind.is_some_and(|token| ["table", "index", "view", "trigger"].iter().any(|kind| token.is_word(kind))) {
        return Err("of this kind of CREATE no form that names a schema is known (needed on unmodified Spin)".into());
    }
    // SQLite takes none of these words for a name unless it is quoted.
    let is_clause = |token: &Token<'_>| ["if", "not", "exists"].iter().any(|word| token.is_word(word));
    let mut tokens = tokens.skip_while(is_clause);
    let Some(name) = tokens.next() else {
        return Err("this CREATE has no name".into());
    };
    if tokens.next().is_some_and(|token| token.text == ".") {
        return Err(format!("leave out the schema {}: engines keep a user's tables in different ones", name.text));
    }
    let (before, after) = sql.split_at(name.start);
    Ok(Some(format!("{before}u.{after}")))
}
