//! Whatever umask a process has, what it makes is for its own user alone. A process of its own, since it has one umask.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use ownbase_spin_sqlite::{Databases, Durability, Labels, Limits};
use rustix::{fs::Mode, process::umask};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(below(&path)) } else { found.push(path) }
    }
    found
}

#[track_caller]
fn check(state_dir: &Path, under: Mode) {
    for path in below(state_dir) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        let mode = fs::metadata(&path).unwrap().mode() & 0o7777;
        assert_eq!(mode, wanted, "{} under {under:?}: {mode:o}", path.display());
    }
}

#[tokio::test]
async fn modes_do_not_depend_on_the_umask() {
    for under in [0o000, 0o002, 0o022, 0o077].map(Mode::from_raw_mode) {
        let dir = tempfile::tempdir().unwrap();
        umask(under);
        let state_dir = dir.path().join("a/state");
        let limits = || {
            let mut limits = Limits::default();
            limits.durability = Durability::Gated;
            limits
        };
        let databases = Databases::open(&state_dir, limits()).unwrap();
        let labels = Labels::new(["user-*"]).unwrap();
        // The first file is SQLite's, the second a copy of it, the third has its label inside.
        for label in ["user-ann", "user-bob", &format!("user-{}", "x".repeat(300))] {
            let direct = databases.direct(&labels, label).unwrap();
            direct.execute("CREATE TABLE a (b)", vec![]).await.unwrap();
            direct.execute("INSERT INTO a VALUES (1)", vec![]).await.unwrap();
        }
        assert!(below(&state_dir).iter().any(|path| path.to_string_lossy().ends_with(".db-wal")));
        check(&state_dir, under);

        let copies = Databases::open(&dir.path().join("copies"), limits()).unwrap();
        databases.direct(&labels, "user-ann").unwrap().copy_into(&copies).await.unwrap();
        check(&dir.path().join("copies"), under);

        databases.close().await;
        check(&state_dir, under);
    }
    // Even where the umask takes from the owner.
    let dir = tempfile::tempdir().unwrap();
    umask(Mode::RWXU | Mode::RWXG | Mode::RWXO);
    Databases::open(&dir.path().join("state"), Limits::default()).unwrap();
    assert_eq!(fs::metadata(dir.path().join("state/users/3f")).unwrap().mode() & 0o7777, 0o700);
}
