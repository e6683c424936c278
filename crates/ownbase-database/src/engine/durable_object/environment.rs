//! The port itself: statements, transactions and values over the declarations of `storage.rs`.

use std::cell::RefCell;

use js_sys::WebAssembly::RuntimeError;
use js_sys::{Array, ArrayBuffer, Date, Promise, RangeError, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, throw_val};

use super::classify::{RUNTIME, classify};
use super::number;
use super::storage::{self, Sql as Engine, Storage};
use crate::{Checked, Database, Environment, Error, Label, Row, Sql, Statement, Timestamp, Value};

/// The database of one user, in the object that holds it. Good for as long as the object is in memory, until something
/// is rolled back from outside: then a new one must be made, since this one may remember migrations that are gone.
///
/// ```no_run
/// use ownbase_database::engine::durable_object::{DurableObject, Storage};
/// use ownbase_database::{Database, Environment, Error, Label, Sql};
///
/// fn count(label: Label, storage: Storage) -> Result<i64, Error> {
///     let object = DurableObject::new(label.clone(), storage);
///     let rows = object.open(&label)?.query(Sql::new("SELECT count(*) FROM notes"), &[])?;
///     rows.into_iter().next().map_or(Ok(0), |mut row| row.take(0))
/// }
/// ```
#[derive(Debug)]
pub struct DurableObject {
    label: Label,
    storage: Storage,
    checked: Checked,
    erasure: RefCell<Option<Promise>>,
}

/// The database, for the length of a request.
#[derive(Debug)]
pub struct ObjectDatabase(Storage);

impl DurableObject {
    /// The environment of the object that was found by `label` and has this `storage`.
    pub fn new(label: Label, storage: Storage) -> Self {
        Self { label, storage, checked: Checked::default(), erasure: RefCell::default() }
    }

    /// What to await before the answer to a request that has erased the database: that it is gone from the disk.
    pub fn take_erasure(&self) -> Option<Promise> {
        self.erasure.take()
    }

    /// The object's storage holds one user's notes, whatever the request says.
    fn check(&self, label: &Label) -> Result<(), Error> {
        if *label == self.label {
            return Ok(());
        }
        let message = format!("{} was asked of the object of {}", label.as_str(), self.label.as_str());
        Err(Error::Failed { code: "wrong-object".into(), message })
    }
}

impl Environment for DurableObject {
    type Database = ObjectDatabase;

    fn open(&self, label: &Label) -> Result<ObjectDatabase, Error> {
        self.check(label)?;
        Ok(ObjectDatabase(self.storage.clone()))
    }

    /// Works outside a transaction only.
    fn erase(&self, label: &Label) -> Result<(), Error> {
        self.check(label)?;
        self.checked.forget(label);
        let erasure = self.storage.delete_all().map_err(refused)?;
        self.erasure.replace(Some(erasure));
        Ok(())
    }

    fn now(&self) -> Timestamp {
        // Far inside what an i64 holds.
        Timestamp(Date::now() as i64)
    }

    fn random(&self, bytes: &mut [u8]) {
        // Names that can be guessed are worse than none: without randomness nothing can be served.
        assert!(storage::get_random_values(bytes).is_ok(), "the runtime has no randomness");
    }

    fn checked(&self) -> &Checked {
        &self.checked
    }
}

impl Database for ObjectDatabase {
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        run(&self.0.sql().map_err(refused)?, sql, params)
    }

    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        let engine = self.0.sql().map_err(refused)?;
        let mut result = Ok(());
        let transaction = self.0.transaction_sync(&mut || {
            result = statements.iter().try_for_each(|each| run(&engine, each.sql, each.params).map(drop));
            // To throw is how to roll back; what is thrown comes back, and `result` says more.
            if result.is_ok() { Ok(JsValue::UNDEFINED) } else { Err(JsValue::UNDEFINED) }
        });
        result.and(transaction.map(drop).map_err(refused))
    }
}

fn run(engine: &Engine, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
    let params = params.iter().map(bind).collect::<Result<Array, Error>>()?;
    let cursor = engine.exec(sql.plain(), &params).map_err(refused)?;
    let rows = cursor.raw().and_then(|rows| storage::array_from(&rows)).map_err(refused)?;
    rows.iter().map(|row| row.unchecked_into::<Array>().iter().map(read).collect::<Result<_, _>>().map(Row)).collect()
}

fn bind(value: &Value) -> Result<JsValue, Error> {
    Ok(match value {
        Value::Null => JsValue::NULL,
        Value::Integer(integer) => number::from_integer(*integer)?.into(),
        Value::Real(real) => (*real).into(),
        Value::Text(text) => text.into(),
        Value::Blob(blob) => Uint8Array::from(blob.as_slice()).into(),
    })
}

fn read(value: JsValue) -> Result<Value, Error> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    if let Some(number) = value.as_f64() {
        return Ok(Value::Real(number));
    }
    if let Some(text) = value.as_string() {
        return Ok(Value::Text(text));
    }
    match value.dyn_into::<ArrayBuffer>() {
        Ok(bytes) => Ok(Value::Blob(Uint8Array::new(&bytes).to_vec())),
        Err(other) => Err(Error::Failed { code: RUNTIME.into(), message: format!("a value is {other:?}") }),
    }
}

/// What an exception means to whoever can go on.
fn refused(exception: JsValue) -> Error {
    // A panic inside a transaction, or a full stack: Rust cannot go on, so it is nothing to be answered here.
    if exception.is_instance_of::<RuntimeError>() || exception.is_instance_of::<RangeError>() {
        throw_val(exception);
    }
    thrown(&exception)
}

/// What it means that a call to an object threw: the storage's error, as when a commit fails, or the runtime's. Of the
/// runtime's, those are [`Error::Busy`] that it marks as worth another try.
pub fn thrown(exception: &JsValue) -> Error {
    let message = match exception.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{exception:?}"),
    };
    let is = |mark: &str| Reflect::get(exception, &mark.into()).is_ok_and(|value| value.is_truthy());
    match classify(&message) {
        Error::Failed { code, .. } if code == RUNTIME && (is("overloaded") || is("retryable")) => Error::Busy,
        error => error,
    }
}
