//! A statement, what kind of statement it is, and how far it came.
//!
//! The kind decides where a statement may run, so it errs on the careful side: what is not certainly a read or a plain
//! change of rows is `Other`. A plain change is one INSERT, REPLACE, UPDATE or DELETE outside a transaction, which SQLite can
//! stop: where it fails or is stopped, SQLite undoes all of it, so that it can be run again.
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
    /// The same, but nothing may be able to stop it.
    BulkRead,
    /// Changes rows, outside a transaction, and can be stopped.
    Change,
    Other,
}

/// Whether and how a statement may run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Admission {
    Refused,
    Granted,
    /// As long as it can be stopped.
    Brief,
    /// The same, and as long as no value or row is larger than some KiB: SQLite looks at the time between its instructions
    /// only.
    Small,
}

impl Kind {
    pub(crate) fn only_reads(self) -> bool {
        matches!(self, Kind::Read | Kind::BulkRead)
    }
}

impl Admission {
    /// For those that take reads only.
    pub(crate) fn of_reads(kind: Kind) -> Admission {
        if kind.only_reads() { Admission::Granted } else { Admission::Refused }
    }
}

/// What an INSERT, UPDATE or DELETE changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changes {
    pub(crate) rows: u64,
    /// `None` if it inserted no row.
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
    /// Whether its first word, after comments, is `word`.
    pub(crate) fn begins_with(&self, word: &str) -> bool {
        without_comments(&self.sql).get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    }

    /// Whether a database may be larger after it, if it does more than read. What ends a transaction only keeps what other
    /// statements did in it, and what frees room must always be possible.
    pub(crate) fn may_grow(&self) -> bool {
        !["DELETE", "DROP", "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA"]
            .iter()
            .any(|word| self.begins_with(word))
    }

    /// Whether it is an INSERT, REPLACE, UPDATE or DELETE, if it does more than read.
    pub(super) fn changes_rows(&self) -> bool {
        ["INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"].iter().any(|word| self.begins_with(word))
    }
}

/// What follows the white space, the comments and the semicolons that SQL begins with.
fn without_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        let (comment, end) = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
            (Some(comment), _) => (comment, "\n"),
            (_, Some(comment)) => (comment, "*/"),
            _ => return rest,
        };
        rest = comment.split_once(end).map_or("", |(_, rest)| rest);
    }
}
