//! What SQL a guest may run: the only place that decides.
//!
//! A connection is shared by all requests for one user, so a statement may change the database's contents and nothing
//! else: not the file's format, not the connection's settings, not another file, not the host's own tables (`_ownbase…`).
//! SQLite's authorizer asks here whenever a statement is prepared: for an EXPLAIN of it and when the schema has changed too.
//! Limits are those of Durable Objects where they have any, so that what Cloudflare would refuse fails here too. Pragmas are
//! denied unless listed; functions are allowed unless listed, and a test pins the list of all functions that this SQLite has.
//!
//! <https://sqlite.org/security.html>, <https://developers.cloudflare.com/durable-objects/platform/limits/>

mod ranks;

use crate::connection::Bulk;
use ranks::Ranks;
use rusqlite::{
    Connection,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// The longest statement, in bytes.
pub(crate) const MAX_SQL_BYTES: i32 = 100_000;

/// The longest text, blob or row, in bytes.
pub(crate) const MAX_VALUE_BYTES: i32 = 2_000_000;

/// The longest pattern of LIKE or GLOB, in bytes.
pub(crate) const MAX_PATTERN_BYTES: i32 = 50;

/// Semicolons in one statement. rusqlite recurses once for each statement that follows the first; this bounds its stack.
pub(crate) const MAX_SEMICOLONS: usize = 100;

const LIMITS: [(Limit, i32); 15] = [
    (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_SQL_BYTES),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN_BYTES),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    // Not Durable Objects': these keep SQLite's own recursion within the stack of a thread.
    (Limit::SQLITE_LIMIT_PARSER_DEPTH, 100),
    (Limit::SQLITE_LIMIT_SCHEMA, 1_000),
    (Limit::SQLITE_LIMIT_TRIGGER_STEPS, 100),
];

const SETTINGS: [(DbConfig, bool); 10] = [
    // Without this SQLite plans by the values of parameters, and parses a statement anew for each new LIMIT.
    (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
];

/// Pragmas that only read, and take no value.
const READING_PRAGMAS: [&str; 9] = [
    "application_id",
    // Full-text search asks it.
    "data_version",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "page_count",
    "page_size",
    "schema_version",
    "user_version",
];

/// Pragmas whose value is an argument. `defer_foreign_keys` does change something, until the transaction ends.
const ASKING_PRAGMAS: [&str; 11] = [
    "defer_foreign_keys",
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Functions that reach code, pointers or the host's log; those that one call can keep busy for minutes or have fill the
/// memory; and those for tables that a guest may not make.
const DENIED_FUNCTIONS: [&str; 14] = [
    "fts3_tokenizer",
    "load_extension",
    "sqlite_log",
    // Time grows with the square of a value, or of the matches in a document.
    "highlight",
    "json_patch",
    "jsonb_patch",
    "snippet",
    // Up to 4 KB of white space before each of a million elements, and more where a guest says how much.
    "json_pretty",
    // For full-text search before fts5, and for R*Trees.
    "matchinfo",
    "offsets",
    "optimize",
    "rtreecheck",
    "rtreedepth",
    "rtreenode",
];

/// Functions that take any number of arguments, beside those for JSON and those of ours.
const WIDE_FUNCTIONS: [&str; 10] =
    ["date", "datetime", "format", "julianday", "max", "min", "printf", "strftime", "time", "unixepoch"];

/// Tables that are there without being made. `dbstat` walks a whole tree in one instruction.
const DENIED_TABLES: [&str; 2] = ["dbstat", "fts3tokenize"];

/// Virtual tables that a guest may make.
const VIRTUAL_TABLES: [&str; 2] = ["fts5", "fts5vocab"];

/// The host's own way past the policy, on one connection.
#[derive(Clone, Default)]
pub(crate) struct Exempt(Arc<AtomicBool>);

impl Exempt {
    /// Runs what is the host's own. Whoever runs it has the connection.
    pub(crate) fn run<T>(&self, own: impl FnOnce() -> T) -> T {
        self.0.store(true, Relaxed);
        let result = own();
        self.0.store(false, Relaxed);
        result
    }
}

/// Puts a connection under this policy, for good, and has `bulk` told of what it is about.
pub(crate) fn apply(sqlite: &mut Connection, bulk: Bulk) -> rusqlite::Result<Exempt> {
    let exempt = Exempt::default();
    let asked = exempt.clone();
    for (limit, value) in LIMITS {
        sqlite.set_limit(limit, value)?;
    }
    for (setting, value) in SETTINGS {
        sqlite.set_db_config(setting, value)?;
    }
    let mut ranks = Ranks::of(sqlite)?;
    sqlite.authorizer(Some(move |context: AuthContext<'_>| {
        bulk.note();
        if matches!(context.action, AuthAction::Function { function_name } if may_be_wide(function_name)) {
            bulk.note_wide(context.accessor.is_some());
        }
        let admits =
            admits(&context) && ranks.admits(&context.action) && (!may_be_bulk(&context.action) || bulk.admit());
        match admits || asked.0.load(Relaxed) {
            true => Authorization::Allow,
            false => Authorization::Deny,
        }
    }))?;
    Ok(exempt)
}

/// Whether a guest may do this.
fn admits(context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Read { table_name, .. } => !is_in(&DENIED_TABLES, table_name),
        AuthAction::Select
        | AuthAction::Recursive
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. } => true,
        AuthAction::Pragma { pragma_name, pragma_value } => admits_pragma(pragma_name, pragma_value),
        AuthAction::Function { function_name } => allows_function(function_name),
        // `CREATE TABLE temp.t` says so here only.
        _ if context.database_name == Some("temp") && !touches_rows(&context.action) => false,
        AuthAction::CreateVtable { table_name, module_name } => {
            is_in(&VIRTUAL_TABLES, module_name) && is_own(table_name)
        }
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::DropIndex { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::DropTrigger { table_name, .. }
        | AuthAction::CreateView { view_name: table_name }
        | AuthAction::DropView { view_name: table_name }
        | AuthAction::DropVtable { table_name, .. } => is_own(table_name),
        // ATTACH, DETACH, everything temporary (it would outlive the request), and what a later SQLite may add.
        _ => false,
    }
}

/// Whether a guest may call a function.
pub(crate) fn allows_function(name: &str) -> bool {
    !is_in(&DENIED_FUNCTIONS, name)
}

/// Whether SQLite may do this to a whole table in one instruction.
fn may_be_bulk(action: &AuthAction<'_>) -> bool {
    match action {
        AuthAction::Delete { .. } => true,
        AuthAction::Function { function_name } => function_name.eq_ignore_ascii_case("count"),
        _ => false,
    }
}

/// Whether a function takes any number of arguments, and SQLite goes through all of them in one instruction.
pub(crate) fn may_be_wide(function: &str) -> bool {
    is_in(&WIDE_FUNCTIONS, function) || function.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("json"))
}

/// Whether an action is about rows of a table that exists. ALTER TABLE does that to the temporary schema, which is empty.
fn touches_rows(action: &AuthAction<'_>) -> bool {
    matches!(action, AuthAction::Insert { .. } | AuthAction::Update { .. } | AuthAction::Delete { .. })
}

fn admits_pragma(name: &str, value: Option<&str>) -> bool {
    is_in(&ASKING_PRAGMAS, name) || value.is_none() && is_in(&READING_PRAGMAS, name)
}

/// Whether a table is the guest's own, not the host's.
fn is_own(table: &str) -> bool {
    !table.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("_ownbase"))
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}
