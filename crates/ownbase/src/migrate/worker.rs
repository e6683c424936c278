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
use tokio::runtime::{Builder, Runtime};

/// Attempts at a database that others hold.
const ATTEMPTS: usize = 3;

/// What became of a database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// There is none: its making was cut short, or it has just been erased.
    Absent,
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
        let mut outcome = self.attempt(target, label, action, &may_begin);
        for _ in 1..ATTEMPTS {
            if !matches!(&outcome, Err((_, Error::Busy))) {
                break;
            }
            // Its turn has come already.
            outcome = self.attempt(target, label, action, || true);
        }
        outcome.unwrap_or_else(|(version, error)| Outcome::Failed { version, why: error.to_string() })
    }

    fn attempt(
        &self,
        target: &Target,
        label: &Label,
        action: Action,
        may_begin: impl Fn() -> bool,
    ) -> Result<Outcome, (Option<u32>, Error)> {
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
        may_begin: impl Fn() -> bool,
    ) -> Result<Outcome, (Option<u32>, Error)> {
        let standing = migration::standing(database, label, target.migrations).map_err(|error| (None, error))?;
        let Some(standing) = standing else { return Ok(Outcome::Absent) };
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
