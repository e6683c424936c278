//! A place of its own for servers that share one state directory: manifest, log and databases.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::Connection;
use rusqlite::types::FromSql;
use tempfile::TempDir;

/// The application's manifest, of which each server gets a copy with an absolute `source`.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/spin.toml");

/// Removed with all in it when dropped.
#[derive(Debug)]
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("ownbase-conformance-").tempdir()?))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path().join("state")
    }

    /// What servers in this home log, one after another.
    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// Writes the manifest for a server that runs `component`.
    pub(crate) fn manifest(&self, component: &Path) -> Result<PathBuf> {
        let text = fs::read_to_string(MANIFEST).with_context(|| format!("cannot read {MANIFEST}"))?;
        let source = format!("source = {:?}", component.to_string_lossy());
        let line = |line: &str| if line.starts_with("source =") { source.clone() } else { line.to_owned() };
        let text: Vec<String> = text.lines().map(line).collect();
        let path = self.path().join("spin.toml");
        fs::write(&path, text.join("\n"))?;
        Ok(path)
    }

    /// The files under the folder of users' databases, by name, with their bytes. Ask only while no server runs.
    pub(crate) fn files(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for path in self.paths()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, fs::read(&path)?);
        }
        Ok(files)
    }

    /// The files under the folder of users' databases.
    pub(crate) fn paths(&self) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for folder in fs::read_dir(self.state_dir().join("users"))? {
            for entry in fs::read_dir(folder?.path())? {
                paths.push(entry?.path());
            }
        }
        Ok(paths)
    }

    /// The database of a user whose id is all lower-case letters, digits, `_` and `-`.
    pub(crate) fn path_of(&self, user: &str) -> Result<PathBuf> {
        let name = format!("user-{user}.db");
        let found = self.paths()?.into_iter().find(|path| path.ends_with(&name));
        found.with_context(|| format!("there is no {name} under the state directory"))
    }

    /// The first column of what `sql` selects from that database. Only while no server runs.
    pub(crate) fn column<T: FromSql>(&self, user: &str, sql: &str) -> Result<Vec<T>> {
        let database = self.open(user)?;
        let mut statement = database.prepare(sql)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Opens that database. Only while no server runs: closing leaves one file.
    pub(crate) fn open(&self, user: &str) -> Result<Connection> {
        Ok(Connection::open(self.path_of(user)?)?)
    }
}
