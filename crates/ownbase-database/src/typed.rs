//! Typed rows and parameters: what the code leans on that `ownbase-sql` generates from an application's queries.
//!
//! A parameter becomes a [`Value`] by `From`, a row becomes the application's struct by [`FromRow`], column by column
//! ([`Row::take`]), each value moved and none copied. A value of another storage class than the query promised is an
//! [`Error::Failed`] with the code `SQLITE_MISMATCH`, never a panic. Everything here works for code written by hand
//! too. Nothing here looks at SQL.

use std::marker::PhantomData;
use std::vec;

use crate::{Database, Error, Row, Sql, Statement, Value};

/// A type that a value can be taken for.
pub trait FromValue: Sized {
    /// What it wants, for the message where it gets something else.
    const WANTED: &str;

    /// The value, or `None` where it is of another storage class.
    fn from_value(value: Value) -> Option<Self>;
}

impl FromValue for i64 {
    const WANTED: &str = "an integer";

    // One engine knows no other numbers than REAL.
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Integer(integer) => Some(integer),
            Value::Real(real) if real.fract() == 0.0 && real.abs() <= 9_007_199_254_740_992.0 => Some(real as i64),
            _ => None,
        }
    }
}

impl FromValue for f64 {
    const WANTED: &str = "a number";

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Real(real) => Some(real),
            Value::Integer(integer) => Some(integer as f64),
            _ => None,
        }
    }
}

impl FromValue for bool {
    const WANTED: &str = "0 or 1";

    fn from_value(value: Value) -> Option<Self> {
        match i64::from_value(value) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        }
    }
}

impl FromValue for String {
    const WANTED: &str = "text";

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl FromValue for Vec<u8> {
    const WANTED: &str = "a blob";

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Blob(blob) = value { Some(blob) } else { None }
    }
}

impl FromValue for Value {
    const WANTED: &str = "a value";

    fn from_value(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const WANTED: &str = T::WANTED;

    fn from_value(value: Value) -> Option<Self> {
        if matches!(value, Value::Null) { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Integer(truth.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&[u8]> for Value {
    fn from(blob: &[u8]) -> Self {
        Self::Blob(blob.into())
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

/// A struct with a field for each column of a row.
pub trait FromRow: Sized {
    /// Reads a row.
    ///
    /// # Errors
    /// [`Error::Failed`] with code `SQLITE_MISMATCH` where a column holds something else or is not there.
    fn from_row(row: Row) -> Result<Self, Error>;
}

/// Rows that are turned into `T` one by one, as they are asked for.
#[derive(Debug)]
pub struct Rows<T> {
    rows: vec::IntoIter<Row>,
    as_type: PhantomData<fn() -> T>,
}

/// No rows.
impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { rows: Vec::new().into_iter(), as_type: PhantomData }
    }
}

impl<T: FromRow> Iterator for Rows<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(T::from_row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

/// A statement that answers no rows, with its values: to be run alone, or with others in a [`Database::batch`].
#[derive(Debug, Clone, PartialEq)]
pub struct Bound<const N: usize> {
    /// The statement.
    pub sql: Sql,
    /// Its values in the order of their positions.
    pub params: [Value; N],
}

impl<const N: usize> Bound<N> {
    /// Runs it alone.
    ///
    /// # Errors
    /// As [`Database::query`].
    pub fn run(&self, database: &impl Database) -> Result<(), Error> {
        exec(database, self.sql, &self.params)
    }

    /// As a part of a [`Database::batch`].
    pub fn statement(&self) -> Statement<'_> {
        Statement { sql: self.sql, params: &self.params }
    }
}

/// Runs a query of any number of rows.
///
/// # Errors
/// As [`Database::query`]; each row has errors of its own.
pub fn many<T: FromRow>(database: &impl Database, sql: Sql, params: &[Value]) -> Result<Rows<T>, Error> {
    Ok(Rows { rows: database.query(sql, params)?.into_iter(), as_type: PhantomData })
}

/// Runs a query of one row at the most; further rows are not looked at.
///
/// # Errors
/// As [`Database::query`] and [`FromRow::from_row`].
pub fn optional<T: FromRow>(database: &impl Database, sql: Sql, params: &[Value]) -> Result<Option<T>, Error> {
    many(database, sql, params)?.next().transpose()
}

/// Runs a query that has one row whatever the database holds, such as `SELECT count(*) …`.
///
/// # Errors
/// As [`optional`]; [`Error::Failed`] with code `SQLITE_MISMATCH` where there is no row.
pub fn one<T: FromRow>(database: &impl Database, sql: Sql, params: &[Value]) -> Result<T, Error> {
    optional(database, sql, params)?
        .ok_or_else(|| Error::Failed { code: "SQLITE_MISMATCH".into(), message: "there is no row".into() })
}

/// Runs a statement that answers no rows.
///
/// # Errors
/// As [`Database::query`].
pub fn exec(database: &impl Database, sql: Sql, params: &[Value]) -> Result<(), Error> {
    database.query(sql, params).map(drop)
}
