//! A statement, what kind of statement it is, and how far it came.
//!
//! The kind decides where a statement may run, so it errs on the careful side: what is not certainly a read or a plain
//! change of rows is `Other`. A plain change is one INSERT, REPLACE, UPDATE or DELETE outside a transaction: where it fails
//! or is stopped, SQLite undoes all of it, so that it can be run again.
//!
//! <https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction>

use crate::{bindings::spin::sqlite::sqlite::Value, errors::Error};

/// A statement and its parameters, as the guest sent them.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Value>,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Answers rows and does nothing else.
    Read,
    /// Changes rows, outside a transaction.
    Change,
    Other,
}

/// Whether and how a statement may run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Admission {
    Refused,
    Granted,
    /// As long as no value or row is larger than some KiB: SQLite looks at the time between its instructions only.
    Small,
}

impl Admission {
    /// For those that take reads only.
    pub(crate) fn of_reads(kind: Kind) -> Admission {
        if kind == Kind::Read { Admission::Granted } else { Admission::Refused }
    }
}

/// What an INSERT, UPDATE or DELETE changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changes {
    pub(crate) rows: u64,
    /// `None` if there can have been no INSERT.
    pub(crate) last_insert_rowid: Option<i64>,
}

/// How far `Connection::run` came.
pub(crate) enum Ran {
    /// The statement was run, or cannot be.
    Done(Result<Option<Changes>, Error>),
    /// It was not admitted; nothing was done.
    Refused,
    /// It took more than it may, and nothing is left of what it did. Some rows may have been given out.
    Stopped(Error),
}

impl Statement {
    /// Whether its first word is `word`; a comment or a WITH before it hides it.
    pub(crate) fn begins_with(&self, word: &str) -> bool {
        self.sql.trim_start().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    }

    /// Whether it changes rows one by one. A DELETE of all rows is a single instruction of SQLite, however long it takes.
    pub(super) fn changes_rows(&self) -> bool {
        ["INSERT", "REPLACE", "UPDATE"].iter().any(|word| self.begins_with(word))
            || self.begins_with("DELETE") && self.has_where()
    }

    /// Whether it may insert rows other than by triggers, of whose rowids SQLite does not tell.
    pub(super) fn may_insert(&self) -> bool {
        !["UPDATE", "DELETE"].iter().any(|word| self.begins_with(word))
    }

    /// Whether WHERE is a word of it; not as part of a name, nor where it may stand in a comment.
    fn has_where(&self) -> bool {
        let parts_words = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' && c != '$';
        !self.contains("--")
            && !self.contains("/*")
            && self.sql.split(parts_words).any(|word| word.eq_ignore_ascii_case("WHERE"))
    }

    /// Whether it may count a table's rows, which is a single instruction of SQLite as well. One that a view hides is not
    /// seen.
    pub(crate) fn counts_rows(&self) -> bool {
        self.contains("count(") || self.contains("count (")
    }

    fn contains(&self, word: &str) -> bool {
        self.sql.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    }
}
