//! Proves migrations on databases with rows in them, from every earlier version, on both ways to reach a database.
//!
//! For each version a database is made, filled with rows, and brought to the newest. Rows that break what the newer
//! schema demands (a new UNIQUE, CHECK, NOT NULL or foreign key) stop a migration, here as in a user's database: that
//! is told as a caution. It is a fault where no rows at all were found that pass, and where anything else fails.
//! Limits: [`ROUNDS`] sets of rows a version, 12 rows a table at most.

mod draft;
pub(crate) mod keep;
pub(crate) mod rows;
pub(crate) mod trial;
pub(crate) mod values;

use std::collections::BTreeSet;

use self::keep::Keep;
use self::trial::{Failure, Form, Trial};
use crate::check::Migration;
use crate::generate::rename::NewNames;
use crate::schema::Schema;

/// Sets of rows that are tried at most.
const ROUNDS: usize = 64;
/// Rows a table in the first rounds: many, so that they meet one another. Then one, since each may break a new
/// constraint.
const ROWS: [usize; 8] = [12, 6, 3, 6, 4, 3, 2, 2];
/// Rounds that are always run; the others only until one has passed.
const ALWAYS: usize = 3;

/// What was tried and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// Databases that were brought to the newest version, each with rows of its own.
    pub databases: usize,
    /// The rows in them that were there before the newest migration, and found again after it.
    pub rows: usize,
    /// Whose databases would stay at the version before: what SQLite said of some rows, with the migration's number.
    pub cautions: BTreeSet<String>,
    /// Tables for which no rows could be made, so that nothing is proved about rows in them.
    pub without_rows: BTreeSet<String>,
}

/// What the newest migration must keep, where that is known because it was generated.
pub(crate) struct Promise<'a> {
    pub(crate) names: &'a NewNames,
}

/// Proves `migrations`, which must lead to the schema `wanted`.
///
/// # Errors
/// What is wrong, in a line.
pub(crate) fn prove(migrations: &[Migration], wanted: &Schema, promise: Option<&Promise<'_>>) -> Result<Proof, String> {
    let mut proof = Proof::default();
    let mut with_rows = BTreeSet::new();
    for version in 0..migrations.len() {
        for form in [Form::Plain, Form::Attached] {
            let mut last = None;
            let mut passed = false;
            for round in 0..ROUNDS {
                if passed && round >= ALWAYS {
                    break;
                }
                let rows = ROWS.get(round).copied().unwrap_or(1);
                let round = Round { version, form, seed: round as u64, rows };
                match round.run(migrations, wanted, promise, &mut proof, &mut with_rows)? {
                    None => passed = true,
                    Some(failure) => last = Some(failure),
                }
            }
            if let (false, Some(failure)) = (passed, last) {
                let of = failure.version;
                return Err(format!(
                    "migration {of:04} failed on every database with rows made at version {version:04}: {}",
                    failure.message
                ));
            }
        }
    }
    proof.without_rows.retain(|table| !with_rows.contains(table));
    Ok(proof)
}

struct Round {
    version: usize,
    form: Form,
    seed: u64,
    rows: usize,
}

impl Round {
    /// The failure that depends on the rows, if there was one.
    fn run(
        &self,
        migrations: &[Migration],
        wanted: &Schema,
        promise: Option<&Promise<'_>>,
        proof: &mut Proof,
        with_rows: &mut BTreeSet<String>,
    ) -> Result<Option<Failure>, String> {
        let (before, after) = migrations.split_at_checked(self.version).unwrap_or((migrations, &[]));
        let Some((newest, between)) = after.split_last() else { return Ok(None) };
        let trial = Trial::new(self.form, before).map_err(|failure| self.explain(&failure))?;
        let sql = |error: rusqlite::Error| format!("{} (version {:04})", trial.sandbox.explain(&error), self.version);
        let empty = trial.fill(self.seed, self.rows).map_err(sql)?;
        let tables = trial.schema().map_err(sql)?;
        with_rows.extend(tables.ordinary().map(|(key, ..)| key.clone()).filter(|key| !empty.contains(key)));
        proof.without_rows.extend(empty);
        for migration in between {
            if let Err(failure) = trial.apply(migration) {
                return self.judge(failure, proof);
            }
        }
        let old = trial.schema().map_err(sql)?;
        let connection = &trial.sandbox.connection;
        let keep = promise.map(|promise| Keep::of(connection, &old, wanted, promise.names)).transpose().map_err(sql)?;
        if let Err(failure) = trial.apply(newest) {
            // As a whole or not at all.
            let same = trial.schema().map_err(sql)?.differences(&old).is_empty();
            return if same { self.judge(failure, proof) } else { Err("a failed migration changed the schema".into()) };
        }
        let mut faults = wanted.differences(&trial.schema().map_err(sql)?);
        faults.extend(trial.faults().map_err(sql)?);
        if let Some(keep) = keep {
            faults.extend(keep.lost(connection, wanted).map_err(sql)?);
            proof.rows += keep.rows();
        }
        proof.databases += 1;
        if faults.is_empty() {
            Ok(None)
        } else {
            Err(format!("from version {:04}: {}", self.version, faults.join("; ")))
        }
    }

    fn judge(&self, failure: Failure, proof: &mut Proof) -> Result<Option<Failure>, String> {
        if !failure.is_of_rows {
            return Err(self.explain(&failure));
        }
        proof.cautions.insert(format!("migration {:04}: {}", failure.version, failure.message));
        Ok(Some(failure))
    }

    fn explain(&self, failure: &Failure) -> String {
        let attached = if self.form == Form::Attached { ", attached as u" } else { "" };
        format!(
            "migration {:04} fails on a database of version {:04}{attached}: {}",
            failure.version, self.version, failure.message
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::{Promise, Proof, prove};
    use crate::check::{Tried, try_files};
    use crate::folder::File;
    use crate::generate::rename::NewNames;
    use crate::schema::Schema;

    fn tried(files: &[&str]) -> Tried {
        let file = |(at, sql): (usize, &&str)| {
            let name = format!("{:04}_a.sql", at + 1);
            File::new(Path::new(&name), &name, sql.as_bytes().to_vec()).unwrap()
        };
        try_files(files.iter().enumerate().map(file).collect(), Vec::new()).unwrap()
    }

    /// The proof that these migrations lead to this schema and lose nothing.
    fn proof(migrations: &[&str], wanted: &str) -> Result<Proof, String> {
        let wanted = Schema::read(&tried(&[wanted]).plain.connection, "main").unwrap();
        prove(&tried(migrations).migrations, &wanted, Some(&Promise { names: &NewNames::new(&[]) }))
    }

    #[test]
    fn a_migration_that_leads_elsewhere_is_found() {
        let first = "CREATE TABLE a (b, c);";
        proof(&[first, "CREATE INDEX i ON a (b);"], "CREATE TABLE a (b, c); CREATE INDEX i ON a (b);").unwrap();
        let error = proof(&[first, "CREATE INDEX i ON a (c);"], "CREATE TABLE a (b, c); CREATE INDEX i ON a (b);");
        assert_eq!(error.unwrap_err(), "from version 0000: index i is another in schema.sql than the migrations make");
    }

    #[test]
    fn a_migration_that_loses_something_is_found() {
        let first = "CREATE TABLE a (b INTEGER PRIMARY KEY AUTOINCREMENT, c); CREATE TABLE d (e);";
        let anew = "ALTER TABLE a RENAME TO o; CREATE TABLE a (b INTEGER PRIMARY KEY AUTOINCREMENT, c);
            INSERT INTO a SELECT * FROM o; DROP TABLE o;";
        for (migration, lost) in [
            ("DELETE FROM d;", "d had "),
            ("UPDATE a SET c = 5;", "a has other values than before in: b, c"),
            (anew, "AUTOINCREMENT of a had given out"),
        ] {
            let error = proof(&[first, migration], first).unwrap_err();
            assert!(error.contains(lost), "{migration}: {error}");
        }
    }

    #[test]
    fn rows_are_found_for_checks_that_are_not_easy() {
        let first = "CREATE TABLE a (mail TEXT PRIMARY KEY CHECK (mail LIKE '%_@_%'), json TEXT NOT NULL CHECK (json_valid(json)),
            at TEXT NOT NULL CHECK (date(at) IS NOT NULL), code TEXT NOT NULL, kind INTEGER NOT NULL CHECK (kind BETWEEN 700 AND 703),
            CONSTRAINT sixteen CHECK (length(code) = 16));";
        let proof = proof(&[first, "CREATE TABLE e (f);"], &format!("{first} CREATE TABLE e (f);")).unwrap();
        assert!(proof.without_rows.is_empty() && proof.rows >= 6, "{proof:?}");
        assert!(proof.cautions.is_empty(), "{proof:?}");
    }

    #[test]
    fn a_table_that_nothing_fits_is_told() {
        let first = "CREATE TABLE a (b NOT NULL CHECK (b = 'a' AND b = 'c'));";
        let proof = proof(&[first, "CREATE TABLE e (f);"], &format!("{first} CREATE TABLE e (f);")).unwrap();
        assert_eq!(proof.without_rows.into_iter().collect::<Vec<_>>(), ["a"]);
    }
}
