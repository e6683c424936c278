//! Releases migrations: from then on they may not change, and the queries of the build are kept.
//!
//! What is kept makes it possible to say later whether that build still works. Several builds may have the same newest
//! migration and other queries; a file that differs from the one kept is kept beside it: `notes.2.sql`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::check::try_files;
use crate::compatible::kept;
use crate::fault::Error;
use crate::folder;
use crate::project::{Project, file_name};
use crate::released::released;

/// How the list of checksums begins.
const HEADER: &str =
    "# Released migrations: users' databases have them, so they never change. `<SHA-256>  <file>` a line.\n";

/// What a release wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// The migrations that are released from now on.
    pub migrations: Vec<String>,
    /// The files of queries that were kept.
    pub queries: Vec<PathBuf>,
}

/// Lists every migration in `migrations/checksums` and keeps the queries as those of builds of the newest.
///
/// # Errors
/// Faults in the migrations, or files that cannot be read or written.
pub fn release(project: &Project) -> Result<Release, Error> {
    let mut faults = Vec::new();
    let files = folder::read(&project.migrations(), &mut faults)?;
    try_files(files.clone(), faults)?;
    let Some(newest) = files.last() else {
        return Err(Error::Refused(format!("{} has no migrations to release", project.migrations().display())));
    };
    let mut release = Release::default();
    let path = project.checksums();
    let mut list = read_or_empty(&path)?;
    if list.is_empty() {
        list.push_str(HEADER);
    }
    let known: Vec<String> = released(&path, &list, &mut Vec::new()).iter().map(|entry| entry.file.into()).collect();
    for file in &files {
        let name = file_name(file.version, &file.name);
        if !known.contains(&name) {
            if !list.ends_with('\n') {
                list.push('\n');
            }
            // Writing to a String cannot fail.
            let _ = writeln!(list, "{}  {name}", file.checksum);
            release.migrations.push(name);
        }
    }
    keep_queries(project, newest.version, &mut release)?;
    // Last: what the list names is then complete.
    if !release.migrations.is_empty() {
        write(&path, &list)?;
    }
    Ok(release)
}

fn keep_queries(project: &Project, version: u32, release: &mut Release) -> Result<(), Error> {
    let dir = project.released().join(format!("{version:04}"));
    for file in kept::files(&project.queries())? {
        let content = read_or_empty(&file)?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut place = dir.join(format!("{stem}.sql"));
        let mut count = 1;
        while place.exists() && read_or_empty(&place)? != content {
            count += 1;
            place = dir.join(format!("{stem}.{count}.sql"));
        }
        if !place.exists() {
            fs::create_dir_all(&dir).map_err(|source| Error::Write { path: dir.clone(), source })?;
            write(&place, &content)?;
            release.queries.push(place);
        }
    }
    Ok(())
}

fn read_or_empty(path: &Path) -> Result<String, Error> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|source| Error::Read { path: path.into(), source }),
    }
}

fn write(path: &Path, content: &str) -> Result<(), Error> {
    fs::write(path, content).map_err(|source| Error::Write { path: path.into(), source })
}
