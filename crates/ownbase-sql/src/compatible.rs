//! Which older builds still work with a new schema: found by running their queries, not by believing.
//!
//! `migrations/released/NNNN/*.sql` holds what a build whose newest migration is NNNN sends. Those queries are prepared
//! and run on two databases with the same rows, one at version NNNN and one brought further. What works on the first
//! must work on the second, and answer in values of the same types ([`replay`]). That an answer has the meaning which
//! an old build expects cannot be seen by a program.

pub(crate) mod kept;
pub(crate) mod replay;

use std::path::PathBuf;

use self::kept::Query;
use self::replay::{Broken, replay};
use crate::check::Migration;
use crate::fault::{Error, Fault};
use crate::project::{Project, file_name};

/// The oldest builds that work with the newest of some migrations.
#[derive(Debug, Clone)]
pub(crate) struct Holds {
    pub(crate) version: u32,
    /// What the next older build fails at.
    pub(crate) why: Option<String>,
}

/// Computes what `-- compatible-with: N` may say in the newest migration. Versions that were never released have no
/// builds, and are passed over.
pub(crate) fn compute(project: &Project, migrations: &[Migration]) -> Result<Holds, Error> {
    let newest = number(migrations.len());
    let mut holds = Holds { version: newest, why: None };
    for build in builds(project)?.into_iter().rev().filter(|build| build.version < newest) {
        match replay(&build.queries, migrations, build.version)?.into_iter().next() {
            Some(broken) => {
                holds.why = Some(format!("builds of {:04} fail: {}", build.version, fault(broken)));
                break;
            }
            None => holds.version = build.version,
        }
    }
    Ok(holds)
}

/// Every migration that claims more than holds.
pub(crate) fn false_claims(project: &Project, migrations: &[Migration]) -> Result<Vec<Fault>, Error> {
    let builds = builds(project)?;
    let mut faults = Vec::new();
    for (index, migration) in migrations.iter().enumerate() {
        let (claim, version) = (migration.compatible_with, migration.version);
        let path = project.migrations().join(file_name(version, &migration.name));
        let named: Vec<&Build> = builds.iter().filter(|build| (claim..version).contains(&build.version)).collect();
        if claim < version && named.is_empty() {
            faults.push(Fault::file(
                &path,
                format!("says compatible-with: {claim}, but migrations/released/ keeps no queries of builds from {claim:04} to {:04}", version - 1),
            ));
        }
        let upto = migrations.get(..=index).unwrap_or(migrations);
        for build in named {
            for broken in replay(&build.queries, upto, build.version)? {
                let why = fault(broken);
                faults.push(Fault::file(&path, format!("says compatible-with: {claim}, which does not hold: {why}")));
            }
        }
    }
    Ok(faults)
}

/// What of the build `version` fails on the newest schema.
pub(crate) fn failures(project: &Project, migrations: &[Migration], version: u32) -> Result<Vec<Fault>, Error> {
    let Some(build) = builds(project)?.into_iter().find(|build| build.version == version) else {
        let released = project.released();
        return Err(Error::Refused(format!(
            "{} keeps no queries of builds of {version:04}: `migration release` puts them there",
            released.display()
        )));
    };
    Ok(replay(&build.queries, migrations, version)?.into_iter().map(fault).collect())
}

fn fault(Broken { query, why }: Broken) -> Fault {
    Fault { path: query.path, line: Some(query.line), column: None, message: format!("query {}: {why}", query.name) }
}

/// A release, as far as it is known.
struct Build {
    version: u32,
    queries: Vec<Query>,
}

/// The builds whose queries are kept, oldest first.
fn builds(project: &Project) -> Result<Vec<Build>, Error> {
    let mut folders: Vec<(u32, PathBuf)> = Vec::new();
    for path in kept::entries(&project.released())? {
        let version = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        folders.extend(version.zip(Some(path)));
    }
    folders.sort();
    let builds = folders.into_iter().map(|(version, path)| Ok(Build { version, queries: kept::read(&path)? }));
    builds.collect()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
