//! One worker of a roll-out: looks at one database after another, and does what is asked for where it is behind.
//!
//! A worker is a thread of its own with a small runtime of its own, so that a server's threads have no part in it.

use super::plan::Action;
use super::port::UserDatabase;
use super::target::Target;
use anyhow::{Context, Result};
use ownbase_database::migration::{self, Access};
use ownbase_database::{Environment, Error, Label};
use ownbase_spin_sqlite::Databases;
use std::cell::Cell;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Attempts at a database that others hold.
const ATTEMPTS: u32 = 3;
/// Before the second; before the third twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// What became of a database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// There is none: its making was cut short, or it has just been erased.
    Absent,
    /// Called like a database, and none.
    Foreign,
    /// At the component's newest version.
    Current { version: u32 },
    /// Has a migration that the component does not have.
    Newer { version: u32 },
    /// Lacks migrations, and was only counted.
    Behind { version: u32 },
    /// Was brought to the newest version, or its copy was; its file is now at `version`.
    Migrated { version: u32 },
    /// Is as it was.
    Failed { version: Option<u32>, why: String },
    /// Lacks migrations, and its turn has not come.
    Held,
}

/// What became of it, or the version that it is at, if that is known, and what went wrong.
type Attempt = Result<Outcome, (Option<u32>, Error)>;

/// A worker.
pub(crate) struct Worker<'a> {
    databases: &'a Databases,
    /// Where copies are tried.
    copies: Option<&'a Databases>,
    runtime: Runtime,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(databases: &'a Databases, copies: Option<&'a Databases>) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build().context("no thread could be started")?;
        Ok(Self { databases, copies, runtime })
    }

    /// Looks at the database of `label`, and does what is asked for where it is behind and `may_begin` lets it.
    pub(crate) fn visit(
        &self,
        target: &Target,
        label: &Label,
        action: Action,
        may_begin: impl Fn() -> bool,
    ) -> Outcome {
        let outcome = attempts(|may_begin| self.attempt(target, label, action, may_begin), may_begin);
        outcome.unwrap_or_else(|(version, error)| Outcome::Failed { version, why: error.to_string() })
    }

    fn attempt(&self, target: &Target, label: &Label, action: Action, may_begin: &dyn Fn() -> bool) -> Attempt {
        let unknown = |error| (None, error);
        let database = UserDatabase::new(self.databases, &target.labels, label, &self.runtime).map_err(unknown)?;
        let outcome = self.bring_up(&database, target, label, action, may_begin);
        database.finish();
        outcome
    }

    fn bring_up(
        &self,
        database: &UserDatabase<'_>,
        target: &Target,
        label: &Label,
        action: Action,
        may_begin: &dyn Fn() -> bool,
    ) -> Attempt {
        let unknown = |error| (None, error);
        let standing = migration::standing(&database.to_look_at(), label, target.migrations).map_err(unknown)?;
        let Some(standing) = standing else {
            return match database.has_tables().map_err(unknown)? {
                true => Ok(Outcome::Failed { version: None, why: "it has tables, but no _migrations".to_owned() }),
                false => Ok(Outcome::Absent),
            };
        };
        let version = standing.version;
        match standing.lacks {
            Err(Error::Newer { .. }) => return Ok(Outcome::Newer { version }),
            Err(error) => return Err((Some(version), error)),
            Ok(0) if version > target.newest() => return Ok(Outcome::Newer { version }),
            Ok(0) => return Ok(Outcome::Current { version }),
            Ok(_) => {}
        }
        let failed = |error| (Some(version), error);
        match action {
            Action::Status => Ok(Outcome::Behind { version }),
            _ if !may_begin() => Ok(Outcome::Held),
            Action::DryRun => {
                self.try_on_copy(database, target, label).map_err(failed).map(|is_there| match is_there {
                    true => Outcome::Migrated { version },
                    false => Outcome::Absent,
                })
            }
            Action::Migrate => match migration::ready(database, label, target.migrations, Access::Open) {
                Ok(true) => Ok(Outcome::Migrated { version: target.newest() }),
                Ok(false) => Ok(Outcome::Absent),
                Err(error) => Err(failed(error)),
            },
        }
    }

    fn try_on_copy(&self, database: &UserDatabase<'_>, target: &Target, label: &Label) -> Result<bool, Error> {
        let Some(copies) = self.copies else { return Ok(false) };
        let copy = UserDatabase::new(copies, &target.labels, label, &self.runtime)?;
        let tried = database.copy_into(copies).and_then(|()| {
            let tried = migration::ready(&copy, label, target.migrations, Access::Open);
            // Also where it failed: the next copy needs the space.
            copy.erase(label).and(tried)
        });
        copy.finish();
        tried
    }
}

/// Attempts until one finds that nobody else holds the database. `may_begin` is asked until it says yes, and then no more:
/// a database takes one turn.
fn attempts(attempt: impl Fn(&dyn Fn() -> bool) -> Attempt, may_begin: impl Fn() -> bool) -> Attempt {
    let begun = Cell::new(false);
    let may_begin = || {
        begun.set(begun.get() || may_begin());
        begun.get()
    };
    let mut outcome = attempt(&may_begin);
    for number in 1..ATTEMPTS {
        if !matches!(&outcome, Err((_, Error::Busy))) {
            break;
        }
        thread::sleep(PAUSE * number);
        outcome = attempt(&may_begin);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts of which the first two find the database held, before or after its turn is asked for; and how many turns
    /// were taken of so many.
    fn held_twice(turns: u32, is_asked_first: bool) -> (Attempt, u32) {
        let (left, number) = (Cell::new(turns), Cell::new(0));
        let attempt = |may_begin: &dyn Fn() -> bool| {
            number.set(number.get() + 1);
            if is_asked_first && !may_begin() {
                return Ok(Outcome::Held);
            }
            if number.get() < ATTEMPTS {
                return Err((None, Error::Busy));
            }
            Ok(if may_begin() { Outcome::Migrated { version: 2 } } else { Outcome::Held })
        };
        let may_begin = || left.get().checked_sub(1).map(|fewer| left.set(fewer)).is_some();
        let outcome = attempts(attempt, may_begin);
        (outcome, turns - left.get())
    }

    #[test]
    fn a_held_database_takes_its_turn_once() {
        for is_asked_first in [false, true] {
            let (outcome, taken) = held_twice(5, is_asked_first);
            assert!(matches!(outcome, Ok(Outcome::Migrated { version: 2 })), "{outcome:?}");
            assert_eq!(taken, 1);
        }
    }

    #[test]
    fn a_held_database_does_not_begin_without_a_turn() {
        let (outcome, _) = held_twice(0, false);
        assert!(matches!(outcome, Ok(Outcome::Held)), "{outcome:?}");
    }
}
