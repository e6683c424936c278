//! Tests at the height of a guest's connection, without wasm: what a component would call, called from Rust.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bulk;
mod checkpoints;
mod churn;
mod damage;
mod direct;
mod disk;
mod failed_syncs;
mod files;
mod folders;
mod gate;
mod here;
mod limits;
mod looking;
mod making;
mod measured;
mod permissions;
mod policy;
mod refused;
mod state;
mod streams;
mod transactions;
mod undone;
mod unreadable;
mod usage;

use crate::{
    Databases, Limits, Scope,
    bindings::spin::sqlite::sqlite::{RowResult, Value},
    connection::Statement,
    errors::Error,
    session::Session,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A state directory that goes with the test.
struct State {
    dir: TempDir,
    databases: Databases,
}

fn state() -> State {
    state_with(|_| {})
}

fn state_with(change: impl FnOnce(&mut Limits)) -> State {
    let dir = tempfile::tempdir().unwrap();
    let mut limits = Limits::default();
    change(&mut limits);
    let databases = Databases::open(dir.path(), limits).unwrap();
    State { dir, databases }
}

impl State {
    fn session(&self, label: &str) -> Arc<Session> {
        Arc::new(Session::new(self.databases.clone(), label))
    }

    /// Every file below `users/`, by name, in order.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = paths(self.dir.path()).iter().map(|path| name(path)).collect();
        names.sort();
        names
    }

    fn path(&self, file: &str) -> PathBuf {
        paths(self.dir.path()).into_iter().find(|path| name(path) == file).expect("the file exists")
    }
}

fn paths(state_dir: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(state_dir.join("users")).unwrap();
    folders
        .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Runs a statement outside any request; a row is its values joined by `|`.
async fn run(session: &Arc<Session>, sql: &str) -> Result<Vec<String>, String> {
    run_with(session, None, sql, vec![]).await
}

/// Runs a statement for a request.
async fn run_in(session: &Arc<Session>, scope: &Scope, sql: &str) -> Result<Vec<String>, String> {
    run_with(session, Some(scope.clone()), sql, vec![]).await
}

async fn run_with(
    session: &Arc<Session>,
    scope: Option<Scope>,
    sql: &str,
    parameters: Vec<Value>,
) -> Result<Vec<String>, String> {
    let statement = Statement { sql: sql.to_owned(), parameters };
    match session.execute(scope, statement).await {
        Ok(result) => Ok(result.rows.iter().map(joined).collect()),
        Err(error) => Err(text(error)),
    }
}

fn joined(row: &RowResult) -> String {
    let values = row.values.iter().map(|value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => real.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(blob) => format!("{blob:?}"),
    });
    values.collect::<Vec<_>>().join("|")
}

fn text(error: Error) -> String {
    match error {
        Error::AccessDenied => "access-denied".to_owned(),
        Error::DatabaseFull => "database-full".to_owned(),
        Error::Sqlite { code, message } => Error::text(code, &message),
        Error::Trap(error) => panic!("the guest would trap: {error:?}"),
    }
}

fn assert_code<T: std::fmt::Debug>(result: Result<T, String>, code: &str) {
    let error = result.expect_err(code);
    assert!(error.starts_with(&format!("{code}: ")), "{error:?} does not begin with {code}");
}

/// Waits for a condition that must come true.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
