//! Taking a state directory, and leaving it.

use super::*;
use crate::{
    gathered::Gathered,
    job::{Hold, Job},
    lease::Lease,
};

#[tokio::test]
async fn a_directory_belongs_to_one_at_a_time() {
    let state = state();
    run(&state.session("user-john"), "CREATE TABLE a (b)").await.unwrap();
    let error = Databases::open(state.dir.path(), Limits::default()).unwrap_err().to_string();
    assert!(error.contains("in use by another process") && !error.contains('\n'), "{error}");

    state.databases.close().await;
    assert_code(run(&state.session("user-john"), "SELECT 1").await, "SQLITE_MISUSE");
    // Of a request that was let in before, and has its turn only now.
    let late = Job {
        session: state.session("user-john"),
        scope: Scope::new(None),
        hold: Hold::Alone(Lease::wait(&state.databases.entry("user-john").1).await),
        statement: Statement { sql: "PRAGMA ownbase_erase".to_owned(), parameters: vec![] },
        until: Instant::now() + Duration::from_secs(20),
        rows: Gathered::new(1, 99),
    };
    assert_code(late.run().map(drop).map_err(text), "SQLITE_MISUSE");
    assert_eq!(state.files(), ["user-john.db"]);
    let again = Databases::open(state.dir.path(), Limits::default()).unwrap();
    let session = Arc::new(Session::new(again, "user-john"));
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), ["0"]);
}

#[test]
fn a_directory_that_cannot_be_used_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    // The last is read-only for root too.
    for path in [&file, &file.join("below"), Path::new("/proc/ownbase")] {
        let error = Databases::open(path, Limits::default()).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn temporary_files_that_a_kill_left_go_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let tmp = dir.path().join("tmp");
    std::fs::create_dir_all(tmp.join("etilqs_folder")).unwrap();
    for name in ["etilqs_1a2b3c", "etilqs_0", "mine"] {
        std::fs::write(tmp.join(name), "x").unwrap();
    }
    drop(Databases::open(dir.path(), Limits::default()).unwrap());
    let mut left: Vec<_> = std::fs::read_dir(&tmp).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["etilqs_folder", "mine"]);
}

#[test]
fn all_folders_are_made_once() {
    let state = state();
    assert_eq!(std::fs::read_dir(state.dir.path().join("users")).unwrap().count(), 256);
}

#[test]
fn limits_out_of_range_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        Databases::open(dir.path(), limits).unwrap_err().to_string()
    };
    assert!(refused(|limits| limits.max_open_databases = 0).contains("max_open_databases"));
    assert!(refused(|limits| limits.page_size_bytes = 3_000).contains("page_size_bytes"));
    assert!(refused(|limits| limits.busy_timeout_ms = u64::MAX).contains("busy_timeout_ms"));
}
