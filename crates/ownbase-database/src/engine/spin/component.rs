//! The calls to the host: opening labels, running statements, and finding out which way holds.

use std::sync::OnceLock;

use spin_sdk::sqlite::wit::sqlite as host;

use super::attached::Attached;
use super::classify::classify;
use super::connection::{Connection, batch};
use crate::engine::system;
use crate::{Checked, Database, Environment, Error, Label, Row, Sql, Statement, Timestamp, Value};

/// The environment variable that names the folder of users' files on unmodified Spin.
const ATTACH_DIR: &str = "OWNBASE_ATTACH_DIR";

/// The label that unmodified Spin opens, a database in memory.
const ATTACH_LABEL: &str = "users";

/// User databases on spin:sqlite. One an instance: [`Spin::instance`].
#[derive(Debug)]
pub struct Spin {
    way: Way,
    checked: Checked,
}

/// How this instance reaches users' databases.
#[derive(Debug)]
enum Way {
    OnDemand,
    Attach { dir: String },
}

/// A user's database for the length of a request.
#[derive(Debug)]
pub struct SpinDatabase(Reached);

#[derive(Debug)]
enum Reached {
    OnDemand(host::Connection),
    Attached(Attached<host::Connection>),
}

impl Spin {
    /// This instance's environment. The host is asked which way holds until it has answered once.
    ///
    /// # Errors
    /// [`Error::Failed`] where the host opens no label on demand and no folder is named to attach files from.
    pub fn instance() -> Result<&'static Self, Error> {
        static INSTANCE: OnceLock<Spin> = OnceLock::new();
        if let Some(spin) = INSTANCE.get() {
            return Ok(spin);
        }
        let way = Way::probe()?;
        Ok(INSTANCE.get_or_init(|| Self { way, checked: Checked::default() }))
    }

    /// Whether the host opens labels on demand, as `ownbase up` does; such a host sets `x-request-id` itself.
    pub fn is_on_demand(&self) -> bool {
        matches!(self.way, Way::OnDemand)
    }
}

impl Way {
    fn probe() -> Result<Self, Error> {
        match (host::Connection::open(Label::PROBE), std::env::var(ATTACH_DIR)) {
            (Ok(_), _) => Ok(Self::OnDemand),
            (Err(host::Error::AccessDenied | host::Error::NoSuchDatabase), Ok(dir)) if !dir.is_empty() => {
                Ok(Self::Attach { dir })
            }
            (Err(host::Error::AccessDenied | host::Error::NoSuchDatabase), _) => Err(Error::Failed {
                code: "access-denied".into(),
                message: format!(
                    "this host refuses the label {}: run `ownbase up` with user-* in the component's tool table, or \
                     on Spin set {ATTACH_DIR} to the folder for users' files",
                    Label::PROBE
                ),
            }),
            (Err(error), _) => Err(refused(error)),
        }
    }
}

impl Environment for Spin {
    type Database = SpinDatabase;

    fn open(&self, label: &Label) -> Result<SpinDatabase, Error> {
        let open = |label: &str| host::Connection::open(label).map_err(refused);
        Ok(SpinDatabase(match &self.way {
            Way::OnDemand => Reached::OnDemand(open(label.as_str())?),
            Way::Attach { dir } => Reached::Attached(Attached::new(open(ATTACH_LABEL)?, dir, label)),
        }))
    }

    /// On ownbase the host removes the file. On unmodified Spin everything in it is dropped and the empty file stays.
    fn erase(&self, label: &Label) -> Result<(), Error> {
        self.checked.forget(label);
        match self.open(label)?.0 {
            Reached::Attached(attached) => attached.erase(),
            // SQLite ignores a pragma that it does not know: a row comes only from a host that does.
            Reached::OnDemand(connection) => match connection.execute("PRAGMA ownbase_erase", &[]) {
                Ok(result) if !result.rows.is_empty() => Ok(()),
                Ok(_) => Err(Error::Failed {
                    code: "ownbase_erase".into(),
                    message: "this host opens labels on demand, but cannot erase them".into(),
                }),
                Err(error) => Err(refused(error)),
            },
        }
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

impl Database for SpinDatabase {
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        match &self.0 {
            Reached::OnDemand(connection) => Connection::execute(connection, sql.plain(), params),
            Reached::Attached(attached) => attached.query(sql, params),
        }
    }

    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        match &self.0 {
            Reached::OnDemand(connection) => batch(connection, Sql::plain, statements),
            Reached::Attached(attached) => attached.batch(statements),
        }
    }
}

impl Connection for host::Connection {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let params: Vec<host::Value> = params.iter().map(to_host).collect();
        let result = self.execute(sql, &params).map_err(refused)?;
        Ok(result.rows.into_iter().map(|row| Row(row.values.into_iter().map(from_host).collect())).collect())
    }
}

fn to_host(value: &Value) -> host::Value {
    match value {
        Value::Null => host::Value::Null,
        Value::Integer(integer) => host::Value::Integer(*integer),
        Value::Real(real) => host::Value::Real(*real),
        Value::Text(text) => host::Value::Text(text.clone()),
        Value::Blob(blob) => host::Value::Blob(blob.clone()),
    }
}

fn from_host(value: host::Value) -> Value {
    match value {
        host::Value::Null => Value::Null,
        host::Value::Integer(integer) => Value::Integer(integer),
        host::Value::Real(real) => Value::Real(real),
        host::Value::Text(text) => Value::Text(text),
        host::Value::Blob(blob) => Value::Blob(blob),
    }
}

fn refused(error: host::Error) -> Error {
    let failed = |code: &str| Error::Failed { code: code.into(), message: "spin:sqlite refused".into() };
    match error {
        host::Error::Io(text) => classify(&text),
        host::Error::DatabaseFull => Error::Full,
        host::Error::NoSuchDatabase => failed("no-such-database"),
        host::Error::AccessDenied => failed("access-denied"),
        host::Error::InvalidConnection => failed("invalid-connection"),
    }
}
