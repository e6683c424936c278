//! What can be wrong: faults in the migrations, gathered, and failures of the machine around them.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why migrations were not read or embedded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The migrations themselves are wrong. Every fault found is listed, one a line.
    #[error("the migrations cannot be used:{}", list(.0))]
    Faults(Vec<Fault>),
    /// A folder or file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it was not.
        source: std::io::Error,
    },
    /// The generated code cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        source: std::io::Error,
    },
    /// What was asked for is not done, and why.
    #[error("{0}")]
    Refused(String),
    /// The database in memory, in which migrations are tried, cannot be set up.
    #[error("cannot set up SQLite in memory: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// One thing to mend, with where it stands: `migrations/0001_create_notes.sql:3: no such table: note`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where it is about one.
    pub line: Option<usize>,
    /// What is wrong, and what to do where SQLite's own words do not say.
    pub message: String,
}

impl Fault {
    pub(crate) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into() }
    }

    /// A fault at a byte offset of the file's text.
    pub(crate) fn at(path: &Path, source: &str, offset: usize, message: impl Into<String>) -> Self {
        let line = 1 + source.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        Self { path: path.into(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.line {
            Some(line) => write!(f, "{path}:{line}: {}", self.message),
            None => write!(f, "{path}: {}", self.message),
        }
    }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}
