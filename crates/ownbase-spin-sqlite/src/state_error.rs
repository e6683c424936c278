//! Why a state directory cannot be used.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a state directory cannot be used. The message is one line and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another process has it.
    #[error("the state directory {} is in use by another process (stop that one, or name another directory)", path.display())]
    Locked {
        /// The state directory.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("the state directory {} cannot be used (name one that this user may write to)", path.display())]
    Unusable {
        /// The state directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A newer build has made it, or brought it to a layout that this build does not know.
    #[error("the state directory {} has format {found}, and this build knows formats up to {known} (use the build that made it, or a newer one)", path.display())]
    Newer {
        /// The state directory.
        path: PathBuf,
        /// The directory's format.
        found: u32,
        /// The newest format that this build knows.
        known: u32,
    },
    /// Its file `format` holds no number.
    #[error("the state directory {} has a file `format` that holds no number (restore the file; a build of this version writes 2)", path.display())]
    Format {
        /// The state directory.
        path: PathBuf,
    },
    /// It belongs to another user of the machine, who can change all that is in it.
    #[error("the state directory {} belongs to user {owner}, and this process runs as user {user} (run it as that user, or change the owner)", path.display())]
    Foreign {
        /// The state directory.
        path: PathBuf,
        /// The number of its owner.
        owner: u32,
        /// The number of this process's user.
        user: u32,
    },
    /// Everybody on the machine can change what is in it.
    #[error("everybody can write to the state directory {} (take that from them: chmod o-w)", path.display())]
    Exposed {
        /// The state directory.
        path: PathBuf,
    },
    /// The SQLite in this program can corrupt databases.
    #[error("SQLite {version} has a bug that corrupts WAL databases (build with 3.51.3 or newer)")]
    Sqlite {
        /// The version in this program.
        version: &'static str,
    },
    /// A limit is out of range.
    #[error("{name} is {value}, which is {problem}")]
    Limit {
        /// The limit's name, a field of `Limits`.
        name: &'static str,
        /// Its value.
        value: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// SQLite could not be started.
    #[error("SQLite cannot be started for want of memory (free some)")]
    Memory,
    /// The system refused a thread.
    #[error("no thread could be started: {0} (raise the limit on threads)")]
    Thread(io::Error),
}

impl StateError {
    pub(crate) fn unusable(state_dir: &Path, source: io::Error) -> StateError {
        StateError::Unusable { path: state_dir.to_owned(), source }
    }
}
