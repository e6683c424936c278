//! When a database's file comes, when it goes, and what it is called.

use super::*;

#[tokio::test]
async fn a_read_makes_no_file_and_a_write_does() {
    let state = state();
    let session = state.session("user-john");
    assert_eq!(run(&session, "SELECT count(*) FROM sqlite_schema").await.unwrap(), ["0"]);
    assert_code(run(&session, "SELECT * FROM notes").await, "SQLITE_ERROR");
    assert_code(run(&session, "INSERT INTO notes VALUES (1)").await, "SQLITE_ERROR");
    assert_eq!(run(&session, "PRAGMA table_info(notes)").await.unwrap(), [""; 0]);
    assert_eq!(state.files(), [""; 0]);

    run(&session, "CREATE TABLE notes (text)").await.unwrap();
    run(&session, "INSERT INTO notes VALUES ('a')").await.unwrap();
    assert_eq!(run(&session, "SELECT text FROM notes").await.unwrap(), ["a"]);
    assert!(state.files().contains(&"user-john.db".to_owned()), "{:?}", state.files());
}

#[tokio::test]
async fn a_file_made_for_nothing_is_removed_again() {
    let state = state();
    let session = state.session("user-john");
    let attempts: [&[&str]; 5] = [
        &["BEGIN IMMEDIATE", "CREATE TABLE a (b)", "ROLLBACK"],
        &["BEGIN", "SELECT count(*) FROM sqlite_schema", "COMMIT"],
        &["SAVEPOINT s", "CREATE TABLE a (b)", "ROLLBACK TO s", "RELEASE s"],
        &["CREATE TABLE IF NOT EXISTS sqlite_reserved (b)"],
        &["COMMIT"],
    ];
    for statements in attempts {
        for sql in statements {
            // Some fail on purpose.
            let _ = run(&session, sql).await;
        }
        assert_eq!(state.files(), [""; 0], "{statements:?}");
    }
    for sql in ["BEGIN IMMEDIATE", "CREATE TABLE a (b)", "COMMIT"] {
        run(&session, sql).await.unwrap();
    }
    assert!(state.files().contains(&"user-john.db".to_owned()));
}

#[tokio::test]
async fn the_first_transaction_of_a_request_that_ends_leaves_no_file() {
    let state = state();
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    run_in(&session, &scope, "BEGIN IMMEDIATE").await.unwrap();
    run_in(&session, &scope, "CREATE TABLE a (b)").await.unwrap();
    assert!(!state.files().is_empty());
    scope.end();
    eventually("the file is gone", || state.files().is_empty()).await;
}

#[tokio::test]
async fn the_label_for_asking_is_readable_and_never_has_a_file() {
    let state = state();
    let session = state.session("user-~");
    assert_eq!(run(&session, "SELECT 1").await.unwrap(), ["1"]);
    assert_code(run(&session, "CREATE TABLE a (b)").await, "SQLITE_READONLY");
    assert_code(run(&session, "BEGIN IMMEDIATE").await, "SQLITE_READONLY");
    assert_eq!(run(&session, "PRAGMA ownbase_erase").await.unwrap(), ["1"]);
    assert_eq!(state.files(), [""; 0]);
}

#[tokio::test]
async fn erase_removes_every_file_and_the_next_write_starts_anew() {
    let state = state();
    let session = state.session("user-john");
    for _ in 0..2 {
        run(&session, "CREATE TABLE a (b)").await.unwrap();
        run(&session, "INSERT INTO a VALUES (1)").await.unwrap();
        assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), ["1"]);
        assert_eq!(run(&session, "PRAGMA ownbase_erase").await.unwrap(), ["1"]);
        assert_eq!(state.files(), [""; 0]);
        assert_code(run(&session, "SELECT * FROM a").await, "SQLITE_ERROR");
    }
    // Only the exact statement erases; any other spelling is no pragma that a guest may use.
    assert_code(run(&session, "pragma ownbase_erase").await, "SQLITE_AUTH");
    run(&session, "BEGIN").await.unwrap();
    assert_code(run(&session, "PRAGMA ownbase_erase").await, "SQLITE_MISUSE");
}

#[tokio::test]
async fn what_an_erase_cut_short_left_is_not_read_into_the_next_database() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE TABLE secret (b)").await.unwrap();
    let file = state.path("user-john.db");
    let wal = file.with_extension("db-wal");
    let kept = std::fs::read(&wal).unwrap();
    assert!(!kept.is_empty());
    run(&session, "PRAGMA ownbase_erase").await.unwrap();
    std::fs::write(&wal, kept).unwrap();
    run(&session, "CREATE TABLE other (b)").await.unwrap();
    assert_eq!(run(&session, "SELECT name FROM sqlite_schema").await.unwrap(), ["other"]);
}

#[tokio::test]
async fn a_long_label_is_a_hash_outside_and_itself_inside() {
    let state = state();
    let (long, other) = (format!("user-{}", "a".repeat(384)), format!("user-{}", "b".repeat(384)));
    for label in [&long, &other] {
        run(&state.session(label), "CREATE TABLE a (b)").await.unwrap();
        run_with(&state.session(label), None, "INSERT INTO a VALUES (?)", vec![Value::Text(label.clone())])
            .await
            .unwrap();
    }
    let session = state.session(&long);
    assert_eq!(run(&session, "SELECT b FROM a").await.unwrap(), [&*long]);
    assert_eq!(run(&session, "SELECT label FROM _ownbase_label").await.unwrap(), [&*long]);
    for sql in ["DELETE FROM _ownbase_label", "DROP TABLE _ownbase_label", "UPDATE _Ownbase_label SET label = 1"] {
        assert_code(run(&session, sql).await, "SQLITE_AUTH");
    }
    drop(session);
    state.databases.close().await;

    // One user's file in the place of another's is noticed.
    let files: Vec<PathBuf> = paths(state.dir.path());
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| name(file).starts_with("user-~~") && name(file).len() == 7 + 64 + 3));
    std::fs::copy(&files[0], &files[1]).unwrap();
    let again = Databases::open(state.dir.path(), Limits::default()).unwrap();
    let mut answers = Vec::new();
    for label in [&long, &other] {
        answers.push(run(&Arc::new(Session::new(again.clone(), label)), "SELECT b FROM a").await);
    }
    answers.sort();
    assert!(answers[0].is_ok(), "{answers:?}");
    assert_code(answers.remove(1), "SQLITE_CORRUPT");
}

#[tokio::test]
async fn a_file_whose_making_a_crash_cut_short_is_as_if_it_were_not() {
    let state = state();
    for label in ["user-john".to_owned(), format!("user-{}", "a".repeat(384))] {
        run(&state.session(&label), "CREATE TABLE a (b)").await.unwrap();
        let file = paths(state.dir.path()).into_iter().find(|path| name(path).ends_with(".db")).unwrap();
        run(&state.session(&label), "PRAGMA ownbase_erase").await.unwrap();
        std::fs::write(&file, "").unwrap();
        assert_code(run(&state.session(&label), "SELECT * FROM a").await, "SQLITE_ERROR");
        assert_eq!(state.files(), [""; 0]);
        std::fs::write(&file, "").unwrap();
        run(&state.session(&label), "CREATE TABLE a (b)").await.unwrap();
        assert_eq!(run(&state.session(&label), "SELECT * FROM a").await.unwrap(), [""; 0]);
        run(&state.session(&label), "PRAGMA ownbase_erase").await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_database_is_an_error_without_a_path_and_can_be_erased() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    let file = state.path("user-john.db");
    run(&session, "PRAGMA ownbase_erase").await.unwrap();
    std::fs::write(&file, "no database ".repeat(500)).unwrap();
    assert_code(run(&session, "SELECT * FROM a").await, "SQLITE_NOTADB");
    run(&session, "PRAGMA ownbase_erase").await.unwrap();
    assert_eq!(state.files(), [""; 0]);
    std::fs::create_dir(&file).unwrap();
    let error = run(&session, "SELECT * FROM a").await.unwrap_err();
    assert!(error.starts_with("SQLITE_CANTOPEN: ") && !error.contains("user-john"), "{error}");
}

#[tokio::test]
async fn an_idle_database_is_closed_and_is_one_small_file() {
    let state = state_with(|limits| limits.idle_close_ms = 0);
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    run(&session, "INSERT INTO a VALUES (1)").await.unwrap();
    eventually("the WAL is gone", || state.files() == ["user-john.db"]).await;
    assert_eq!(run(&session, "SELECT b FROM a").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    for b in 0..50 {
        run(&session, &format!("INSERT INTO a VALUES ({b})")).await.unwrap();
    }
    // The files as a killed process leaves them.
    let killed = tempfile::tempdir().unwrap();
    Databases::open(killed.path(), Limits::default()).unwrap().close().await;
    for file in paths(state.dir.path()) {
        let within = file.strip_prefix(state.dir.path()).unwrap();
        std::fs::copy(&file, killed.path().join(within)).unwrap();
    }
    let databases = Databases::open(killed.path(), Limits::default()).unwrap();
    let session = Arc::new(Session::new(databases, "user-john"));
    assert_eq!(run(&session, "SELECT count(*), max(b) FROM a").await.unwrap(), ["50|49"]);
    assert_eq!(run(&session, "PRAGMA integrity_check").await.unwrap(), ["ok"]);
}

mod names {
    //! Where a label's file is, for any label at all.
    use crate::{
        Labels,
        files::{Files, RealDisk},
    };
    use proptest::prelude::*;
    use std::{
        collections::HashSet,
        path::Path,
        sync::{Arc, OnceLock},
    };

    fn files() -> &'static (tempfile::TempDir, Files) {
        static FILES: OnceLock<(tempfile::TempDir, Files)> = OnceLock::new();
        FILES.get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let files = Files::open(Arc::new(RealDisk), dir.path(), &crate::Limits::default()).unwrap();
            (dir, files)
        })
    }

    /// Labels that a component may open, some of them long, and texts that it may not.
    fn label() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z0-9_~-]{1,12}",
            "user-[a-z0-9_~-]{150,500}",
            "user-~~[0-9a-f]{64}",
            "[./~a-zA-Z]{1,9}",
            any::<String>()
        ]
    }

    proptest! {
        #[test]
        fn never_leave_their_folder_and_never_meet(labels in prop::collection::hash_set(label(), 1..40)) {
            let (dir, files) = files();
            let users = dir.path().canonicalize().unwrap().join("users");
            let any = Labels::new(["*"]).unwrap();
            let allowed: Vec<&String> = labels.iter().filter(|label| any.allow(label)).collect();
            // As a file system that ignores case sees them.
            let mut seen = HashSet::new();
            for label in allowed {
                let location = files.locate(label);
                let path: &Path = location.file();
                prop_assert_eq!(path.parent().and_then(Path::parent), Some(&*users));
                let name = path.file_name().unwrap().to_str().unwrap();
                prop_assert!(name.ends_with(".db") && name.len() <= 200 + 3, "{}", name);
                prop_assert_eq!(location.is_hashed, label.len() > 200);
                prop_assert!(seen.insert(name.to_ascii_lowercase()), "{} is taken", name);
            }
        }
    }
}
