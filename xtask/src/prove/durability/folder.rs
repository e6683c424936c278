//! State directories as files and folders: laid out, read, and compared. Nothing is assumed of what they are for, but that
//! compiled components are no data: they are left out, and stay from one image to the next, since a start without them
//! takes ten times as long.

use super::disk::Image;
use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// The state directory, within a home of its own.
pub(crate) const STATE: &str = "state";
/// Within the state directory.
pub(crate) const COMPILED: &str = "compiled";

/// All that is in the state directory of a home.
pub(crate) fn read(home: &Path) -> anyhow::Result<Image> {
    let mut image = Image::new();
    let mut folders = Vec::new();
    if home.join(STATE).exists() {
        image.insert(STATE.into(), None);
        folders.push(PathBuf::from(STATE));
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(home.join(&folder))? {
            let entry = entry?;
            let (path, kind) = (folder.join(entry.file_name()), entry.file_type()?);
            if path == Path::new(STATE).join(COMPILED) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path.clone());
                image.insert(path, None);
            } else if kind.is_file() {
                let contents = fs::read(entry.path()).with_context(|| format!("cannot read {}", path.display()))?;
                image.insert(path, Some(contents));
            }
        }
    }
    Ok(image)
}

/// Makes a home's state directory what an image says.
pub(crate) fn lay(image: &Image, home: &Path) -> anyhow::Result<()> {
    clear(home)?;
    for (path, contents) in image {
        let path = home.join(path);
        match contents {
            Some(contents) => fs::write(&path, contents),
            // It is there if compiled components are in it.
            None => fs::create_dir_all(&path),
        }
        .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Removes all but the compiled components.
fn clear(home: &Path) -> anyhow::Result<()> {
    let state = home.join(STATE);
    fs::create_dir_all(home)?;
    if !state.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&state)? {
        let entry = entry?;
        if entry.file_name() == COMPILED {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        }?;
    }
    Ok(())
}

/// What of one image is not in the other, for a person.
pub(crate) fn difference(expected: &Image, found: &Image) -> String {
    let told = |contents: Option<&Option<Vec<u8>>>| match contents {
        None => "is not there".to_owned(),
        Some(None) => "is a folder".to_owned(),
        Some(Some(contents)) => format!("has {} bytes", contents.len()),
    };
    let paths = expected.keys().chain(found.keys().filter(|path| !expected.contains_key(*path)));
    let different = paths.filter(|path| expected.get(*path) != found.get(*path));
    let line = |path: &PathBuf| {
        let (expected, found) = (expected.get(path), found.get(path));
        let at = match (expected, found) {
            (Some(Some(expected)), Some(Some(found))) => {
                let at = expected.iter().zip(found).position(|(one, other)| one != other);
                at.map(|at| format!(", and differs from byte {at} on")).unwrap_or_default()
            }
            _ => String::new(),
        };
        format!("{}: should be: {}; it {}{at}", path.display(), told(expected), told(found))
    };
    different.take(10).map(line).collect::<Vec<_>>().join("\n")
}

/// The file in an image that has these contents, within a folder.
pub(crate) fn find<'a>(image: &'a Image, folder: &Path, contents: &[u8]) -> Option<&'a Path> {
    let mut within = image.iter().filter(|(path, _)| path.starts_with(folder));
    within.find(|(_, found)| found.as_deref() == Some(contents)).map(|(path, _)| path.as_path())
}

/// Fails unless SQLite finds every database in order. A file is one if it begins as one.
pub(crate) fn check_integrity(home: &Path, except: impl Fn(&Path) -> bool) -> anyhow::Result<()> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let image = read(home)?;
    let databases: Vec<&PathBuf> = image
        .iter()
        .filter(|(path, contents)| contents.as_ref().is_some_and(|bytes| is_database(bytes)) && !except(path))
        .map(|(path, _)| path)
        .collect();
    let mut script = String::new();
    for path in &databases {
        script += &format!(".open '{}'\nPRAGMA integrity_check;\n", home.join(path).display());
    }
    let mut sqlite = Command::new("sqlite3")
        .args(["-batch", "-bail"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start sqlite3")?;
    sqlite.stdin.take().context("no stdin")?.write_all(script.as_bytes())?;
    let output = sqlite.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let is_clean = said.lines().count() == databases.len() && said.lines().all(|line| line == "ok");
    ensure!(is_clean, "integrity_check of {databases:?} says: {said}");
    Ok(())
}

/// Whether a file begins as SQLite's databases do.
pub(crate) fn is_database(contents: &[u8]) -> bool {
    contents.starts_with(b"SQLite format 3\0")
}
