//! An application's queries: read from files, judged by SQLite against the schema, typed.
//!
//! `source.rs` cuts a file into queries, `parameters.rs` and `columns.rs` find the types, `rows.rs` holds them against
//! rows, `rust.rs` writes the code. Here each query is taken through all of that, and every fault is gathered.

mod columns;
mod expression;
mod parameters;
mod rows;
mod rust;
mod sites;
mod source;
mod sql;
mod tables;
mod types;
mod values;

use std::path::{Path, PathBuf};

use rusqlite::{Error as SqliteError, Statement};

use crate::check::{MAX_STATEMENT_BYTES, Migration, read_migrations, refused_name};
use crate::fault::{Error, Fault};
use crate::folder::sql_files;
use crate::sandbox::Sandbox;
use crate::tokens::significant;
use columns::Column;
use parameters::{Parameter, Wrong};
use source::{Kind, Source};
use tables::Table;
use types::{Type, type_name};

/// What a query may begin with. All else belongs into a migration, or is no business of an application.
const FIRST_WORDS: [&str; 7] = ["select", "with", "values", "insert", "replace", "update", "delete"];

/// What the generated code names without a path.
const PRELUDE: [&str; 5] = ["From", "Option", "Result", "String", "Vec"];

/// A query without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    name: String,
    kind: Kind,
    /// The name of the struct for its rows, where it has any.
    row: Option<String>,
    docs: Vec<String>,
    parameters: Vec<Parameter>,
    columns: Vec<Column>,
    /// As engines get it.
    sql: String,
}

/// Reads the queries in `path`, a file or a folder of `*.sql`, and tries them on the schema that `migrations` make.
///
/// # Errors
/// [`Error::Faults`] with every fault found, [`Error::Read`] where something cannot be read.
///
/// # Example
/// Whether the queries of an older build still work with the newest schema:
/// ```no_run
/// let migrations = ownbase_sql::read_migrations("migrations".as_ref())?;
/// ownbase_sql::read_queries(&migrations, "migrations/released/0001".as_ref())?;
/// # Ok::<(), ownbase_sql::Error>(())
/// ```
pub fn read_queries(migrations: &[Migration], path: &Path) -> Result<Vec<Query>, Error> {
    let bench = Bench::new(migrations)?;
    let mut faults = Vec::new();
    let mut queries: Vec<Query> = Vec::new();
    for (path, content) in files(path)? {
        let Ok(text) = String::from_utf8(content) else {
            faults.push(Fault::file(&path, "is not UTF-8"));
            continue;
        };
        if let Some(offset) = text.find('\0') {
            faults.push(Fault::place(&path, &text, offset, "contains a NUL byte"));
            continue;
        }
        for source in source::parse(&path, &text, &mut faults) {
            let mut fault = |(at, message): Wrong| faults.push(Fault::place(&path, &text, at, message));
            match bench.query(&source) {
                Ok(query) => match clash(&query, &queries) {
                    Some(message) => fault((source.header, message)),
                    None => queries.push(query),
                },
                Err(wrong) => wrong.into_iter().for_each(&mut fault),
            }
        }
    }
    if faults.is_empty() { Ok(queries) } else { Err(Error::Faults(faults)) }
}

/// Checks the queries in `queries`, a file or a folder of `*.sql`, against the schema that the migrations in
/// `migrations` make, and writes the module `queries` to the file `out`.
///
/// For a build script: it tells cargo to run it again when anything in either changes. The application includes the
/// file in its root and depends on `ownbase-database`.
///
/// ```no_run
/// let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
/// ownbase_sql::embed_migrations("migrations".as_ref(), &out.join("migrations.rs"))?;
/// ownbase_sql::embed_queries("migrations".as_ref(), "queries".as_ref(), &out.join("queries.rs"))?;
/// # Ok::<(), ownbase_sql::Error>(())
/// ```
///
/// # Errors
/// [`Error::Faults`] where a query or a migration is wrong; [`Error::Read`], [`Error::Write`] where the machine is.
pub fn embed_queries(migrations: &Path, queries: &Path, out: &Path) -> Result<(), Error> {
    println!("cargo:rerun-if-changed={}", migrations.display());
    println!("cargo:rerun-if-changed={}", queries.display());
    let code = rust::rust(&read_queries(&read_migrations(migrations)?, queries)?);
    std::fs::write(out, code).map_err(|source| Error::Write { path: out.into(), source })
}

/// The files to read, by name.
fn files(path: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    if path.is_dir() {
        return Ok(sql_files(path)?.into_iter().map(|(name, content)| (path.join(name), content)).collect());
    }
    let content = std::fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
    Ok(vec![(path.into(), content)])
}

/// Why the code for `query` cannot stand beside that for `others`.
fn clash(query: &Query, others: &[Query]) -> Option<String> {
    let (row, arguments) = (query.row.as_ref(), query.arguments());
    for other in others {
        if other.name == query.name {
            return Some(format!("there is another query {}", query.name));
        }
        if row.is_some() && row == other.row.as_ref() && !query.fields().eq(other.fields()) {
            return Some(format!("its rows share a name with those of {}, but not their columns", other.name));
        }
    }
    let structs = |query: &Query| [query.arguments(), query.row.clone()];
    let all = || others.iter().chain([query]);
    let twice = all().find(|other| {
        row.is_some() && other.arguments().as_ref() == row || arguments.is_some() && other.row == arguments
    });
    if let Some(other) = twice {
        return Some(format!("the structs of {} and {} have one name: name one otherwise", query.name, other.name));
    }
    let known = structs(query).into_iter().flatten().find(|name| PRELUDE.contains(&name.as_str()))?;
    Some(format!("{known} is a type of Rust's own: choose another name"))
}

impl Query {
    /// The name of the struct for its parameters, where it has more than one. One is an argument.
    fn arguments(&self) -> Option<String> {
        (self.parameters.len() > 1).then(|| type_name(&self.name))
    }

    /// The fields of the struct for its rows, whatever the SQL called them.
    fn fields(&self) -> impl Iterator<Item = (&str, Type, bool)> {
        self.columns.iter().map(|column| (column.name.as_str(), column.r#type, column.nullable))
    }
}

/// Messages, each with its byte in the file.
fn at(start: usize, message: String) -> Vec<Wrong> {
    vec![(start, message)]
}

/// The schema, three times: as on most engines, without rows and with some, and attached as `u`.
struct Bench {
    fresh: Sandbox,
    filled: Sandbox,
    attached: Sandbox,
    tables: Vec<Table>,
}

impl Bench {
    fn new(migrations: &[Migration]) -> rusqlite::Result<Self> {
        let (mut fresh, mut filled, attached) = (Sandbox::plain()?, Sandbox::plain()?, Sandbox::attached()?);
        for statement in migrations.iter().flat_map(|migration| &migration.statements) {
            fresh.connection.execute_batch(&statement.plain)?;
            filled.connection.execute_batch(&statement.plain)?;
            attached.connection.execute_batch(statement.attached.as_ref().unwrap_or(&statement.plain))?;
        }
        let tables = tables::read(&fresh.connection)?;
        rows::fill(&filled.connection, &tables)?;
        for sandbox in [&mut fresh, &mut filled] {
            sandbox.connection.progress_handler(rows::MAX_STEPS, Some(|| true))?;
        }
        Ok(Self { fresh, filled, attached, tables })
    }

    /// Judges one query.
    fn query(&self, source: &Source<'_>) -> Result<Query, Vec<Wrong>> {
        if let Some(message) = refusal(source.sql) {
            return Err(at(source.start, message));
        }
        let statement = self.fresh.connection.prepare(source.sql).map_err(|error| {
            let message = self.fresh.explain(&error);
            at(source.start + offset(&error, source.sql, &message), message)
        })?;
        check_kind(source, &statement)?;
        let parameters = parameters(source, &statement, &self.tables);
        let columns = columns::columns(&statement, source.sql, &self.tables)
            .map_err(|wrong| wrong.into_iter().map(|wrong| place(source, wrong)).collect::<Vec<_>>());
        let (parameters, columns) = match (parameters, columns) {
            (Ok(parameters), Ok(columns)) => (parameters, columns),
            (parameters, columns) => {
                return Err([parameters.err(), columns.err()].into_iter().flatten().flatten().collect());
            }
        };
        let row = source.kind.has_rows().then(|| match source.row {
            Some(row) => row.into(),
            None => type_name(source.name) + "Row",
        });
        let docs = source.docs.iter().map(|line| (*line).to_owned()).collect();
        let (name, sql) = (source.name.into(), sql::sent(source.sql));
        let query = Query { name, kind: source.kind, row, docs, parameters, columns, sql };
        self.check_sent(&query).map_err(|message| at(source.start, message))?;
        let wrong = rows::contradictions(&query, &self.fresh, &self.filled);
        if wrong.is_empty() { Ok(query) } else { Err(wrong.into_iter().map(|wrong| place(source, wrong)).collect()) }
    }

    /// Prepares what will be sent, for both kinds of engine.
    fn check_sent(&self, query: &Query) -> Result<(), String> {
        if query.sql.len() > MAX_STATEMENT_BYTES {
            return Err(format!("is {} bytes long; a Durable Object takes {MAX_STATEMENT_BYTES}", query.sql.len()));
        }
        self.fresh.connection.prepare(&query.sql).map_err(|error| self.fresh.explain(&error))?;
        self.attached.connection.prepare(&query.sql).map(drop).map_err(|error| {
            let why = self.attached.explain(&error);
            format!("fails where the database is attached as u (unmodified Spin): {why}")
        })
    }
}

/// Where in the statement SQLite stopped; where it does not say, the name that its message ends with.
fn offset(error: &SqliteError, sql: &str, message: &str) -> usize {
    if let SqliteError::SqlInputError { offset, .. } = error
        && let Ok(offset) = usize::try_from(*offset)
    {
        return offset;
    }
    let name = message.rsplit([' ', '.']).next().unwrap_or_default();
    significant(sql).find(|token| token.text == name).map_or(0, |token| token.start)
}

/// Why a statement is refused that SQLite may well take.
fn refusal(sql: &str) -> Option<String> {
    if !significant(sql).next().is_some_and(|first| FIRST_WORDS.iter().any(|word| first.is_word(word))) {
        return Some(format!("a query begins with one of: {}", FIRST_WORDS.join(", ")));
    }
    significant(sql).find_map(|token| refused_name(&token))
}

/// Whether the statement has rows where its kind has.
fn check_kind(source: &Source<'_>, statement: &Statement<'_>) -> Result<(), Vec<Wrong>> {
    match (source.kind.has_rows(), statement.column_count() > 0) {
        (true, false) => Err(at(source.header, "has no rows: say :exec or :statement".into())),
        (false, true) => Err(at(source.header, "has rows: say :one, :optional or :many".into())),
        _ => Ok(()),
    }
}

/// The parameters, all of them named.
fn parameters(source: &Source<'_>, statement: &Statement<'_>, tables: &[Table]) -> Result<Vec<Parameter>, Vec<Wrong>> {
    let names = sql::names(source.sql);
    let known = (1..=statement.parameter_count()).map(|position| statement.parameter_name(position));
    if known.eq(names.iter().map(|name| format!(":{name}")).collect::<Vec<_>>().iter().map(|name| Some(name.as_str())))
    {
        parameters::parameters(source, tables)
    } else {
        Err(at(source.start, "has a parameter that is not of the form :name".into()))
    }
}

/// Where a column's name stands in the file.
fn place(source: &Source<'_>, columns::Wrong { written, message }: columns::Wrong) -> Wrong {
    let is_it = |text: &str| text.trim_matches(['"', '`', '[', ']']) == written;
    let token = significant(source.sql).find(|token| is_it(token.text));
    (source.start + token.map_or(0, |token| token.start), message)
}
