//! What SQLite does to a whole table in one instruction, however many rows there are: a DELETE of all rows, and the count of
//! a table. Nothing can stop that: SQLite looks at the time between its instructions.
//!
//! A trigger or a view may hide either. The authorizer is asked about what they do too, while a statement is prepared; where
//! it was asked about a DELETE or a count, EXPLAIN lists the program, those of triggers included, and that decides. A
//! statement with such an instruction is not kept prepared; so one that is found prepared has none.
//!
//! SQLite also prepares while a statement runs: that statement anew, if the schema has changed meanwhile, and those of its
//! full-text search. Then it is too late to look at a program; who must not be held up has it denied, and the statement
//! fails before it.
//!
//! What this does not bound: an instruction that goes through one large value, of up to 2 MB, and there may be a hundred before
//! SQLite looks at the time. A change that makes or reads a value of more than 16 KiB is stopped, but a read is not, and
//! neither is a DELETE, UPDATE or REPLACE that frees the pages of one without reading it: in one instruction some 1,000 pages
//! of 2 KiB, and some 14 rows between two looks. Full-text search is stopped between the pages that it reads.
//!
//! <https://sqlite.org/c3ref/set_authorizer.html>, <https://sqlite.org/opcode.html>

use rusqlite::Connection;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// SQLite's names for those instructions.
const INSTRUCTIONS: [&str; 2] = ["Clear", "Count"];

/// Instructions of a program that are looked at; a longer one is taken for one that has it.
const MAX_INSTRUCTIONS: usize = 2_000;

/// What the authorizer was asked on one connection, and is to answer. Clones are of the same connection.
#[derive(Clone, Default)]
pub(crate) struct Bulk(Arc<Asked>);

#[derive(Default)]
struct Asked {
    may_come: AtomicBool,
    is_denied: AtomicBool,
}

impl Bulk {
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
        self.0.may_come.store(false, Relaxed);
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

/// Whether a statement has such an instruction, or cannot be said not to.
pub(super) fn is_in(sqlite: &Connection, sql: &str) -> bool {
    look(sqlite, sql).unwrap_or(true)
}

fn look(sqlite: &Connection, sql: &str) -> rusqlite::Result<bool> {
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
