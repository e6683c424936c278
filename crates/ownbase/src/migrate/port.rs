//! The port over the runtime's own databases: for one user's, on the thread of one worker.

use ownbase_database::engine::spin::{Connection, HostDatabase, classify};
use ownbase_database::{Checked, Environment, Error, Label, Row, Timestamp, Value};
use ownbase_spin_sqlite::{Databases, Direct, DirectError, Labels, Value as HostValue};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;

/// One user's database, for as long as this lives.
pub(crate) struct UserDatabase<'r> {
    direct: Arc<Direct>,
    runtime: &'r Runtime,
    checked: Checked,
    only_looks: bool,
}

/// What [`UserDatabase`] opens.
pub(crate) struct Open<'r> {
    direct: Arc<Direct>,
    runtime: &'r Runtime,
    only_looks: bool,
}

impl<'r> UserDatabase<'r> {
    /// The database of `label`, if `labels` allow it.
    pub(crate) fn new(
        databases: &Databases,
        labels: &Labels,
        label: &Label,
        runtime: &'r Runtime,
    ) -> Result<Self, Error> {
        let direct = databases.direct(labels, label.as_str()).map_err(refused)?;
        Ok(Self { direct: Arc::new(direct), runtime, checked: Checked::default(), only_looks: false })
    }

    /// The same, to be read only: whatever is found in its files stays there, byte for byte.
    pub(crate) fn to_look_at(&self) -> Self {
        Self { direct: self.direct.clone(), runtime: self.runtime, checked: Checked::default(), only_looks: true }
    }

    /// Whether it holds anything that an application has made.
    pub(crate) fn has_tables(&self) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM sqlite_schema WHERE name <> '_ownbase_label' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 1";
        let rows = self.runtime.block_on(self.direct.look(sql, Vec::new())).map_err(refused)?;
        Ok(!rows.is_empty())
    }

    /// Copies it to the same label of `other`.
    pub(crate) fn copy_into(&self, other: &Databases) -> Result<(), Error> {
        self.runtime.block_on(self.direct.copy_into(other)).map_err(refused)
    }

    /// Lets go of it.
    pub(crate) fn finish(self) {
        if let Some(direct) = Arc::into_inner(self.direct) {
            self.runtime.block_on(direct.finish());
        }
    }
}

impl<'r> Environment for UserDatabase<'r> {
    type Database = HostDatabase<Open<'r>>;

    fn open(&self, _: &Label) -> Result<Self::Database, Error> {
        Ok(HostDatabase(Open { direct: self.direct.clone(), runtime: self.runtime, only_looks: self.only_looks }))
    }

    fn erase(&self, _: &Label) -> Result<(), Error> {
        let erasing = self.direct.execute("PRAGMA ownbase_erase", Vec::new());
        self.runtime.block_on(erasing).map(drop).map_err(refused)
    }

    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn random(&self, bytes: &mut [u8]) {
        assert!(getrandom::fill(bytes).is_ok(), "the system has no randomness");
    }

    fn checked(&self) -> &Checked {
        &self.checked
    }
}

impl Connection for Open<'_> {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let params = params.iter().map(to_host).collect();
        let rows = match self.only_looks {
            true => self.runtime.block_on(self.direct.look(sql, params)),
            false => self.runtime.block_on(self.direct.execute(sql, params)),
        };
        let rows = rows.map_err(refused)?;
        Ok(rows.into_iter().map(|row| Row(row.into_iter().map(from_host).collect())).collect())
    }
}

fn refused(error: DirectError) -> Error {
    classify(&error.to_string())
}

fn to_host(value: &Value) -> HostValue {
    match value {
        Value::Null => HostValue::Null,
        Value::Integer(integer) => HostValue::Integer(*integer),
        Value::Real(real) => HostValue::Real(*real),
        Value::Text(text) => HostValue::Text(text.clone()),
        Value::Blob(blob) => HostValue::Blob(blob.clone()),
    }
}

fn from_host(value: HostValue) -> Value {
    match value {
        HostValue::Null => Value::Null,
        HostValue::Integer(integer) => Value::Integer(integer),
        HostValue::Real(real) => Value::Real(real),
        HostValue::Text(text) => Value::Text(text),
        HostValue::Blob(blob) => Value::Blob(blob),
    }
}
