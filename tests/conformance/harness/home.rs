//! A place of its own for servers of one engine that share one state directory: manifest, log and databases.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use rusqlite::types::FromSql;
use tempfile::TempDir;

use super::engine::{Engine, EngineName};
use super::files;

/// The application's manifest, of which each server gets a copy with an absolute `source`.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/spin.toml");

/// Removed with all in it when dropped.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
    engine: EngineName,
}

impl Home {
    pub(crate) fn new(engine: &Engine) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ownbase-conformance-").tempdir()?;
        Ok(Self { folder, engine: engine.name() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
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

    /// The users' files, by name, with their bytes: databases, and logs that hold something. Ask only while no server
    /// runs.
    pub(crate) fn files(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for path in self.paths()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, fs::read(&path)?);
        }
        // workerd does not tidy up when it ends: an index into a log, and an empty log, say nothing.
        files.retain(|name, bytes| !name.ends_with("-shm") && !bytes.is_empty());
        Ok(files)
    }

    /// The users' databases that were made: with ownbase every file counts, while workerd has one for every user that
    /// was ever asked about, empty until a table is made in it.
    pub(crate) fn made(&self) -> Result<Vec<PathBuf>> {
        if self.engine == EngineName::Ownbase {
            return self.paths();
        }
        let mut made = Vec::new();
        for path in self.databases()? {
            if !column::<String>(&path, "SELECT name FROM sqlite_schema")?.is_empty() {
                made.push(path);
            }
        }
        Ok(made)
    }

    /// The users' files: databases, and what SQLite keeps beside them.
    pub(crate) fn paths(&self) -> Result<Vec<PathBuf>> {
        files::of_users(self.engine, &self.state_dir())
    }

    /// The users' databases alone.
    pub(crate) fn databases(&self) -> Result<Vec<PathBuf>> {
        let mut paths = self.paths()?;
        paths.retain(|path| files::is_database(self.engine, path));
        Ok(paths)
    }

    /// What SQLite finds in every database: nothing wrong. It looks into copies, so that the next server itself recovers
    /// the files. Only while no server runs.
    pub(crate) fn files_are_sound(&self) -> Result<()> {
        let copies = tempfile::tempdir()?;
        let copy_of = |path: &Path| copies.path().join(path.file_name().unwrap_or_default());
        for path in self.paths()? {
            fs::copy(&path, copy_of(&path))?;
        }
        for path in self.databases()? {
            let found = column::<String>(&copy_of(&path), "PRAGMA integrity_check")?;
            ensure!(found == ["ok"], "integrity_check of {} after kill -9: {found:?}", path.display());
        }
        Ok(())
    }

    /// The file name of the database of a user whose id is all lower-case letters, digits, `_` and `-`.
    pub(crate) fn name_of(&self, user: &str) -> Result<String> {
        files::database_of(self.engine, &format!("user-{user}"))
    }

    /// The database of such a user.
    pub(crate) fn path_of(&self, user: &str) -> Result<PathBuf> {
        self.path_of_label(&format!("user-{user}"))
    }

    /// The database of the user with this label.
    pub(crate) fn path_of_label(&self, label: &str) -> Result<PathBuf> {
        let name = files::database_of(self.engine, label)?;
        let found = self.paths()?.into_iter().find(|path| path.ends_with(&name));
        found.with_context(|| format!("there is no {name} under the state directory, which is {label}'s"))
    }

    /// Gives every user in `copies` a database with what `user`'s has. Only while no server runs.
    pub(crate) fn multiply(&self, user: &str, copies: &[String]) -> Result<()> {
        let original = self.path_of(user)?;
        for copy in copies {
            fs::copy(&original, files::place_of(self.engine, &self.state_dir(), &format!("user-{copy}"))?)?;
        }
        Ok(())
    }

    /// The first column of what `sql` selects from that user's database. Only while no server runs.
    pub(crate) fn column<T: FromSql>(&self, user: &str, sql: &str) -> Result<Vec<T>> {
        column(&self.path_of(user)?, sql)
    }

    /// Opens that database. Only while no server runs: closing leaves one file.
    pub(crate) fn open(&self, user: &str) -> Result<Connection> {
        Ok(Connection::open(self.path_of(user)?)?)
    }
}

/// The first column of what `sql` selects from a database. Only while no server runs.
pub(crate) fn column<T: FromSql>(database: &Path, sql: &str) -> Result<Vec<T>> {
    let database = Connection::open(database)?;
    let mut statement = database.prepare(sql)?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Whether a file's bytes hold a text as SQLite writes one that fits on its page: as it is.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
