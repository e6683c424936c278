//! An environment over a temporary folder of SQLite files, whose clock, randomness and statements a test can bend.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use ownbase_database::engine::rusqlite::Files;
use ownbase_database::{Checked, Database, Environment, Error, Label, Row, Sql, Statement, Timestamp, UserId, Value};
use tempfile::TempDir;

pub(crate) struct World {
    /// Removed with the last environment that uses it.
    folder: Arc<TempDir>,
    files: Arc<Files>,
    checked: Checked,
    /// 0: the true time.
    clock_ms: AtomicI64,
    /// Handed out before true randomness.
    next_random: Mutex<VecDeque<u8>>,
    bends: Bends,
}

/// What happens to statements that contain a text.
type Bends = Arc<Mutex<Vec<(&'static str, Bend)>>>;

enum Bend {
    /// They fail.
    Fail(Error),
    /// Something else comes first, once.
    Before(Box<dyn FnOnce() + Send>),
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), 100).unwrap();
        Self::over(Arc::new(folder), Arc::new(files))
    }

    /// Another environment over the same databases, with a memory of its own: a second instance, or a later process.
    pub(crate) fn another(&self) -> Self {
        Self::over(self.folder.clone(), self.files.clone())
    }

    fn over(folder: Arc<TempDir>, files: Arc<Files>) -> Self {
        let (checked, clock_ms, next_random, bends) = Default::default();
        Self { folder, files, checked, clock_ms, next_random, bends }
    }

    pub(crate) fn set_clock(&self, ms: i64) {
        self.clock_ms.store(ms, Ordering::Relaxed);
    }

    pub(crate) fn push_random(&self, bytes: &[u8]) {
        self.next_random.lock().unwrap().extend(bytes);
    }

    /// Every statement that contains `sql` fails; `"erase"` is the end of a database.
    pub(crate) fn fail(&self, sql: &'static str, error: Error) {
        self.bends.lock().unwrap().push((sql, Bend::Fail(error)));
    }

    /// Just before the next statement that contains `sql`, somebody else does something.
    pub(crate) fn before(&self, sql: &'static str, act: impl FnOnce() + Send + 'static) {
        self.bends.lock().unwrap().push((sql, Bend::Before(Box::new(act))));
    }

    /// The database of `user`, past the service.
    pub(crate) fn database(&self, user: &str) -> impl Database {
        self.files.open(&Label::from(&UserId::parse(user).unwrap())).unwrap()
    }

    /// Whether there is any file at all, whatever its folder.
    pub(crate) fn has_files(&self) -> bool {
        fn any(folder: &Path) -> bool {
            let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            entries.any(|entry| if entry.file_type().unwrap().is_dir() { any(&entry.path()) } else { true })
        }
        any(self.folder.path())
    }
}

impl Environment for World {
    type Database = Bent<<Files as Environment>::Database>;

    fn open(&self, label: &Label) -> Result<Self::Database, Error> {
        Ok(Bent { database: self.files.open(label)?, bends: self.bends.clone() })
    }

    fn erase(&self, label: &Label) -> Result<(), Error> {
        bend(&self.bends, "erase")?;
        self.checked.forget(label);
        self.files.erase(label)
    }

    fn now(&self) -> Timestamp {
        match self.clock_ms.load(Ordering::Relaxed) {
            0 => self.files.now(),
            ms => Timestamp(ms),
        }
    }

    fn random(&self, bytes: &mut [u8]) {
        self.files.random(bytes);
        let mut next = self.next_random.lock().unwrap();
        bytes.iter_mut().map_while(|byte| next.pop_front().map(|bent| *byte = bent)).for_each(drop);
    }

    fn checked(&self) -> &Checked {
        &self.checked
    }
}

/// A database in which some statements fail or come too late.
pub(crate) struct Bent<D> {
    database: D,
    bends: Bends,
}

impl<D: Database> Database for Bent<D> {
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        bend(&self.bends, sql.plain())?;
        self.database.query(sql, params)
    }

    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        statements.iter().try_for_each(|statement| bend(&self.bends, statement.sql.plain()))?;
        self.database.batch(statements)
    }
}

fn bend(bends: &Bends, sql: &str) -> Result<(), Error> {
    let mut bends = bends.lock().unwrap();
    let Some(index) = bends.iter().position(|(part, _)| sql.contains(part)) else { return Ok(()) };
    if let Bend::Fail(error) = &bends[index].1 {
        return Err(error.clone());
    }
    let (_, bend) = bends.remove(index);
    drop(bends);
    if let Bend::Before(act) = bend {
        act();
    }
    Ok(())
}
