//! An old build's queries on two databases with the same rows: one as the build knows it, one brought further.
//!
//! A query is broken where it does not prepare any more, has other result columns, or fails with values with which it
//! used to work: an INSERT that knows nothing of a new NOT NULL column, an UPDATE against a new CHECK. It is also
//! broken where a result has another type, or may be NULL and could not before, since a typed build cannot read it.
//! Every run is undone. Values are drawn from the rows and at random: [`RUNS`] times a query, on [`SEEDS`] databases.

use fastrand::Rng;
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, params_from_iter};

use super::kept::Query;
use crate::check::Migration;
use crate::fault::Error;
use crate::prove::trial::{Failure, Form, Trial};
use crate::schema::Schema;
use crate::schema::text::quote;

/// Databases on which the queries are run.
const SEEDS: u64 = 3;
/// Rows in each of their tables.
const ROWS: usize = 8;
/// Runs of each query on each database, each with other values.
const RUNS: usize = 60;

/// A query that fails on the newer schema, and why.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) query: Query,
    pub(crate) why: String,
}

/// The queries of a build of `version` that fail on what all of `migrations` make.
pub(crate) fn replay(queries: &[Query], migrations: &[Migration], version: u32) -> Result<Vec<Broken>, Error> {
    let at = usize::try_from(version).unwrap_or(usize::MAX);
    let (known, further) = migrations.split_at_checked(at).unwrap_or((migrations, &[]));
    let mut left: Vec<Query> = queries.to_vec();
    let mut all_broken = Vec::new();
    for seed in 0..SEEDS {
        let pair = Pair::new(known, further, seed)?;
        let mut still = Vec::new();
        for query in left {
            match pair.why_broken(&query, &mut Rng::with_seed(seed))? {
                Some(why) => all_broken.push(Broken { query, why }),
                None => still.push(query),
            }
        }
        left = still;
    }
    Ok(all_broken)
}

struct Pair {
    old: Side,
    new: Side,
}

/// One of the two databases.
struct Side {
    trial: Trial,
    schema: Schema,
}

impl Side {
    fn new(trial: Trial) -> Result<Self, Error> {
        let schema = trial.schema()?;
        Ok(Self { trial, schema })
    }

    fn connection(&self) -> &Connection {
        &self.trial.sandbox.connection
    }

    fn explain(&self, error: &rusqlite::Error) -> String {
        self.trial.sandbox.explain(error)
    }
}

impl Pair {
    /// Two databases with rows of `seed`; without rows where these cannot be brought further.
    fn new(known: &[Migration], further: &[Migration], seed: u64) -> Result<Self, Error> {
        let refused =
            |failure: Failure| Error::Refused(format!("migration {:04}: {}", failure.version, failure.message));
        let mut pair = Err(Error::Refused("no database was made".into()));
        for rows in [ROWS, 1, 0] {
            let [old, new] = [Trial::new(Form::Plain, known), Trial::new(Form::Plain, known)];
            let (old, new) = (old.map_err(refused)?, new.map_err(refused)?);
            old.fill(seed, rows)?;
            new.fill(seed, rows)?;
            let brought = further.iter().try_for_each(|migration| new.apply(migration)).map_err(refused);
            pair = brought.and_then(|()| Ok(Self { old: Side::new(old)?, new: Side::new(new)? }));
            if pair.is_ok() {
                break;
            }
        }
        pair
    }

    fn why_broken(&self, query: &Query, random: &mut Rng) -> Result<Option<String>, Error> {
        let Self { old, new } = self;
        // What did not work at its own version says nothing about this one; the build checks queries.
        let Ok(before) = Shape::of(old, &query.sql) else { return Ok(None) };
        let after = match Shape::of(new, &query.sql) {
            Ok(after) => after,
            Err(error) => return Ok(Some(new.explain(&error))),
        };
        if let Some(why) = before.why_unlike(&after) {
            return Ok(Some(why));
        }
        for _ in 0..RUNS {
            let values = (0..before.parameters).map(|_| draw(old, random)).collect::<Result<Vec<_>, _>>()?;
            let Ok(known) = run(old.connection(), &query.sql, &values) else { continue };
            match run(new.connection(), &query.sql, &values) {
                Ok(types) => {
                    if let Some(why) = other_type(&before.columns, &known, &types) {
                        return Ok(Some(why));
                    }
                }
                Err(error) => return Ok(Some(new.explain(&error))),
            }
        }
        Ok(None)
    }
}

/// What a statement asks for and answers with.
struct Shape {
    parameters: usize,
    /// Name of each result column, and whether it is a table's column that is never NULL.
    columns: Vec<(String, bool)>,
}

impl Shape {
    fn of(side: &Side, sql: &str) -> rusqlite::Result<Self> {
        let statement = side.connection().prepare(sql)?;
        let columns = statement.columns_with_metadata().map(|column| {
            let origin = column.table_name().zip(column.origin_name());
            let is_never_null = origin.is_some_and(|(table, name)| {
                let definition = side.schema.definition(&table.to_ascii_lowercase());
                definition.is_some_and(|table| {
                    table.column(name).is_some_and(|column| column.not_null.is_some() || table.is_rowid(column))
                })
            });
            (column.name().to_owned(), is_never_null)
        });
        Ok(Self { parameters: statement.parameter_count(), columns: columns.collect() })
    }

    fn why_unlike(&self, after: &Self) -> Option<String> {
        let names = |shape: &Self| shape.columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(", ");
        if names(self) != names(after) {
            return Some(format!("answers with {} instead of {}", names(after), names(self)));
        }
        let became_null = self.columns.iter().zip(&after.columns).find(|((_, never), (_, still))| *never && !*still);
        became_null.map(|((name, _), _)| format!("{name} may be NULL now"))
    }
}

/// The types of all values in the answer, row by row. Whatever it changed is undone.
fn run(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Vec<Type>>> {
    connection.execute_batch("SAVEPOINT replay")?;
    let answer = answer(connection, sql, values);
    // A failed statement may have ended the transaction and the savepoint with it.
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO replay; RELEASE replay")?;
    }
    answer
}

fn answer(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Vec<Type>>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values))?;
    let mut types = Vec::new();
    while let Some(row) = rows.next()? {
        types.push((0..columns).map(|at| Ok(row.get_ref(at)?.data_type())).collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(types)
}

/// A column that has values of one type before and of another now; rows are compared where there are as many.
fn other_type(columns: &[(String, bool)], before: &[Vec<Type>], after: &[Vec<Type>]) -> Option<String> {
    if before.len() != after.len() {
        return None;
    }
    let pairs = before.iter().flatten().zip(after.iter().flatten()).zip(columns.iter().cycle());
    let mut unlike = pairs.filter(|((old, new), _)| old != new && **old != Type::Null && **new != Type::Null);
    unlike.next().map(|((old, new), (name, _))| format!("{name} was {old} and is {new}"))
}

/// A value of some row, or any.
fn draw(side: &Side, random: &mut Rng) -> Result<Value, Error> {
    let tables: Vec<_> = side.schema.ordinary().filter(|(_, _, definition)| !definition.columns.is_empty()).collect();
    if tables.is_empty() || random.bool() {
        return Ok(match random.u8(0..4) {
            0 => Value::Integer(random.i64(0..50)),
            1 => Value::Null,
            _ => Value::Text((0..random.usize(0..8)).map(|_| random.lowercase()).collect()),
        });
    }
    let (_, table, definition) = tables[random.usize(0..tables.len())];
    let column = quote(&definition.columns[random.usize(0..definition.columns.len())].name);
    let table = quote(&table.name);
    let count = crate::prove::rows::count(side.connection(), &table)?;
    let sql = format!("SELECT {column} FROM {table} LIMIT 1 OFFSET {}", random.usize(0..count.max(1)));
    let mut statement = side.connection().prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.unwrap_or(Value::Null))
}
