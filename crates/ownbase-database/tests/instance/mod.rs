//! An instance of an application over SQLite files: what it asks of its databases is counted, and a test may do
//! something behind its back just before a batch.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ownbase_database::engine::rusqlite::{FileDatabase, Files};
use ownbase_database::migration::{Access, Migration, ready};
use ownbase_database::{Checked, Database, Environment, Error, Label, Row, Sql, Statement, Timestamp, UserId, Value};
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp(1_742_744_538_760);

pub(crate) const CREATE_NOTES: Migration = Migration {
    version: 1,
    name: "create_notes",
    checksum: "11",
    compatible_with: 1,
    statements: &[
        Sql::create("CREATE TABLE notes (text TEXT NOT NULL)", "CREATE TABLE u.notes (text TEXT NOT NULL)"),
        Sql::new("INSERT INTO notes VALUES ('first')"),
    ],
};
/// Names nothing of the migration before.
pub(crate) const CREATE_TAGS: Migration = Migration {
    version: 2,
    name: "create_tags",
    checksum: "22",
    compatible_with: 1,
    statements: &[Sql::create("CREATE TABLE tags (tag)", "CREATE TABLE u.tags (tag)")],
};
/// Fails for a user with two notes of the same text.
pub(crate) const UNIQUE_TEXTS: Migration = Migration {
    version: 3,
    name: "unique_texts",
    checksum: "33",
    compatible_with: 3,
    statements: &[
        Sql::new("ALTER TABLE notes ADD COLUMN pinned INTEGER"),
        Sql::create("CREATE UNIQUE INDEX texts ON notes (text)", "CREATE UNIQUE INDEX u.texts ON notes (text)"),
    ],
};

pub(crate) static FIRST: &[Migration] = &[CREATE_NOTES];
pub(crate) static SECOND: &[Migration] = &[CREATE_NOTES, CREATE_TAGS];
pub(crate) static THIRD: &[Migration] = &[CREATE_NOTES, CREATE_TAGS, UNIQUE_TEXTS];

pub(crate) struct Instance {
    files: Arc<Files>,
    checked: Checked,
    watch: Rc<Watch>,
}

pub(crate) struct Watched(FileDatabase, Rc<Watch>);

struct Watch {
    calls: Cell<usize>,
    intrusions_left: Cell<usize>,
    intrusion: Box<dyn Fn() -> Result<(), Error>>,
    /// Done after a batch that was intruded upon.
    aftermath: RefCell<Box<dyn Fn()>>,
}

impl Instance {
    /// One that has just started: nothing is remembered.
    pub(crate) fn new(files: &Arc<Files>) -> Self {
        Self::disturbed(files, 0, || Ok(()))
    }

    /// One that finds, in its first `times` batches, what `intrusion` has just made of the databases.
    pub(crate) fn intruded(files: &Arc<Files>, times: usize, intrusion: impl Fn(&Arc<Files>) + 'static) -> Self {
        let others = Arc::clone(files);
        Self::disturbed(files, times, move || {
            intrusion(&others);
            Ok(())
        })
    }

    /// The same, and once the batch has failed it makes something else of them, before they are read again.
    pub(crate) fn then(self, aftermath: impl Fn(&Arc<Files>) + 'static) -> Self {
        let others = Arc::clone(&self.files);
        *self.watch.aftermath.borrow_mut() = Box::new(move || aftermath(&others));
        self
    }

    /// One whose every batch fails.
    pub(crate) fn failing(files: &Arc<Files>, error: Error) -> Self {
        Self::disturbed(files, usize::MAX, move || Err(error.clone()))
    }

    fn disturbed(files: &Arc<Files>, times: usize, intrusion: impl Fn() -> Result<(), Error> + 'static) -> Self {
        let intrusion = Box::new(intrusion);
        let watch = Rc::new(Watch {
            calls: Cell::new(0),
            intrusions_left: Cell::new(times),
            intrusion,
            aftermath: RefCell::new(Box::new(|| {})),
        });
        Self { files: Arc::clone(files), checked: Checked::default(), watch }
    }

    /// Calls to the engine so far, opens included.
    pub(crate) fn calls(&self) -> usize {
        self.watch.calls.get()
    }
}

impl Watch {
    fn count(&self) {
        self.calls.set(self.calls.get() + 1);
    }
}

impl Environment for Instance {
    type Database = Watched;

    fn open(&self, label: &Label) -> Result<Watched, Error> {
        self.watch.count();
        Ok(Watched(self.files.open(label)?, Rc::clone(&self.watch)))
    }

    fn erase(&self, label: &Label) -> Result<(), Error> {
        self.checked.forget(label);
        self.files.erase(label)
    }

    fn now(&self) -> Timestamp {
        NOW
    }

    fn random(&self, bytes: &mut [u8]) {
        self.files.random(bytes);
    }

    fn checked(&self) -> &Checked {
        &self.checked
    }
}

impl Database for Watched {
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.1.count();
        self.0.query(sql, params)
    }

    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        self.1.count();
        if let Some(left) = self.1.intrusions_left.get().checked_sub(1) {
            self.1.intrusions_left.set(left);
            (self.1.intrusion)()?;
            let result = self.0.batch(statements);
            (self.1.aftermath.borrow())();
            return result;
        }
        self.0.batch(statements)
    }
}

pub(crate) fn files(dir: &TempDir) -> Arc<Files> {
    Arc::new(Files::open(dir.path(), 100).unwrap())
}

pub(crate) fn john() -> Label {
    Label::from(&UserId::parse("john").unwrap())
}

/// Brings John's database to `migrations` by an instance of its own.
pub(crate) fn migrate(files: &Arc<Files>, migrations: &'static [Migration]) {
    assert!(ready(&Instance::new(files), &john(), migrations, Access::Create).unwrap());
}

/// Runs one statement on John's database.
pub(crate) fn run(files: &Files, sql: &'static str) -> Result<Vec<Row>, Error> {
    files.open(&john())?.query(Sql::new(sql), &[])
}

/// The versions that John's database has, in order; `None` where there is none.
pub(crate) fn versions(files: &Files) -> Option<Vec<i64>> {
    let mut rows = run(files, "SELECT version FROM _migrations ORDER BY version").ok()?;
    Some(rows.iter_mut().map(|row| row.take(0).unwrap()).collect())
}

/// The names of all that John's database has besides SQLite's own.
pub(crate) fn schema(files: &Files) -> Vec<String> {
    let mut rows = run(files, "SELECT name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*' ORDER BY name").unwrap();
    rows.iter_mut().map(|row| row.take(0).unwrap()).collect()
}
