//! One run of a statement: as what it is prepared, whether it may run, how it ended, what it changed.

use super::{Admission, Changes, Connection, Kind, Ran, Statement, bulk};
use crate::{
    errors::{Error, is_interrupt, is_too_large},
    policy,
    rows::{Fault, Rows, answer},
};
use rusqlite::{ErrorCode, ffi, limits::Limit};
use std::time::Instant;

/// The largest value or row of a statement that was admitted as a small one, in bytes.
const SMALL_VALUE_BYTES: i32 = 16 << 10;

impl Connection {
    /// Runs a statement as `admit` says of its kind, at most until `until`. Where it cannot even be prepared, nobody is asked.
    pub(crate) fn run(
        &self,
        statement: &Statement,
        until: Instant,
        admit: impl FnOnce(Kind) -> Admission,
        rows: &mut impl Rows,
    ) -> Ran {
        self.clock.stop_at(Some(until));
        let _spilling = self.spill.begin();
        self.bulk.forget();
        let mut prepared = match self.prepare(&statement.sql) {
            Ok(prepared) => prepared,
            Err(Fault::Sqlite(error)) if is_interrupt(&error) => return Ran::Stopped(self.explain(error.into())),
            Err(fault) => return Ran::Done(Err(self.explain(fault))),
        };
        let is_bulk = self.bulk.may_have_come() && bulk::is_in(&self.sqlite, &statement.sql);
        self.bulk.forget();
        let kind = self.kind(statement, &prepared, is_bulk);
        let admission = admit(kind);
        if admission != Admission::Refused && !kind.only_reads() {
            // What begins a transaction has not written in it.
            self.may_have_written.set(self.in_transaction());
        }
        let ran = self.run_prepared(statement, &mut prepared, admission, rows);
        if is_bulk || self.bulk.may_have_come() {
            prepared.discard();
        }
        ran
    }

    fn run_prepared(
        &self,
        statement: &Statement,
        prepared: &mut rusqlite::Statement<'_>,
        admission: Admission,
        rows: &mut impl Rows,
    ) -> Ran {
        let _small = match admission {
            Admission::Refused => return Ran::Refused,
            Admission::Granted | Admission::Brief => None,
            Admission::Small => Some(SmallValues::of(&self.sqlite)),
        };
        let _denied = (admission != Admission::Granted).then(|| self.bulk.deny());
        self.inserts.begin(&self.sqlite);
        match answer(prepared, &statement.parameters, &self.clock, rows) {
            Ok(()) if prepared.readonly() => Ran::Done(Ok(None)),
            Ok(()) => Ran::Done(Ok(self.changes(statement))),
            Err(Fault::Sqlite(error)) if self.is_stopped(admission, &error) => Ran::Stopped(self.explain(error.into())),
            Err(fault) => Ran::Done(Err(self.explain(fault))),
        }
    }

    /// Whether a statement failed for what it may take, and not for what it is.
    fn is_stopped(&self, admission: Admission, error: &rusqlite::Error) -> bool {
        is_interrupt(error)
            || admission == Admission::Small && is_too_large(error)
            || admission != Admission::Granted && self.bulk.may_have_come()
    }

    /// Runs a statement if it only reads, at most until `until`.
    pub(crate) fn read(&self, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Ran {
        self.run(statement, until, Admission::of_reads, rows)
    }

    fn kind(&self, statement: &Statement, prepared: &rusqlite::Statement<'_>, is_bulk: bool) -> Kind {
        // COMMIT is read-only to SQLite too, but has no columns.
        match prepared.readonly() {
            true if prepared.column_count() == 0 => Kind::Other,
            true if is_bulk => Kind::BulkRead,
            true => Kind::Read,
            false if !is_bulk && statement.changes_rows() && !self.in_transaction() => Kind::Change,
            false => Kind::Other,
        }
    }

    /// What the statement that was just run changed, if it is one that counts: after any other SQLite's count is that of the
    /// latest one before, which may be another guest's.
    fn changes(&self, statement: &Statement) -> Option<Changes> {
        statement
            .changes_rows()
            .then(|| Changes { rows: self.sqlite.changes(), last_insert_rowid: self.inserts.latest(&self.sqlite) })
    }

    fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>, Fault> {
        if sql.bytes().filter(|byte| *byte == b';').count() > policy::MAX_SEMICOLONS {
            let limit = policy::MAX_SEMICOLONS;
            return Err(Error::new(ffi::SQLITE_TOOBIG, format_args!("more than {limit} semicolons")).into());
        }
        Ok(self.sqlite.prepare_cached(sql)?)
    }

    fn explain(&self, fault: Fault) -> Error {
        match fault {
            Fault::Sqlite(error) if is_interrupt(&error) && self.spill.was_stopped() => Error::DatabaseFull,
            Fault::Sqlite(error) if is_interrupt(&error) => {
                let limit = self.statement_timeout_ms;
                Error::interrupted(format_args!("the statement ran past its time limit ({limit} ms) or its request's"))
            }
            Fault::Sqlite(error) => {
                if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
                    self.has_failed.set(true);
                }
                error.into()
            }
            Fault::Rows(error) => error,
        }
    }
}

/// Keeps values small until dropped.
struct SmallValues<'a>(&'a rusqlite::Connection);

impl SmallValues<'_> {
    fn of(sqlite: &rusqlite::Connection) -> SmallValues<'_> {
        // Fails for a negative limit only.
        let _ = sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, SMALL_VALUE_BYTES);
        SmallValues(sqlite)
    }
}

impl Drop for SmallValues<'_> {
    fn drop(&mut self) {
        let _ = self.0.set_limit(Limit::SQLITE_LIMIT_LENGTH, policy::MAX_VALUE_BYTES);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::{
        Limits,
        bindings::spin::sqlite::sqlite::{RowResult, Value},
        gathered::Gathered,
    };
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        time::Duration,
    };

    #[test]
    fn other_parameters_do_not_parse_a_statement_anew() {
        let connection = Connection::scratch(&Limits::default()).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE rootpage > ?1 ORDER BY rootpage LIMIT ?2";
        for limit in [1, 2, 1, 128] {
            let parameters = vec![Value::Integer(limit), Value::Integer(limit)];
            let statement = Statement { sql: sql.to_owned(), parameters };
            let until = Instant::now() + Duration::from_secs(9);
            let ran = connection.run(&statement, until, |_| Admission::Granted, &mut Gathered::new(1, 1));
            assert!(matches!(ran, Ran::Done(Ok(None))));
        }
        let kept = connection.sqlite.prepare_cached(sql).unwrap();
        assert_eq!(kept.get_status(rusqlite::StatementStatus::Run), 4, "the statement was kept");
        assert_eq!(kept.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn who_panics_leaves_nothing_denied() {
        struct Panics;
        impl Rows for Panics {
            fn columns(&mut self, _: Vec<String>) -> Result<(), Error> {
                panic!("of the test")
            }
            fn row(&mut self, _: RowResult, _: usize) -> Result<(), Error> {
                Ok(())
            }
        }
        let connection = Connection::scratch(&Limits::default()).unwrap();
        let until = Instant::now() + Duration::from_secs(9);
        let of = |sql: &str| Statement { sql: sql.to_owned(), parameters: vec![] };
        let run = || connection.run(&of("SELECT 1"), until, |_| Admission::Brief, &mut Panics);
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        let count = of("SELECT count(*) FROM sqlite_schema");
        let ran = connection.run(&count, until, |_| Admission::Granted, &mut Gathered::new(9, 99));
        assert!(matches!(ran, Ran::Done(Ok(None))));
    }

    #[test]
    fn a_read_of_few_large_rows_is_stopped_too() {
        let connection = Connection::scratch(&Limits::default()).unwrap();
        let read = |bytes: i64| {
            let sql = "SELECT CAST(zeroblob(?1) AS TEXT) FROM (VALUES (1), (2))".to_owned();
            let statement = Statement { sql, parameters: vec![Value::Integer(bytes)] };
            let rows = &mut Gathered::new(9, 1 << 20);
            matches!(connection.run(&statement, Instant::now(), |_| Admission::Granted, rows), Ran::Stopped(_))
        };
        assert!(read(100_000));
        assert!(!read(10), "that few instructions are not counted");
    }
}
