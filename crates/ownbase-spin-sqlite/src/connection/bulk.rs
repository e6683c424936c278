//! Work that a statement does without a look at the clock. SQLite looks between some of its instructions only.
//!
//! - One instruction may go through a whole table, however many rows the table has: a DELETE of all rows, and a count. A
//!   trigger or a view may hide either. The authorizer is asked about what they do too, while a statement is prepared; where
//!   it was asked about a DELETE or a count, EXPLAIN lists the program, those of triggers included, and that decides.
//! - One instruction may go through many large values: a function of up to 127 arguments, each of up to 2 MB. Where the authorizer was
//!   asked about one that takes any number, the statement's text tells how many; of one that a view or a trigger hides, the
//!   size of the program tells how many there can be. With more than 8 all values are to be smaller;
//!   an argument of a function that takes long over each counts more than once.
//! - Many instructions may go through large values: SQLite looks where it jumps back, and never in a list of thousands of calls. A
//!   statement whose program takes more than 32 KiB gets smaller values too: then it makes of all of them together what an
//!   ordinary one can.
//!
//! Such a statement is not kept prepared; so one that is found prepared has none of this.
//!
//! SQLite also prepares while a statement runs: that statement anew, if the schema has changed meanwhile, and those of its
//! full-text search. Then it is too late to look at a program; who must not be held up has it denied, and the statement
//! fails before it.
//!
//! An instruction that goes through one large value is not bounded, and SQLite may run a hundred of them before it looks at
//! the time. On the thread that serves, values are of at most 64 KiB, or 16 KiB where they are changed. A DELETE, UPDATE or
//! REPLACE may still free the pages of a larger one without reading it: in one instruction some 1,000 pages of 2 KiB, and
//! some 14 rows between two looks. Full-text search is stopped between the pages that it reads.
//!
//! <https://sqlite.org/c3ref/set_authorizer.html>, <https://sqlite.org/opcode.html>

use crate::policy::{self, MAX_VALUE_BYTES};
use rusqlite::{Connection, Statement, StatementStatus};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// SQLite's names for those instructions.
const INSTRUCTIONS: [&str; 2] = ["Clear", "Count"];

/// Instructions of a program that are looked at; a longer one is taken for one that has it.
const MAX_INSTRUCTIONS: usize = 2_000;

/// A function of more arguments goes through more than is done in 50 ms, were they all as large as they may be.
const ARGUMENTS: i32 = 8;

/// The least that an argument of a call adds to a program, in bytes: the place of the value, and its load.
const ARGUMENT_BYTES: i32 = 80;

/// The memory of a program from which on its values are to be smaller, in bytes: of some 300 calls of functions.
const PROGRAM_BYTES: i32 = 32 << 10;

/// What the authorizer was asked on one connection, and is to answer. Clones are of the same connection.
#[derive(Clone, Default)]
pub(crate) struct Bulk(Arc<Asked>);

#[derive(Default)]
struct Asked {
    /// About anything.
    at_all: AtomicBool,
    may_come: AtomicBool,
    may_be_wide: AtomicBool,
    may_be_wide_inside: AtomicBool,
    is_denied: AtomicBool,
}

impl Bulk {
    /// For the authorizer: a statement is being prepared.
    pub(crate) fn note(&self) {
        self.0.at_all.store(true, Relaxed);
    }

    /// For the authorizer: there is a function that takes any number of arguments, in the statement or in a view or trigger.
    pub(crate) fn note_wide(&self, is_inside: bool) {
        let place = if is_inside { &self.0.may_be_wide_inside } else { &self.0.may_be_wide };
        place.store(true, Relaxed);
    }

    /// Whether a statement was prepared since `forget`.
    pub(super) fn was_asked(&self) -> bool {
        self.0.at_all.load(Relaxed)
    }

    /// For the authorizer: whether to admit what may be such an instruction.
    pub(crate) fn admit(&self) -> bool {
        self.0.may_come.store(true, Relaxed);
        !self.0.is_denied.load(Relaxed)
    }

    /// Whether such an instruction may have come since `forget`.
    pub(super) fn may_have_come(&self) -> bool {
        self.0.may_come.load(Relaxed)
    }

    pub(super) fn forget(&self) {
        let Asked { at_all, may_come, may_be_wide, may_be_wide_inside, .. } = &*self.0;
        for asked in [at_all, may_come, may_be_wide, may_be_wide_inside] {
            asked.store(false, Relaxed);
        }
    }

    /// Admits no such instruction until what this returns is dropped.
    pub(super) fn deny(&self) -> Denial<'_> {
        self.0.is_denied.store(true, Relaxed);
        Denial(self)
    }
}

pub(super) struct Denial<'a>(&'a Bulk);

impl Drop for Denial<'_> {
    fn drop(&mut self) {
        self.0.0.is_denied.store(false, Relaxed);
    }
}

/// The work that a statement does without a look at the clock.
#[derive(Clone, Copy)]
pub(super) struct Load {
    is_bulk: bool,
    /// The largest value that it may make or read.
    pub(super) max_value_bytes: i32,
}

impl Load {
    pub(super) const LIGHT: Load = Load { is_bulk: false, max_value_bytes: MAX_VALUE_BYTES };

    /// Whether nothing could stop it for long.
    pub(super) fn is_heavy(self) -> bool {
        self.is_bulk || self.max_value_bytes < MAX_VALUE_BYTES
    }
}

/// Looks at a statement that was just prepared.
pub(super) fn look(sqlite: &Connection, sql: &str, prepared: &Statement<'_>, asked: &Bulk) -> Load {
    let program_bytes = prepared.get_status(StatementStatus::MemUsed);
    let seen = if asked.0.may_be_wide.load(Relaxed) { widest_call(sql) } else { 0 };
    let hidden = if asked.0.may_be_wide_inside.load(Relaxed) { program_bytes / ARGUMENT_BYTES } else { 0 };
    let max_value_bytes = share(PROGRAM_BYTES, program_bytes).min(share(ARGUMENTS, seen.max(hidden)));
    Load { is_bulk: asked.may_have_come() && is_bulk(sqlite, sql).unwrap_or(true), max_value_bytes }
}

/// The largest value where there is `many` of what there may be `few` of.
fn share(few: i32, many: i32) -> i32 {
    let bytes = i64::from(MAX_VALUE_BYTES) * i64::from(few) / i64::from(many.max(few));
    i32::try_from(bytes).unwrap_or(MAX_VALUE_BYTES)
}

/// The largest value where a function is called with so many arguments.
#[cfg(test)]
pub(crate) fn of_arguments(function: &str, arguments: i32) -> i32 {
    share(ARGUMENTS, weight(function, arguments))
}

/// How many ordinary arguments those of a call stand for.
fn weight(function: &str, arguments: i32) -> i32 {
    let is = |name: &str| function.eq_ignore_ascii_case(name);
    if ["json_array", "json_object", "jsonb_array", "jsonb_object"].into_iter().any(is) {
        // A control character becomes six, and SQLite looks at the limit at the end.
        14 * arguments
    } else if ["json_quote", "strftime"].into_iter().any(is) {
        arguments.max(12)
    } else if function.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("json")) {
        2 * arguments
    } else {
        arguments
    }
}

/// Whether a program has an instruction about a whole table.
fn is_bulk(sqlite: &Connection, sql: &str) -> rusqlite::Result<bool> {
    let mut explain = sqlite.prepare(&format!("EXPLAIN {sql}"))?;
    // Unlike a query it may leave parameters unbound.
    let mut program = explain.raw_query();
    for _ in 0..MAX_INSTRUCTIONS {
        match program.next()? {
            Some(instruction) if INSTRUCTIONS.contains(&instruction.get_ref(1)?.as_str()?) => return Ok(true),
            Some(_) => {}
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The most arguments, by weight, of a call of a function that takes any number.
fn widest_call(sql: &str) -> i32 {
    let mut widest = 0;
    // Of each parenthesis that is open: the function, and its arguments so far.
    let mut open: Vec<(&str, i32)> = Vec::new();
    let (mut rest, mut word) = (sql, "");
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_bytes(rest));
        match (first, open.last_mut()) {
            ('(', _) => open.push((word.trim_matches(['"', '`', '[', ']', '\'']), 1)),
            (',', Some((_, arguments))) => *arguments += 1,
            (')', Some((function, arguments))) => {
                if policy::may_be_wide(function) {
                    widest = widest.max(weight(function, *arguments));
                }
                open.pop();
            }
            _ => {}
        }
        let is_nothing = first.is_ascii_whitespace() || token.starts_with("--") || token.starts_with("/*");
        (rest, word) = (after, if is_nothing { word } else { token });
    }
    widest
}

/// The bytes of the token that SQL begins with.
fn token_bytes(sql: &str) -> usize {
    let until = |end: &str, skipped: usize| {
        let rest = sql.get(skipped..).unwrap_or_default();
        rest.find(end).map_or(sql.len(), |at| skipped + at + end.len())
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    match sql.chars().next() {
        Some('\'') => until("'", 1),
        Some('"') => until("\"", 1),
        Some('`') => until("`", 1),
        Some('[') => until("]", 1),
        Some('-') if sql.starts_with("--") => until("\n", 2),
        Some('/') if sql.starts_with("/*") => until("*/", 2),
        Some(c) if is_word(c) => sql.find(|c| !is_word(c)).unwrap_or(sql.len()),
        Some(c) => c.len_utf8(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::widest_call;

    #[test]
    fn arguments_are_counted_in_calls_that_may_be_wide() {
        for (sql, expected) in [
            ("SELECT 1, 2, 3", 0),
            ("INSERT INTO a (b, c, d) VALUES (1, json('[1,2,3]'), 3)", 2),
            ("SELECT MAX(1, (2), upper('a'), min(3, 4), ')', \"x,)\", [y)], `z,`)", 8),
            ("SELECT json_extract /* (,) */ ( -- ,,,)\n 1, 2)", 4),
            ("SELECT \"printf\"('%d', 1, 2), [max](1, 2)", 3),
            ("SELECT json_array('it''s', 2, 'é', 4)", 56),
            ("SELECT strftime('%Y', 'now')", 12),
            ("SELECT json_object(", 0),
        ] {
            assert_eq!(widest_call(sql), expected, "{sql}");
        }
    }
}
