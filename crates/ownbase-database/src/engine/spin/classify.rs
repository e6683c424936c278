//! What an error text of spin:sqlite means to the port.
//!
//! Errors cross spin:sqlite as text. Ownbase's host begins each with SQLite's symbolic code
//! (`SQLITE_BUSY: database is locked`), possibly an extended one. Unmodified Spin passes SQLite's bare message, of
//! which only the beginning is SQLite's own: what follows may quote a statement.

use crate::Error;

/// Sorts the text of `error.io`.
#[must_use]
pub fn classify(text: &str) -> Error {
    let (code, message) = match text.split_once(": ") {
        Some((code, message)) if code.starts_with("SQLITE_") => (code, message),
        _ => (code_of(text), text),
    };
    let is = |family: &str| code.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    if is("SQLITE_BUSY") || is("SQLITE_LOCKED") {
        Error::Busy
    } else if is("SQLITE_FULL") {
        Error::Full
    } else if is("SQLITE_INTERRUPT") {
        Error::TimedOut
    } else if is("SQLITE_CORRUPT") || is("SQLITE_NOTADB") {
        Error::Damaged { code: code.into(), message: message.into() }
    } else if is("SQLITE_CONSTRAINT") {
        Error::Constraint(message.into())
    } else if is("SQLITE_ERROR") && message.starts_with("no such table") {
        Error::Missing
    } else {
        Error::Failed { code: code.into(), message: message.into() }
    }
}

/// The code behind SQLite's bare message.
fn code_of(message: &str) -> &'static str {
    let subject = message.split_once(": ").map_or(message, |(subject, _)| subject);
    match subject {
        "database is locked" => "SQLITE_BUSY",
        "database table is locked" | "database schema is locked" => "SQLITE_LOCKED",
        "database or disk is full" => "SQLITE_FULL",
        "attempt to write a readonly database" => "SQLITE_READONLY",
        "interrupted" => "SQLITE_INTERRUPT",
        "database disk image is malformed" => "SQLITE_CORRUPT",
        "file is not a database" => "SQLITE_NOTADB",
        "unable to open database" | "unable to open database file" => "SQLITE_CANTOPEN",
        _ if subject.ends_with(" constraint failed") => "SQLITE_CONSTRAINT",
        _ => "SQLITE_ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::classify;
    use crate::Error;

    #[test]
    fn reads_the_code_that_ownbase_puts_first() {
        for (text, error) in [
            ("SQLITE_BUSY: database is locked", Error::Busy),
            ("SQLITE_BUSY_SNAPSHOT: database is locked", Error::Busy),
            ("SQLITE_LOCKED: database table is locked", Error::Busy),
            ("SQLITE_FULL: database or disk is full", Error::Full),
            ("SQLITE_INTERRUPT: interrupted", Error::TimedOut),
            ("SQLITE_ERROR: no such table: notes", Error::Missing),
            (
                "SQLITE_CONSTRAINT_UNIQUE: UNIQUE constraint failed: notes.id",
                Error::Constraint("UNIQUE constraint failed: notes.id".into()),
            ),
            ("SQLITE_CORRUPT: set aside", damaged("SQLITE_CORRUPT", "set aside")),
            ("SQLITE_NOTADB: file is not a database", damaged("SQLITE_NOTADB", "file is not a database")),
            ("SQLITE_AUTH: not authorized", failed("SQLITE_AUTH", "not authorized")),
            ("SQLITE_ERROR: near \"x\": syntax error", failed("SQLITE_ERROR", "near \"x\": syntax error")),
            ("SQLITE_FULLER: no code of SQLite's", failed("SQLITE_FULLER", "no code of SQLite's")),
        ] {
            assert_eq!(classify(text), error, "{text}");
        }
    }

    #[test]
    fn reads_sqlite_s_bare_message() {
        for (text, error) in [
            ("database is locked", Error::Busy),
            ("database table is locked: notes", Error::Busy),
            ("database or disk is full", Error::Full),
            ("interrupted", Error::TimedOut),
            ("no such table: notes in SELECT 1 FROM notes at offset 14", Error::Missing),
            ("database disk image is malformed", damaged("SQLITE_CORRUPT", "database disk image is malformed")),
            ("file is not a database", damaged("SQLITE_NOTADB", "file is not a database")),
            ("FOREIGN KEY constraint failed", Error::Constraint("FOREIGN KEY constraint failed".into())),
            ("not authorized", failed("SQLITE_ERROR", "not authorized")),
            (
                "unable to open database: file:/x.db?mode=rw",
                failed("SQLITE_CANTOPEN", "unable to open database: file:/x.db?mode=rw"),
            ),
            ("", failed("SQLITE_ERROR", "")),
        ] {
            assert_eq!(classify(text), error, "{text}");
        }
    }

    #[test]
    fn what_a_message_quotes_decides_nothing() {
        let text = "near \"database is locked: no such table\": syntax error";
        assert_eq!(classify(text), failed("SQLITE_ERROR", text));
    }

    fn damaged(code: &str, message: &str) -> Error {
        Error::Damaged { code: code.into(), message: message.into() }
    }

    fn failed(code: &str, message: &str) -> Error {
        Error::Failed { code: code.into(), message: message.into() }
    }
}
