//! The migrations' folder: which files are migrations, in which order, and whether the released ones are unchanged.
//!
//! Knows names, numbers and checksums, and reads no SQL but the `-- compatible-with: N` comment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fault::{Error, Fault};
use crate::released::{checksum, released};
use crate::tokens::{Kind, tokens};

/// A migration's file, its SQL not yet looked at.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) version: u32,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) compatible_with: u32,
    pub(crate) source: String,
}

impl File {
    /// A migration's file; `content` need not be on disk yet.
    pub(crate) fn new(path: &Path, file_name: &str, content: Vec<u8>) -> Result<Self, Fault> {
        let (version, name) = parse_name(file_name).ok_or_else(|| {
            Fault::file(path, "the name must be NNNN_name.sql: four digits from 0001, then a-z, 0-9, _")
        })?;
        let checksum = checksum(&content);
        let source = String::from_utf8(content).map_err(|_| Fault::file(path, "is not UTF-8"))?;
        if let Some(offset) = source.find('\0') {
            return Err(Fault::at(path, &source, offset, "contains a NUL byte"));
        }
        let compatible_with = compatible_with(path, &source, version)?;
        Ok(Self { path: path.into(), version, name: name.into(), checksum, compatible_with, source })
    }

    /// A file that is no migration, to be applied to an empty database as if it were the first.
    pub(crate) fn schema(path: &Path, source: String) -> Self {
        let checksum = checksum(source.as_bytes());
        Self { path: path.into(), version: 1, name: "schema".into(), checksum, compatible_with: 1, source }
    }
}

/// Reads the folder. What is wrong with a file is added to `faults` and the file is left out.
pub(crate) fn read(dir: &Path, faults: &mut Vec<Fault>) -> Result<Vec<File>, Error> {
    let contents = sql_files(dir)?;
    check_released(dir, &contents, faults)?;
    let mut files = Vec::new();
    for (name, content) in contents {
        match File::new(&dir.join(&name), &name, content) {
            Ok(file) => files.push(file),
            Err(fault) => faults.push(fault),
        }
    }
    check_numbers(&files, faults);
    Ok(files)
}

/// Every `*.sql` by name, in the names' order.
pub(crate) fn sql_files(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        |source| Error::Read { path, source }
    };
    let mut contents = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = entry.map_err(unreadable(dir))?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            contents.insert(name, fs::read(&path).map_err(unreadable(&path))?);
        }
    }
    Ok(contents)
}

fn check_released(dir: &Path, contents: &BTreeMap<String, Vec<u8>>, faults: &mut Vec<Fault>) -> Result<(), Error> {
    let path = dir.join("checksums");
    let list = match fs::read_to_string(&path) {
        Ok(list) => list,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::Read { path, source }),
    };
    for entry in released(&path, &list, faults) {
        let message = match contents.get(entry.file) {
            Some(content) if checksum(content) == entry.checksum => continue,
            Some(_) => "is released (listed in checksums) and was changed: restore it and write a further migration",
            None => "is released (listed in checksums) and is gone: restore it",
        };
        faults.push(Fault::file(&dir.join(entry.file), message));
    }
    Ok(())
}

/// Number and name: `0001_create_notes.sql` is 1 and `create_notes`.
fn parse_name(file_name: &str) -> Option<(u32, &str)> {
    let (digits, name) = file_name.strip_suffix(".sql")?.split_once('_')?;
    let numbered = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let named = !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let version = digits.parse().ok().filter(|version| *version > 0)?;
    (numbered && named).then_some((version, name))
}

fn compatible_with(path: &Path, source: &str, version: u32) -> Result<u32, Fault> {
    let mut found = None;
    for comment in tokens(source).filter(|token| token.kind == Kind::Comment) {
        let Some(number) = comment.text.trim_start_matches('-').trim_start().strip_prefix("compatible-with:") else {
            continue;
        };
        let fault = |message: String| Fault::at(path, source, comment.start, message);
        match number.trim().parse() {
            Ok(number) if (1..=version).contains(&number) => {
                if found.replace(number).is_some() {
                    return Err(fault("compatible-with is said twice".into()));
                }
            }
            _ => return Err(fault(format!("compatible-with must be a number from 1 to {version}, this file's own"))),
        }
    }
    Ok(found.unwrap_or(version))
}

fn check_numbers(files: &[File], faults: &mut Vec<Fault>) {
    let mut expected = 1;
    for file in files {
        if file.version != expected {
            let message = if file.version < expected {
                format!("there are two migrations {:04}", file.version)
            } else {
                format!("migration {expected:04} is missing before it: numbers have no gaps")
            };
            faults.push(Fault::file(&file.path, message));
        }
        expected = file.version + 1;
    }
}
