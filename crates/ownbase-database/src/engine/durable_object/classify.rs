//! What the message of an exception from a Durable Object's storage means to the port.
//!
//! The runtime puts SQLite's code behind SQLite's message, and has no field for it:
//! `UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)`. What stands before may quote
//! a statement and decides nothing but which table is missing.

use crate::Error;

/// The code of what is no error of SQLite's.
pub(super) const RUNTIME: &str = "durable-object";

/// Sorts an exception by its message.
pub(super) fn classify(message: &str) -> Error {
    let plain = match message.rsplit_once(" (extended: SQLITE_") {
        Some((plain, _)) if message.ends_with(')') => plain,
        _ => message,
    };
    let Some((text, code)) = plain.rsplit_once(": SQLITE_") else {
        return Error::Failed { code: RUNTIME.into(), message: message.into() };
    };
    match code {
        "BUSY" | "LOCKED" => Error::Busy,
        "FULL" => Error::Full,
        "INTERRUPT" => Error::TimedOut,
        "CORRUPT" | "NOTADB" => Error::Damaged { code: format!("SQLITE_{code}"), message: text.into() },
        "CONSTRAINT" => Error::Constraint(text.into()),
        "ERROR" if text.starts_with("no such table") => Error::Missing,
        code => Error::Failed { code: format!("SQLITE_{code}"), message: text.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::classify;
    use crate::Error;

    #[test]
    fn the_code_behind_the_message_decides() {
        for (message, error) in [
            ("no such table: notes: SQLITE_ERROR", Error::Missing),
            (
                "UNIQUE constraint failed: u.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
                Error::Constraint("UNIQUE constraint failed: u.a".into()),
            ),
            ("database or disk is full: SQLITE_FULL", Error::Full),
            ("database is locked: SQLITE_BUSY (extended: SQLITE_BUSY_SNAPSHOT)", Error::Busy),
            ("database table is locked: SQLITE_LOCKED", Error::Busy),
            ("interrupted: SQLITE_INTERRUPT", Error::TimedOut),
            (
                "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR",
                failed("SQLITE_ERROR", "near \"SELEC\": syntax error at offset 0"),
            ),
            ("string or blob too big: SQLITE_TOOBIG", failed("SQLITE_TOOBIG", "string or blob too big")),
            ("disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_WRITE)", failed("SQLITE_IOERR", "disk I/O error")),
        ] {
            assert_eq!(classify(message), error, "{message}");
        }
    }

    #[test]
    fn what_has_no_code_is_the_runtime_s_own() {
        for message in ["Wrong number of parameter bindings for SQL query.", "", "SQLITE_BUSY"] {
            assert_eq!(classify(message), failed("durable-object", message), "{message}");
        }
    }

    #[test]
    fn what_a_message_quotes_decides_nothing() {
        let text = "near \"no such table: SQLITE_FULL\": syntax error";
        assert_eq!(classify(&format!("{text}: SQLITE_ERROR")), failed("SQLITE_ERROR", text));
    }

    fn failed(code: &str, message: &str) -> Error {
        Error::Failed { code: code.into(), message: message.into() }
    }
}
