//! The port on SQLite files: for tests, native servers, and as the yardstick that other engines are measured by.
//!
//! One file a user in one folder, named by its label. WAL with `synchronous=FULL`: what is answered survives a loss of
//! power. Each open user has one connection behind a mutex, so a user's statements run one after another and users
//! never wait for each other. A bounded number stays open, the longest unused is closed first; a database in use never
//! is. A read of a user without a file answers [`Error::Missing`] and makes nothing.
//!
//! Connections have the limits of Cloudflare Durable Objects (`rusqlite/connection.rs`). The folder belongs to one
//! process; no lock enforces it. Not for a million users: it is one folder, and a file is closed, which checkpoints
//! it, by whoever opens another.

mod connection;
mod user_file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LinkedHashMap;

use self::user_file::UserFile;
use crate::engine::file_name::file_name;
use crate::engine::system;
use crate::{Checked, Database, Environment, Error, Label, Row, Sql, Statement, Timestamp, Value};

/// User databases as files in one folder. Shared by threads.
///
/// ```
/// use ownbase_database::engine::rusqlite::Files;
/// use ownbase_database::{Database, Environment, Label, Sql, Statement, UserId};
///
/// # let folder = tempfile::tempdir()?;
/// let files = Files::open(folder.path(), 100)?;
/// let john = files.open(&Label::from(&UserId::parse("john")?))?;
/// john.batch(&[Statement { sql: Sql::new("CREATE TABLE t (a)"), params: &[] }])?;
/// assert!(john.query(Sql::new("SELECT a FROM t"), &[])?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    max_open_databases: usize,
    /// From the longest unused to the one used last.
    open: Mutex<LinkedHashMap<Label, Arc<UserFile>>>,
    checked: Checked,
}

/// A user's database. While it is held its file stays open.
#[derive(Debug)]
pub struct FileDatabase(Arc<UserFile>);

impl Files {
    /// Keeps databases in `dir`, which is made if it is missing, at most `max_open_databases` of them open besides
    /// those in use.
    ///
    /// # Errors
    /// [`Error::Failed`] where the folder cannot be made.
    pub fn open(dir: &Path, max_open_databases: usize) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(|error| user_file::failed(&error))?;
        let (open, checked) = Default::default();
        Ok(Self { dir: dir.into(), max_open_databases, open, checked })
    }

    /// Whether the label's file is open: then a read of it neither opens a file nor closes another.
    pub fn is_open(&self, label: &Label) -> bool {
        self.files().get(label).is_some_and(|file| !file.is_closed())
    }

    /// The label's file, all users of which share one connection.
    fn file(&self, label: &Label) -> Arc<UserFile> {
        let mut open = self.files();
        if let Some(file) = open.to_back(label) {
            return Arc::clone(file);
        }
        let file = Arc::new(UserFile::new(label.clone(), self.dir.join(file_name(label))));
        open.insert(label.clone(), Arc::clone(&file));
        let surplus = open.len().saturating_sub(self.max_open_databases);
        // Nobody can take hold of a file but through this map, which is locked.
        let unused = open.values().filter(|file| Arc::strong_count(file) == 1);
        let unused: Vec<_> = unused.take(surplus).cloned().collect();
        drop(open);
        unused.iter().for_each(|file| self.close(file));
        file
    }

    /// Closes a file that was not in use. It stays in the map meanwhile, so that whoever opens it waits.
    fn close(&self, file: &Arc<UserFile>) {
        file.close();
        self.forget(file);
    }

    /// Takes a closed file out of the map, unless somebody has come for it since. Two connections to one file must not
    /// be: the one would go on writing to a file that is erased through the other.
    fn forget(&self, file: &Arc<UserFile>) {
        let mut open = self.files();
        // Held by the map and by the caller alone: nobody has it, nor can get it while the map is locked.
        if Arc::strong_count(file) == 2 && file.is_closed() {
            open.remove(file.label());
        }
    }

    // No panic can leave the map half changed.
    fn files(&self) -> MutexGuard<'_, LinkedHashMap<Label, Arc<UserFile>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Environment for Files {
    type Database = FileDatabase;

    fn open(&self, label: &Label) -> Result<FileDatabase, Error> {
        Ok(FileDatabase(self.file(label)))
    }

    fn erase(&self, label: &Label) -> Result<(), Error> {
        self.checked.forget(label);
        self.file(label).erase()
    }

    fn now(&self) -> Timestamp {
        system::now()
    }

    fn random(&self, bytes: &mut [u8]) {
        system::random(bytes);
    }

    fn checked(&self) -> &Checked {
        &self.checked
    }
}

impl Database for FileDatabase {
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.0.query(sql, params)
    }

    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        self.0.batch(statements)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Arc, Environment, Files, Label, Sql, Statement};
    use crate::UserId;

    #[test]
    fn a_closed_file_is_forgotten_unless_somebody_came_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path(), 10).unwrap();
        let label = Label::from(&UserId::parse("john").unwrap());
        let is_known = || files.files().contains_key(&label);
        let file = files.file(&label);

        let held = files.open(&label).unwrap();
        files.close(&file);
        assert!(is_known(), "somebody holds it");
        drop(held);

        file.batch(&[Statement { sql: Sql::new("CREATE TABLE t (a)"), params: &[] }]).unwrap();
        files.forget(&file);
        assert!(is_known(), "somebody has opened it and gone");

        files.close(&file);
        assert!(!is_known());
        assert!(!Arc::ptr_eq(&file, &files.file(&label)));
    }
}
