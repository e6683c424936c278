//! What can be wrong: faults in migrations and queries, gathered, and failures of the machine around them.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why migrations or queries were not read or embedded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The SQL itself is wrong. Every fault found is listed, one a line.
    #[error("the SQL cannot be used:{}", list(.0))]
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
    /// The database in memory, in which SQL is tried, cannot be set up.
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
    /// The column, counted from 1 in characters, where it is about one.
    pub column: Option<usize>,
    /// What is wrong, and what to do where SQLite's own words do not say.
    pub message: String,
}

impl Fault {
    pub(crate) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, column: None, message: message.into() }
    }

    /// A fault at a byte offset of the file's text.
    pub(crate) fn at(path: &Path, source: &str, offset: usize, message: impl Into<String>) -> Self {
        let line = 1 + source.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        Self { path: path.into(), line: Some(line), column: None, message: message.into() }
    }

    /// A fault at a byte offset of the file's text, its column told too.
    pub(crate) fn place(path: &Path, source: &str, offset: usize, message: impl Into<String>) -> Self {
        let line = source.get(..offset).unwrap_or(source).rsplit('\n').next().unwrap_or_default();
        Self { column: Some(1 + line.chars().count()), ..Self::at(path, source, offset, message) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "{path}:{line}:{column}: {}", self.message),
            (Some(line), None) => write!(f, "{path}:{line}: {}", self.message),
            (None, _) => write!(f, "{path}: {}", self.message),
        }
    }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}
