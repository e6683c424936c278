//! The databases in memory in which SQL is tried: as strict as the strictest engine.
//!
//! Limits are those of Cloudflare Durable Objects
//! (<https://developers.cloudflare.com/durable-objects/platform/limits/>): 100 columns, 2 MB a value or row, 5 terms
//! in a compound SELECT, 100 levels of an expression, 50 bytes in a LIKE pattern, 10 levels of triggers, no writing to
//! SQLite's own tables. The length of a statement is checked by the caller, since SQLite would count the rest of the
//! file with it.
//! Two further refusals are stricter than any engine: text in double quotes where a string is meant, and names that
//! begin with `_`, which belong to Ownbase (`_migrations`) and to Cloudflare (`_cf_…`).

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

/// A database in memory, and why it last refused a statement where SQLite only says "not authorized".
pub(crate) struct Sandbox {
    pub(crate) connection: Connection,
    refusal: Arc<Mutex<Option<String>>>,
}

impl Sandbox {
    /// A database whose tables are the connection's own.
    pub(crate) fn plain() -> rusqlite::Result<Self> {
        Self::guarded(Connection::open_in_memory()?, "main")
    }

    /// An empty database to which another is attached as `u`.
    pub(crate) fn attached() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch("ATTACH ':memory:' AS u")?;
        Self::guarded(connection, "u")
    }

    fn guarded(mut connection: Connection, schema: &str) -> rusqlite::Result<Self> {
        // There at run time, so that a statement about them is recognized as one.
        for table in ["_migrations", "_ownbase_label"] {
            connection.execute_batch(&format!("CREATE TABLE {schema}.{table} (a)"))?;
        }
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_COLUMN, 100),
            (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
            (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
            (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
            (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        ] {
            connection.set_limit(limit, value)?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        let refusal = Arc::new(Mutex::new(None));
        let record = Arc::clone(&refusal);
        connection.authorizer(Some(move |context: AuthContext<'_>| match refusal_of(&context) {
            None => Authorization::Allow,
            Some(reason) => {
                *record.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                Authorization::Deny
            }
        }))?;
        Ok(Self { connection, refusal })
    }

    /// What is wrong, in SQLite's words, or in ours where SQLite only knows that it was told to refuse.
    pub(crate) fn explain(&self, error: &rusqlite::Error) -> String {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
        refusal.unwrap_or_else(|| match error {
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        })
    }
}

/// Why an action is refused that SQLite itself would allow.
fn refusal_of(context: &AuthContext<'_>) -> Option<String> {
    if let Some(name) = names(&context.action).into_iter().find(|name| name.starts_with('_')) {
        return Some(format!("{name}: names that begin with _ belong to Ownbase and Cloudflare"));
    }
    match context.action {
        AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTrigger { .. } => Some("temporary objects are gone with the connection".into()),
        AuthAction::CreateVtable { module_name, .. }
            if !["fts5", "fts5vocab", "rtree", "rtree_i32"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(module_name)) =>
        {
            Some(format!("a Durable Object has no virtual tables of kind {module_name}"))
        }
        AuthAction::Function { function_name } if is_refused(function_name) => {
            Some(format!("a Durable Object refuses the function {function_name}"))
        }
        _ => None,
    }
}

/// What an action makes or touches, as far as it has a name of its own.
fn names<'a>(action: &AuthAction<'a>) -> [&'a str; 2] {
    match *action {
        AuthAction::CreateIndex { index_name: name, table_name }
        | AuthAction::CreateTrigger { trigger_name: name, table_name } => [name, table_name],
        AuthAction::CreateTable { table_name: name }
        | AuthAction::CreateView { view_name: name }
        | AuthAction::CreateVtable { table_name: name, .. }
        | AuthAction::Read { table_name: name, .. }
        | AuthAction::Insert { table_name: name }
        | AuthAction::Update { table_name: name, .. }
        | AuthAction::Delete { table_name: name }
        | AuthAction::DropTable { table_name: name }
        | AuthAction::AlterTable { table_name: name, .. } => [name, ""],
        _ => ["", ""],
    }
}

/// Functions that tell about the SQLite at hand, so that they mean another thing on each engine, or reach beyond it.
fn is_refused(function: &str) -> bool {
    [
        "sqlite_version",
        "sqlite_source_id",
        "sqlite_compileoption_get",
        "sqlite_compileoption_used",
        "sqlite_offset",
        "sqlite_log",
        "load_extension",
        "fts3_tokenizer",
    ]
    .iter()
    .any(|name| name.eq_ignore_ascii_case(function))
}
