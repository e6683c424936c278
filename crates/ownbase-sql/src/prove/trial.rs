//! A database in memory at some version, on which migrations are tried with rows in it.

use fastrand::Rng;
use rusqlite::ErrorCode;

use super::rows;
use crate::check::Migration;
use crate::sandbox::Sandbox;
use crate::schema::Schema;

/// How the user's tables are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// They are the connection's own.
    Plain,
    /// They are attached as `u`, as on unmodified Spin.
    Attached,
}

/// A database that has some of the migrations.
pub(crate) struct Trial {
    pub(crate) sandbox: Sandbox,
    form: Form,
}

/// Why a migration failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) version: u32,
    pub(crate) message: String,
    /// Whether rows broke a constraint, so that it depends on them.
    pub(crate) is_of_rows: bool,
}

impl Trial {
    /// A database with these migrations and no rows but theirs.
    pub(crate) fn new(form: Form, migrations: &[Migration]) -> Result<Self, Failure> {
        let sandbox = match form {
            Form::Plain => Sandbox::plain(),
            Form::Attached => Sandbox::attached(),
        };
        let sandbox = sandbox.map_err(|error| Failure { version: 0, message: error.to_string(), is_of_rows: false })?;
        let trial = Self { sandbox, form };
        migrations.iter().try_for_each(|migration| trial.apply(migration))?;
        Ok(trial)
    }

    /// The name under which the tables are reached.
    pub(crate) fn schema_name(&self) -> &'static str {
        match self.form {
            Form::Plain => "main",
            Form::Attached => "u",
        }
    }

    pub(crate) fn schema(&self) -> rusqlite::Result<Schema> {
        Schema::read(&self.sandbox.connection, self.schema_name())
    }

    /// Adds rows made from `seed`; returns the tables that stayed empty.
    pub(crate) fn fill(&self, seed: u64, rows: usize) -> rusqlite::Result<Vec<String>> {
        rows::fill(&self.sandbox.connection, &self.schema()?, &mut Rng::with_seed(seed), rows)
    }

    /// Applies a migration as an engine would: as a whole or not at all.
    pub(crate) fn apply(&self, migration: &Migration) -> Result<(), Failure> {
        let connection = &self.sandbox.connection;
        let run = || {
            connection.execute_batch("BEGIN")?;
            for statement in &migration.statements {
                let attached = statement.attached.as_ref().filter(|_| self.form == Form::Attached);
                connection.execute_batch(attached.unwrap_or(&statement.plain))?;
            }
            connection.execute_batch("COMMIT")
        };
        run().map_err(|error| {
            // A mismatch is a text in a column that becomes the rowid.
            let of_rows = [ErrorCode::ConstraintViolation, ErrorCode::TypeMismatch];
            let is_of_rows = error.sqlite_error_code().is_some_and(|code| of_rows.contains(&code));
            let message = self.sandbox.explain(&error);
            // Where SQLite has rolled back by itself there is nothing to roll back.
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
            Failure { version: migration.version, message, is_of_rows }
        })
    }

    /// What SQLite finds wrong with the database itself.
    pub(crate) fn faults(&self) -> rusqlite::Result<Vec<String>> {
        let (connection, name) = (&self.sandbox.connection, self.schema_name());
        let mut faults = Vec::new();
        let mut dangling = connection.prepare(&format!("PRAGMA {name}.foreign_key_check"))?;
        let mut rows = dangling.query([])?;
        while let Some(row) = rows.next()? {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            faults.push(format!("a row of {table} refers to no row of {parent}"));
        }
        let mut check = connection.prepare(&format!("PRAGMA {name}.integrity_check"))?;
        let mut rows = check.query([])?;
        while let Some(row) = rows.next()? {
            let line: String = row.get(0)?;
            faults.extend((line != "ok").then_some(line));
        }
        Ok(faults)
    }
}
