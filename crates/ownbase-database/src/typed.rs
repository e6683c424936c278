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

impl<T: FromRow> ExactSizeIterator for Rows<T> {}

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn all() -> [Value; 6] {
        let (text, blob) = (Value::Text("a".into()), Value::Blob(vec![1]));
        [Value::Null, Value::Integer(1), Value::Real(1.0), Value::Real(0.5), text, blob]
    }

    /// Takes each of [`all`] and says which could be taken.
    fn taken<T: FromValue>() -> [bool; 6] {
        let mut row = Row(all().to_vec());
        std::array::from_fn(|column| match row.take::<T>(column) {
            Ok(_) => true,
            Err(Error::Failed { code, message }) => {
                assert_eq!(
                    (code.as_str(), message),
                    ("SQLITE_MISMATCH", format!("column {column} is not {}", T::WANTED))
                );
                false
            }
            Err(_) => unreachable!(),
        })
    }

    #[test]
    fn a_value_of_another_storage_class_is_an_error() {
        assert_eq!(taken::<i64>(), [false, true, true, false, false, false]);
        assert_eq!(taken::<f64>(), [false, true, true, true, false, false]);
        assert_eq!(taken::<bool>(), [false, true, true, false, false, false]);
        assert_eq!(taken::<String>(), [false, false, false, false, true, false]);
        assert_eq!(taken::<Vec<u8>>(), [false, false, false, false, false, true]);
        assert_eq!(taken::<Value>(), [true; 6]);
        assert_eq!(taken::<Option<i64>>(), [true, true, true, false, false, false]);
        assert_eq!(taken::<Option<String>>(), [true, false, false, false, true, false]);
        assert!(Row(vec![Value::Integer(2)]).take::<bool>(0).is_err());
        assert!(Row(vec![]).take::<Option<i64>>(0).is_err());
    }

    #[test]
    fn numbers_that_real_cannot_hold_are_no_integers() {
        let mut row =
            Row(vec![Value::Real(9_007_199_254_740_994.0), Value::Real(f64::NAN), Value::Real(f64::INFINITY)]);
        assert!((0..3).all(|column| row.take::<i64>(column).is_err()));
    }

    #[test]
    fn parameters_become_values() {
        let [null, integer, _, real, text, blob] = all();
        assert_eq!(Value::from(1), integer);
        assert_eq!(Value::from(true), integer);
        assert_eq!(Value::from(0.5), real);
        assert_eq!(Value::from("a"), text);
        assert_eq!(Value::from(&[1_u8][..]), blob);
        assert_eq!(Value::from(&text), text);
        assert_eq!(Value::from(None::<i64>), null);
        assert_eq!(Value::from(Some("a")), text);
    }
}
