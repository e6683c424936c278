//! One run of a statement: as what it is prepared, whether it may run, how it ended, what it changed.

use super::{Admission, Changes, Connection, Kind, Ran, Statement, bulk, values::LargestValue};
use crate::{
    errors::{Error, is_interrupt, is_too_large},
    policy,
    rows::{Fault, Rows, Terms, answer},
};
use rusqlite::{ErrorCode, ffi};
use std::time::Instant;

/// The largest value or row of a statement that was admitted as a small one, in bytes.
const SMALL_VALUE_BYTES: i32 = 16 << 10;

/// The largest value or row of any other that is to be brief, in bytes.
const BRIEF_VALUE_BYTES: i32 = 64 << 10;

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
        // Found prepared, it was looked at before.
        let load = match self.bulk.was_asked() {
            true => bulk::look(&self.sqlite, &statement.sql, &prepared, &self.bulk),
            false => bulk::Load::LIGHT,
        };
        self.bulk.forget();
        let kind = self.kind(statement, &prepared, load.is_heavy());
        let admission = admit(kind);
        if admission != Admission::Refused && !kind.only_reads() {
            // What begins a transaction has not written in it.
            self.may_have_written.set(self.in_transaction());
        }
        let ran = self.run_prepared(statement, &mut prepared, admission, load.max_value_bytes, rows);
        if load.is_heavy() || self.bulk.was_asked() {
            prepared.discard();
        }
        ran
    }

    fn run_prepared<R: Rows>(
        &self,
        statement: &Statement,
        prepared: &mut rusqlite::Statement<'_>,
        admission: Admission,
        max_value_bytes: i32,
        rows: &mut R,
    ) -> Ran {
        let max_value_bytes = match admission {
            Admission::Refused => return Ran::Refused,
            Admission::Granted => max_value_bytes,
            Admission::Brief => BRIEF_VALUE_BYTES,
            Admission::Small => SMALL_VALUE_BYTES,
        };
        let is_granted = admission == Admission::Granted;
        let _values =
            (max_value_bytes < policy::MAX_VALUE_BYTES).then(|| LargestValue::of(&self.sqlite, max_value_bytes));
        let _denied = (!is_granted).then(|| self.bulk.deny());
        self.inserts.begin(&self.sqlite);
        let max_row_bytes = if is_granted { usize::MAX } else { BRIEF_VALUE_BYTES as usize };
        let in_savepoint =
            !prepared.readonly() && prepared.column_count() > 0 && (R::MAY_REFUSE_END || self.in_transaction());
        let undo = (!in_savepoint).then_some(&self.interrupt);
        #[cfg(any(test, feature = "sabotage"))]
        let undo = undo.filter(|_| !crate::sabotage::keeps_refused());
        let terms = Terms { clock: &self.clock, max_row_bytes, undo };
        let mut run = || answer(prepared, &statement.parameters, &terms, rows);
        let answered = if in_savepoint { self.run_in_savepoint(run) } else { run() };
        match answered {
            Ok(()) if prepared.readonly() => Ran::Done(Ok(None)),
            Ok(()) => Ran::Done(Ok(self.changes(statement))),
            Err(fault) if self.is_stopped(admission, &fault) => Ran::Stopped(self.explain(fault)),
            Err(fault) => Ran::Done(Err(self.explain(fault))),
        }
    }

    /// Whether a statement failed for what it may take, and not for what it is.
    fn is_stopped(&self, admission: Admission, fault: &Fault) -> bool {
        let Fault::Sqlite(error) = fault else { return matches!(fault, Fault::LargeRow) };
        is_interrupt(error) || admission != Admission::Granted && (is_too_large(error) || self.bulk.may_have_come())
    }

    /// Runs a statement if it only reads, at most until `until`.
    pub(crate) fn read(&self, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Ran {
        self.run(statement, until, Admission::of_reads, rows)
    }

    fn kind(&self, statement: &Statement, prepared: &rusqlite::Statement<'_>, is_heavy: bool) -> Kind {
        // COMMIT is read-only to SQLite too, but has no columns.
        match prepared.readonly() {
            true if prepared.column_count() == 0 => Kind::Other,
            true if is_heavy => Kind::BulkRead,
            true => Kind::Read,
            false if !is_heavy && statement.changes_rows() && !self.in_transaction() => Kind::Change,
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
            Fault::LargeRow => Error::new(ffi::SQLITE_TOOBIG, "a row is too large for the thread that serves"),
        }
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
            fn admit(&self, _: usize) -> Result<(), Error> {
                Ok(())
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
