//! What must hold before a change is merged: schema, migrations and claims fit one another.

use crate::check::{Migration, Tried, try_files};
use crate::compatible;
use crate::fault::{Error, Fault};
use crate::folder;
use crate::project::Project;
use crate::prove::{Proof, prove};
use crate::schema::Schema;

/// What was checked.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The newest migration's number.
    pub newest: u32,
    /// On what the migrations were tried.
    pub proof: Proof,
    /// What the newest migration may say as `compatible-with`, where it claims less and can still change.
    pub may_claim: Option<u32>,
}

/// Checks that `schema.sql` and the migrations make the same, that released migrations are unchanged, that each
/// migration applies on top of each earlier version with rows in it, and that no migration claims more
/// `compatible-with` than holds.
///
/// # Errors
/// [`Error::Faults`] with everything found; others where files cannot be read.
pub fn check(project: &Project) -> Result<Checked, Error> {
    let wanted = project.wanted()?;
    let (migrations, made) = made(project)?;
    let differences = wanted.differences(&made);
    if !differences.is_empty() {
        let hint = "`migration generate NAME` writes the migration that is missing";
        let path = project.schema();
        let faults = differences.into_iter().map(|line| Fault::file(&path, format!("{line} ({hint})")));
        return Err(Error::Faults(faults.collect()));
    }
    let proof = prove(&migrations, &wanted, None).map_err(Error::Refused)?;
    let faults = compatible::false_claims(project, &migrations)?;
    if !faults.is_empty() {
        return Err(Error::Faults(faults));
    }
    let newest = migrations.last().map_or(0, |migration| migration.version);
    Ok(Checked { newest, proof, may_claim: may_claim(project, &migrations)? })
}

/// Checks that builds whose newest migration is `version` work with the newest schema, as far as their kept queries
/// tell.
///
/// # Errors
/// [`Error::Faults`] with each query that fails, [`Error::Refused`] where none of that build are kept.
pub fn check_compatible_with(project: &Project, version: u32) -> Result<(), Error> {
    let (migrations, _) = made(project)?;
    let faults = compatible::failures(project, &migrations, version)?;
    if faults.is_empty() { Ok(()) } else { Err(Error::Faults(faults)) }
}

fn made(project: &Project) -> Result<(Vec<Migration>, Schema), Error> {
    let mut faults = Vec::new();
    let files = folder::read(&project.migrations(), &mut faults)?;
    let Tried { migrations, plain } = try_files(files, faults)?;
    let made = Schema::read(&plain.connection, "main")?;
    Ok((migrations, made))
}

/// A claim that was not made costs users of older builds their service for nothing.
fn may_claim(project: &Project, migrations: &[Migration]) -> Result<Option<u32>, Error> {
    let Some(newest) = migrations.last() else { return Ok(None) };
    if project.is_released(newest)? {
        return Ok(None);
    }
    let holds = compatible::compute(project, migrations)?.version;
    Ok(Some(holds).filter(|holds| *holds < newest.compatible_with))
}
