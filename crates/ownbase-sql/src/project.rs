//! Where a project keeps its schema, migrations and queries.
//!
//! `schema.sql` is the wanted schema, `migrations/` what leads to it, `queries/` what the application sends, and
//! `migrations/released/NNNN/` what a build whose newest migration is NNNN sends.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::attached::attached_form;
use crate::check::{Migration, try_files};
use crate::fault::{Error, Fault};
use crate::folder::{self, File};
use crate::released::released;
use crate::schema::Schema;

/// The folder that holds `schema.sql` and `migrations/`.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project in this folder.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        // `./migrations` would be right, and a nuisance in every message.
        let root = if root == Path::new(".") { Path::new("") } else { root };
        Self { root: root.into() }
    }

    /// `schema.sql`
    #[must_use]
    pub fn schema(&self) -> PathBuf {
        self.root.join("schema.sql")
    }

    /// `migrations/`
    #[must_use]
    pub fn migrations(&self) -> PathBuf {
        self.root.join("migrations")
    }

    /// `queries/`
    #[must_use]
    pub fn queries(&self) -> PathBuf {
        self.root.join("queries")
    }

    /// `migrations/checksums`
    #[must_use]
    pub fn checksums(&self) -> PathBuf {
        self.migrations().join("checksums")
    }

    /// `migrations/released/`, a folder of queries for each release.
    #[must_use]
    pub fn released(&self) -> PathBuf {
        self.migrations().join("released")
    }

    /// The schema that `schema.sql` makes in an empty database.
    pub(crate) fn wanted(&self) -> Result<Schema, Error> {
        let path = self.schema();
        let source = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let file = File::schema(&path, source);
        let tried = try_files(vec![file], Vec::new())?;
        let fault = |message: String| Error::Faults(vec![Fault::file(&path, message)]);
        let statements = tried.migrations.iter().flat_map(|migration| &migration.statements);
        for statement in statements {
            if !matches!(attached_form(&statement.plain), Ok(Some(_))) {
                return Err(fault(format!("holds CREATE statements only, not: {:.60}", statement.plain)));
            }
        }
        let connection = &tried.plain.connection;
        let schema = Schema::read(connection, "main")?;
        for (key, _, table) in schema.ordinary() {
            if let Some(missing) = table.foreign_keys().find(|own| !schema.tables.contains_key(&own.parent)) {
                return Err(fault(format!("table {key} refers to {}, which is not there", missing.parent)));
            }
        }
        let check = connection.prepare("PRAGMA main.foreign_key_check").and_then(|mut check| check.exists([]));
        check.map_err(|error| fault(tried.plain.explain(&error)))?;
        Ok(schema)
    }

    /// Whether the list of released migrations names this one.
    pub(crate) fn is_released(&self, migration: &Migration) -> Result<bool, Error> {
        let path = self.checksums();
        let list = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            read => read.map_err(|source| Error::Read { path: path.clone(), source })?,
        };
        let entries = released(&path, &list, &mut Vec::new());
        Ok(entries.iter().any(|entry| entry.file == file_name(migration.version, &migration.name)))
    }

    /// Writes a file that is not there yet.
    pub(crate) fn write_migration(&self, file_name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.migrations().join(file_name);
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map(|()| path.clone()).map_err(|source| Error::Write { path, source })
    }

    /// The file name of the next migration.
    pub(crate) fn next_file(&self, migrations: &[Migration], name: &str) -> Result<String, Error> {
        let is_name = !name.is_empty() && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if !is_name || name.len() > 100 {
            return Err(Error::Refused(format!("a migration's name is 1 to 100 of a-z, 0-9 and _, not {name:?}")));
        }
        let next = migrations.len() + 1;
        if next > 9999 {
            return Err(Error::Refused("there are 9,999 migrations already, and no more numbers".into()));
        }
        Ok(file_name(u32::try_from(next).unwrap_or(u32::MAX), name))
    }
}

/// A migration's file: `0001_create_notes.sql`.
pub(crate) fn file_name(version: u32, name: &str) -> String {
    format!("{version:04}_{name}.sql")
}

/// Makes the next migration's file with nothing in it but a comment, for statements written by hand.
///
/// # Errors
/// A name that is none, faults in the migrations that are there, or a folder that cannot be written.
pub fn new_migration(project: &Project, name: &str) -> Result<PathBuf, Error> {
    let mut faults = Vec::new();
    let files = folder::read(&project.migrations(), &mut faults)?;
    let migrations = try_files(files, faults)?.migrations;
    let file_name = project.next_file(&migrations, name)?;
    project.write_migration(&file_name, "-- What this migration changes, and why.\n")
}
