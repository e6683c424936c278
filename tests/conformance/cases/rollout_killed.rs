//! `kill -9` in the middle of a roll-out, fifty times, of whoever does it, the command or a server: each database is at a
//! version, whole, and the next run goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail, ensure};

use crate::cases::rollout::users;
use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::random::Random;
use crate::harness::rollout::report;
use crate::harness::wait::wait_for;

cases! {
    Upgrade on Ownbase ("workerd rolls nothing out"): a_killed_roll_out_leaves_whole_databases_and_goes_on;
}

const KILLS: usize = 50;
/// Of so many kills one hits a server.
const SERVER_EVERY: usize = 5;
const USERS: usize = 300;
const DEADLINE: Duration = Duration::from_secs(30);

fn a_killed_roll_out_leaves_whole_databases_and_goes_on(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    users(engine, &home, USERS)?;
    let (mut random, mut whole) = (Random::new(0), Whole::default());
    let mut servers_at_work = 0;
    for kill in 0..KILLS {
        let server = if kill % SERVER_EVERY == 0 { Some(next.start(&home, &[])?) } else { None };
        let before = stamps(&home)?;
        let mut command = next.migrate(&home, &["--on-error", "continue", "--jobs", "2"])?;
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Not before it has begun, and after some databases; then at any moment.
        let some = 1 + random.below(4);
        let reached = wait_for("the roll-out to begin", DEADLINE, || {
            let changed = stamps(&home)?.iter().filter(|(path, stamp)| before.get(*path) != Some(stamp)).count();
            Ok((changed >= some || child.try_wait()?.is_some()).then_some(()))
        });
        let moment = Instant::now() + Duration::from_micros(random.below(3000) as u64);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        match server {
            Some(server) => {
                servers_at_work += usize::from(child.try_wait()?.is_none());
                server.kill();
            }
            None => child.kill()?,
        }
        child.wait()?;
        reached?;
        whole.look(&home)?;
    }
    ensure!(servers_at_work > 1, "no server was killed in a roll-out");
    let migrated = whole.migrated.len();
    ensure!(migrated > 1, "nothing was migrated in {KILLS} roll-outs");
    let told = report(next.migrate(&home, &["--on-error", "continue"])?, 1)?;
    let counts = told.counts();
    ensure!(
        counts.migrated + counts.current == USERS as u64 + 1 && told.failed_labels() == ["user-doubled"],
        "{told:?}"
    );
    ensure!(counts.current >= migrated as u64, "{migrated} were migrated before: {told:?}");
    whole.look(&home)?;
    ensure!(whole.migrated.len() == USERS + 1, "not all are migrated");
    Ok(())
}

/// By which it is told whether a file was written to.
type Stamp = (u64, SystemTime);

/// The databases' files and logs.
fn stamps(home: &Home) -> Result<BTreeMap<PathBuf, Stamp>> {
    let mut stamps = BTreeMap::new();
    for path in home.paths()? {
        // One may go between the two looks.
        if let Ok(metadata) = fs::metadata(&path) {
            stamps.insert(path, (metadata.len(), metadata.modified()?));
        }
    }
    Ok(stamps)
}

/// What is known of the databases while no roll-out runs.
#[derive(Default)]
struct Whole {
    seen: BTreeMap<PathBuf, Stamp>,
    migrated: BTreeSet<PathBuf>,
}

impl Whole {
    /// Looks at every database that was written to since: each is whole, and at the next build's version for good.
    fn look(&mut self, home: &Home) -> Result<()> {
        let stamps = stamps(home)?;
        let written = stamps.iter().filter(|(path, stamp)| self.seen.get(*path) != Some(stamp));
        let databases: BTreeSet<PathBuf> = written.map(|(path, _)| database_of(path)).collect();
        for database in databases {
            if is_migrated(&database)? {
                self.migrated.insert(database);
            } else {
                ensure!(!self.migrated.contains(&database), "{} went back to the version before", database.display());
            }
        }
        self.seen = stamps;
        Ok(())
    }
}

/// The database that a file is, or that it belongs to.
fn database_of(path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    let end = path.rfind(".db").map_or(path.len(), |at| at + ".db".len());
    PathBuf::from(path.get(..end).unwrap_or_default())
}

/// Whether a database has the next build's migration. It must be sound, and its schema that of its version.
/// Looks into a copy, so that the next roll-out recovers what this one left.
fn is_migrated(path: &Path) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy.db");
    fs::copy(path, &copy)?;
    let log = PathBuf::from(format!("{}-wal", path.display()));
    if log.exists() {
        fs::copy(log, folder.path().join("copy.db-wal"))?;
    }
    let database = rusqlite::Connection::open(&copy)?;
    let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0));
    ensure!(one("PRAGMA integrity_check")? == "ok", "{} is damaged", path.display());
    let notes = one("SELECT count(*) || '' FROM notes")?;
    ensure!(notes == if path.ends_with("user-doubled.db") { "2" } else { "1" }, "{} has {notes} notes", path.display());
    let versions = one("SELECT group_concat(version ORDER BY version) FROM _migrations")?;
    let column = one("SELECT count(*) || '' FROM pragma_table_info('notes') WHERE name = 'pinned'")?;
    let index = one("SELECT count(*) || '' FROM sqlite_schema WHERE name = 'notes_text'")?;
    match (versions.as_str(), column.as_str(), index.as_str()) {
        ("1", "0", "0") => Ok(false),
        ("1,2", "1", "1") => Ok(true),
        between => bail!("{} is between two versions: {between:?}", path.display()),
    }
}
