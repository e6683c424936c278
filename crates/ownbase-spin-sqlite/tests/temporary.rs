//! SQLite's temporary files: where they lie, and how large they may become. One test in a process of its own, since they
//! are the process's, and lie in the state directory that it opens first.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use ownbase_spin_sqlite::{Databases, Direct, Labels, Limits, Value};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::{Duration, Instant},
};

const MAX_TEMP_BYTES: u64 = 64 << 20;

/// Sorts so many rows of 1 MB, which do not fit into memory.
fn sort(rows: u32) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) \
         SELECT count(*), max(length(b)) FROM (SELECT zeroblob(1000000) AS b FROM n ORDER BY i % 7 LIMIT 100000)"
    )
}

fn open(state_dir: &Path) -> Databases {
    let mut limits = Limits::default();
    limits.max_temp_bytes = MAX_TEMP_BYTES;
    limits.statement_timeout_ms = 60_000;
    Databases::open(state_dir, limits).unwrap()
}

async fn made(databases: &Databases, label: &str) -> Direct {
    let direct = databases.direct(&Labels::new(["user-*"]).unwrap(), label).unwrap();
    direct.execute("CREATE TABLE a (b)", vec![]).await.unwrap();
    direct
}

/// Where each open temporary file is, as Linux says of what has no name, and its length.
fn temporary_files() -> Vec<(PathBuf, u64)> {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    let files = descriptors.filter_map(|path| Some((fs::read_link(&path).ok()?, fs::metadata(&path).ok()?.len())));
    files.filter(|(path, _)| path.to_string_lossy().ends_with(" (deleted)")).collect()
}

#[tokio::test]
async fn who_spills_too_much_is_stopped_and_others_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let databases = open(dir.path());
    let hog = made(&databases, "user-hog").await;
    let sorter = made(&databases, "user-sorter").await;
    let other = made(&databases, "user-other").await;
    let is_over = AtomicBool::new(false);
    let (too_much, little) = (sort(1_200), sort(12));
    let (stopped, served, sorted, (largest, places)) = tokio::join!(
        async {
            let stopped = hog.execute(&too_much, vec![]).await;
            is_over.store(true, SeqCst);
            stopped.unwrap_err().to_string()
        },
        async {
            let mut served = 0;
            while !is_over.load(SeqCst) {
                other.execute("INSERT INTO a VALUES (1)", vec![]).await.unwrap();
                served += 1;
            }
            served
        },
        // It spills too, but less.
        sorter.execute(&little, vec![]),
        async {
            let (mut largest, mut places) = (0, Vec::new());
            while !is_over.load(SeqCst) {
                let files = temporary_files();
                largest = files.iter().map(|(_, bytes)| bytes).sum::<u64>().max(largest);
                places.extend(files.into_iter().filter_map(|(path, _)| Some(path.parent()?.to_owned())));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            (largest, places)
        },
    );
    assert!(stopped.starts_with("SQLITE_FULL: "), "{stopped}");
    assert!(served > 0);
    let sorted = sorted.unwrap();
    assert!(matches!(sorted[0][..], [Value::Integer(12), Value::Integer(1_000_000)]), "{sorted:?}");
    // What is written between two looks is on top.
    assert!((MAX_TEMP_BYTES / 2..3 * MAX_TEMP_BYTES).contains(&largest), "{largest}");
    let tmp = dir.path().canonicalize().unwrap().join("tmp");
    assert!(!places.is_empty() && places.iter().all(|place| *place == tmp), "{places:?}");
    assert_eq!(temporary_files(), [], "they go with their statement");

    // Nothing of it stays behind.
    assert_eq!(hog.execute(&little, vec![]).await.unwrap().len(), 1);
    // This writes more than the bound, to the database.
    let start = Instant::now();
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) \
                  INSERT INTO a SELECT zeroblob(1000000) FROM n";
    hog.execute(insert, vec![]).await.unwrap();
    assert!(start.elapsed() > Duration::from_millis(10), "too short to be looked at");
    databases.close().await;
}
