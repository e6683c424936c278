//! What a guest may not run, statement by statement.

use super::*;

#[tokio::test]
async fn what_reaches_beyond_the_database_is_refused() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    let refused = [
        "ATTACH 'user-jane.db' AS jane",
        "ATTACH ':memory:' AS scratch",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "SELECT load_extension('evil.so')",
        "SELECT LOAD_EXTENSION('evil.so')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT json_patch('{}', '{}')",
        "SELECT jsonb_patch('{}', '{}')",
        "SELECT json_pretty('[]')",
        "SELECT * FROM dbstat",
        "SELECT count(*) FROM dbstat",
        "SELECT pgno FROM main.dbstat AS pages WHERE aggregate",
        "SELECT * FROM DBSTAT('main')",
        "INSERT INTO a SELECT pgno FROM dbstat",
        "CREATE TABLE copy AS SELECT * FROM dbstat",
        "SELECT * FROM fts3tokenize('simple', 'a')",
        "SELECT * FROM sqlite_dbpage",
        "SELECT * FROM sqlite_stmt",
        "SELECT * FROM bytecode('SELECT 1')",
        "SELECT * FROM generate_series(1, 9)",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('evil', 'x')",
        "SELECT edit('x')",
        "CREATE TEMP TABLE t (b)",
        "CREATE TABLE temp.t (b)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END",
        "CREATE VIEW temp.v AS SELECT 1",
        "CREATE INDEX temp.i ON a (b)",
        "SELECT sqlite_log(1, 'x')",
        "CREATE VIRTUAL TABLE t USING rtree(id, x, y)",
        "CREATE VIRTUAL TABLE temp.t USING fts5(b)",
        "CREATE VIRTUAL TABLE t USING fts4(b)",
        "CREATE VIRTUAL TABLE t USING fts3tokenize()",
        "CREATE VIRTUAL TABLE t USING dbstat(main)",
        "CREATE TABLE _ownbase_label (label)",
        "CREATE TABLE _OWNBASE_other (label)",
        "UPDATE sqlite_schema SET sql = ''",
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, 'CREATE TABLE x (y)')",
        "DELETE FROM sqlite_schema",
        "SELECT file FROM pragma_database_list",
        "SELECT \"no such column, and no string either\" FROM a",
    ];
    for sql in refused {
        let error = run(&session, sql).await.expect_err(sql);
        assert!(error.starts_with("SQLITE_"), "{sql}: {error}");
    }
    assert_eq!(run(&session, "SELECT name FROM sqlite_schema").await.unwrap(), ["a"]);
    let files = state.files();
    assert!(files.iter().all(|file| file.starts_with("user-john.db")), "{files:?}");
}

#[tokio::test]
async fn pragmas_that_change_the_file_or_the_connection_are_refused() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    let refused = [
        "journal_mode",
        "journal_mode = delete",
        "synchronous = off",
        "locking_mode = normal",
        "page_size = 512",
        "page_count = 1",
        "user_version = 1",
        "application_id = 1",
        "encoding = 'UTF-16'",
        "foreign_keys = off",
        "writable_schema = on",
        "trusted_schema = on",
        "wal_checkpoint",
        "wal_autocheckpoint = 0",
        "max_page_count = 1000000000",
        "cache_size = 1000000000",
        "mmap_size = 1000000000",
        "temp_store_directory = '/'",
        "data_store_directory = '/'",
        "database_list",
        "hard_heap_limit = 1",
        "busy_timeout = 0",
        "query_only = on",
        "case_sensitive_like = on",
        "recursive_triggers = on",
        "optimize",
        "shrink_memory",
        "incremental_vacuum",
        "auto_vacuum = full",
        "secure_delete = off",
    ];
    for pragma in refused {
        assert_code(run(&session, &format!("PRAGMA {pragma}")).await, "SQLITE_AUTH");
    }
    assert_eq!(run(&session, "PRAGMA page_size").await.unwrap(), ["2048"]);
    assert_eq!(run(&session, "PRAGMA FOREIGN_KEYS").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn what_an_application_needs_is_allowed() {
    let state = state();
    let session = state.session("user-john");
    let allowed = [
        "CREATE TABLE a (b INTEGER PRIMARY KEY AUTOINCREMENT, c TEXT UNIQUE) STRICT",
        "CREATE TABLE d (e REFERENCES a (b) DEFERRABLE)",
        "CREATE INDEX i ON a (c) WHERE c IS NOT NULL",
        "CREATE VIEW v AS SELECT c FROM a",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET c = upper(c) WHERE b = new.b; END",
        "INSERT INTO a (c) VALUES ('x') ON CONFLICT DO NOTHING RETURNING b, c",
        "ALTER TABLE a RENAME COLUMN c TO f",
        "ALTER TABLE a ADD COLUMN g INTEGER",
        "ALTER TABLE a RENAME TO h",
        "CREATE VIRTUAL TABLE search USING fts5(text)",
        "INSERT INTO search VALUES ('Buy groceries')",
        "SELECT rowid FROM search WHERE search MATCH 'buy'",
        "SELECT json_group_array(value) FROM json_each('[1,2]')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9) SELECT sum(i) OVER () FROM n",
        "BEGIN IMMEDIATE",
        "PRAGMA defer_foreign_keys = on",
        "SAVEPOINT s",
        "INSERT INTO d VALUES (7)",
        "ROLLBACK TO s",
        "RELEASE s",
        "COMMIT",
        "PRAGMA table_info(h)",
        "SELECT name FROM pragma_table_xinfo('h')",
        "PRAGMA foreign_key_check",
        "PRAGMA quick_check",
        "ANALYZE",
        "REINDEX",
        "EXPLAIN QUERY PLAN SELECT * FROM h",
        "DROP VIEW v",
        "DROP TRIGGER t",
        "DROP TABLE search",
    ];
    for sql in allowed {
        run(&session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_code(run(&session, "INSERT INTO d VALUES (7)").await, "SQLITE_CONSTRAINT");
    assert_code(run(&session, "PRAGMA table_infos(h)").await, "SQLITE_AUTH");
}

/// Functions are allowed unless denied. So whoever brings a SQLite with other functions must look at them here first.
#[test]
fn the_functions_of_this_sqlite_are_those_that_were_judged() {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    let mut statement = sqlite.prepare("SELECT DISTINCT name FROM pragma_function_list ORDER BY name").unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(names.join(" "), include_str!("policy_functions.txt").split_whitespace().collect::<Vec<_>>().join(" "));
}

/// What a virtual table can be made of, or is there without being made: beside these json_each, json_tree and the pragmas'.
#[test]
fn the_virtual_tables_of_this_sqlite_are_those_that_were_judged() {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    let mut statement = sqlite.prepare("SELECT name FROM pragma_module_list ORDER BY name").unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.starts_with("pragma_")).collect();
    assert_eq!(names.join(" "), "dbstat fts3 fts3tokenize fts4 fts4aux fts5 fts5vocab rtree rtree_i32");
}

#[tokio::test]
async fn matches_are_not_marked_by_sqlite() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE VIRTUAL TABLE words USING fts5(word)").await.unwrap();
    for call in ["highlight(words, 0, '<', '>')", "snippet(words, 0, '<', '>', '', 9)"] {
        let error = run(&session, &format!("SELECT {call} FROM words WHERE words MATCH 'a'")).await.expect_err(call);
        assert!(error.contains("not authorized to use function"), "{error}");
    }
}

#[tokio::test]
async fn a_rank_that_a_value_may_turn_into_anything_is_refused() {
    let state = state();
    let session = state.session("user-john");
    for sql in [
        "CREATE TABLE scores (name, rank)",
        "INSERT INTO scores VALUES ('ann', 7)",
        "CREATE VIRTUAL TABLE search USING fts5(b)",
        "INSERT INTO search VALUES ('a b c'), ('b')",
    ] {
        run(&session, sql).await.unwrap();
    }
    assert_eq!(run(&session, "SELECT rank FROM scores").await.unwrap(), ["7"]);
    let found = run(&session, "SELECT b FROM search WHERE search MATCH 'b' ORDER BY bm25(search)").await.unwrap();
    assert_eq!(found, ["b", "a b c"]);
    for sql in [
        "SELECT rank FROM search WHERE search MATCH 'b'",
        "SELECT b FROM Search WHERE search MATCH 'b' ORDER BY Rank",
        "SELECT b FROM search WHERE search MATCH 'b' AND rank MATCH 'snippet(0, 1, 2, 3, 9)'",
        "ALTER TABLE search RENAME TO other",
    ] {
        assert_code(run(&session, sql).await, "SQLITE_AUTH");
    }
    // A statement that is found prepared is prepared anew for another table of that name.
    for sql in ["DROP TABLE scores", "CREATE VIRTUAL TABLE scores USING fts5(name)"] {
        run(&session, sql).await.unwrap();
    }
    assert_code(run(&session, "SELECT rank FROM scores").await, "SQLITE_AUTH");
    // After a close the tables are found.
    drop(session);
    state.databases.close().await;
    let databases = Databases::open(state.dir.path(), Limits::default()).unwrap();
    let session = Arc::new(Session::new(databases, "user-john"));
    assert_code(run(&session, "SELECT rank FROM search").await, "SQLITE_AUTH");
    run(&session, "INSERT INTO search VALUES ('d')").await.unwrap();
    run(&session, "DELETE FROM search").await.unwrap();
}
