//! The port for a program that holds the databases itself: the same statements as from a component, without one.

use super::connection::{Connection, batch};
use crate::{Database, Error, Row, Sql, Statement, Value};

/// A user's database, reached by whatever runs one statement on it.
#[derive(Debug)]
pub struct HostDatabase<C>(pub C);

impl<C: Connection> Database for HostDatabase<C> {
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.0.execute(sql.plain(), params)
    }

    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        batch(&self.0, Sql::plain, statements)
    }
}
