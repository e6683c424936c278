//! The port: what an engine offers and all that an application may ask of it.
//!
//! Implemented by each file in [`crate::engine`] and by test doubles. For implementers:
//!
//! - Statements see Cloudflare Durable Objects' limits on every engine, so that what the strictest would refuse fails
//!   on a laptop: 100 parameters, 100,000 bytes of SQL, 2 MB a value, integers within ±2^53; no `BEGIN`, `SAVEPOINT`,
//!   `ATTACH`, and no `PRAGMA` that writes.
//! - An operation that returns `Ok` is durable: it survives the loss of power on engines that promise it.
//! - Nothing here is `async`: an engine that must wait blocks its instance, which serves one request at a time.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::typed::FromValue;
use crate::{Error, Label};

/// One value in a row or among a statement's parameters: SQLite's five storage classes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// `INTEGER`. Keep within ±2^53: a Durable Object rounds beyond.
    Integer(i64),
    /// `REAL`.
    Real(f64),
    /// `TEXT`, UTF-8.
    Text(String),
    /// `BLOB`.
    Blob(Vec<u8>),
}

/// A statement's text: a literal, and where an engine keeps the user's tables in an attached schema, that form too.
///
/// On unmodified Spin a user's file is attached as `u`, where `CREATE` must name the schema. Every other statement
/// is the same in both forms. Migrations get both from `ownbase-sql` at build time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    plain: &'static str,
    attached: &'static str,
}

impl Sql {
    /// A statement that reads the same wherever the user's tables are.
    pub const fn new(sql: &'static str) -> Self {
        Self { plain: sql, attached: sql }
    }

    /// A `CREATE` in its two forms: plain, and with the schema `u` named.
    pub const fn create(plain: &'static str, attached: &'static str) -> Self {
        Self { plain, attached }
    }

    /// The text where the user's database is the connection's main schema.
    pub const fn plain(self) -> &'static str {
        self.plain
    }

    /// The text where the user's database is attached as `u`.
    pub const fn attached(self) -> &'static str {
        self.attached
    }
}

/// One statement of a [`Database::batch`] with its parameters, bound to `?1`, `?2`, … in order.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// What to run.
    pub sql: Sql,
    /// At most 100.
    pub params: &'a [Value],
}

/// One row. Columns are numbered from 0 in the order of the statement's result columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Takes the value out of `column` as a `T`, leaving NULL, so that nothing is copied.
    ///
    /// ```
    /// use ownbase_database::{Row, Value};
    ///
    /// let mut row = Row(vec![Value::Text("Ann".into()), Value::Null]);
    /// assert_eq!(row.take::<String>(0)?, "Ann");
    /// assert_eq!(row.take::<Option<i64>>(1)?, None);
    /// # Ok::<(), ownbase_database::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Failed`] with code `SQLITE_MISMATCH` where there is no such column or it holds something else.
    pub fn take<T: FromValue>(&mut self, column: usize) -> Result<T, Error> {
        let value = self.0.get_mut(column).map(|value| std::mem::replace(value, Value::Null));
        value.and_then(T::from_value).ok_or_else(|| mismatch(column, T::WANTED))
    }
}

fn mismatch(column: usize, wanted: &str) -> Error {
    Error::Failed { code: "SQLITE_MISMATCH".into(), message: format!("column {column} is not {wanted}") }
}

/// A user's open database. Dropped at the end of the request at the latest.
pub trait Database {
    /// Runs one statement, atomically, and returns its rows (those of `RETURNING` included).
    ///
    /// A statement that names a missing table answers [`Error::Missing`], as does any statement on the database of a
    /// user who has none; neither makes one.
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error>;

    /// Runs the statements in order in one transaction that takes the write lock at its start: all or nothing.
    /// Rows are discarded. Makes the database if there is none.
    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error>;
}

/// What the outside world is to an application: its databases, a clock and a source of randomness.
pub trait Environment {
    /// The engine's open database.
    type Database: Database;

    /// Opens the database of `label`. Makes no file: only a [`Database::batch`] or a statement that writes does.
    fn open(&self, label: &Label) -> Result<Self::Database, Error>;

    /// Removes the database of `label`, file and all where the engine can; succeeds where there is none.
    /// Waits for a running transaction up to the busy time limit. Forgets the label in [`Environment::checked`].
    fn erase(&self, label: &Label) -> Result<(), Error>;

    /// The time now. It may step back.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` with randomness fit for unguessable names.
    fn random(&self, bytes: &mut [u8]);

    /// Which labels this instance has seen at a usable schema version.
    fn checked(&self) -> &Checked;
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored (POSIX time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// The labels whose schema version an instance has checked, so that a warm request asks the database nothing.
///
/// Holds at most [`Checked::CAPACITY`] labels; when full it forgets all, which costs each a query again and nothing
/// else. It may remember a database that has since been erased: the statement then answers [`Error::Missing`], and
/// [`crate::migration::recreate_with`] mends it.
#[derive(Debug, Default)]
pub struct Checked(Mutex<HashSet<Label>>);

impl Checked {
    /// Labels remembered at most: about 2 MB at the longest.
    pub const CAPACITY: usize = 4096;

    /// Whether `label` was remembered and not forgotten since.
    pub fn contains(&self, label: &Label) -> bool {
        self.labels().contains(label)
    }

    /// Remembers that the database of `label` is at a version this build can work with.
    pub fn remember(&self, label: &Label) {
        let mut labels = self.labels();
        if labels.len() >= Self::CAPACITY {
            labels.clear();
        }
        labels.insert(label.clone());
    }

    /// Forgets `label`: its database was erased.
    pub fn forget(&self, label: &Label) {
        self.labels().remove(label);
    }

    // A panic while the lock is held leaves a set that at worst forgot something: still true.
    fn labels(&self) -> std::sync::MutexGuard<'_, HashSet<Label>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
