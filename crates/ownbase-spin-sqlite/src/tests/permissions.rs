//! What other users of the machine may do with a state directory: nothing. `tests/umask.rs` asks the same of an umask.

use super::*;
use crate::Durability;
use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn refusal(path: &Path) -> String {
    let error = Databases::open(path, Limits::default()).unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()) && !error.contains('\n'), "{error}");
    error
}

#[tokio::test]
async fn what_was_left_loose_is_tightened() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users");
    for loose in [0o755, 0o775, 0o750, 0o700] {
        let limits = Limits { durability: Durability::Gated, ..Limits::default() };
        let databases = Databases::open(dir.path(), limits).unwrap();
        let session = Arc::new(Session::new(databases.clone(), "user-john"));
        run(&session, "CREATE TABLE IF NOT EXISTS a (b)").await.unwrap();
        run(&session, "INSERT INTO a VALUES (1)").await.unwrap();
        let files = paths(dir.path());
        let names: Vec<String> = files.iter().map(|file| name(file)).collect();
        assert!(names.contains(&"user-john.db-wal".to_owned()), "{names:?}");
        let folder = files.first().unwrap().parent().unwrap();
        let folders = [dir.path().to_owned(), users.clone(), folder.to_owned(), dir.path().join("tmp")];
        assert_eq!(folders.each_ref().map(|folder| mode(folder)), [0o700; 4]);
        files.iter().for_each(|file| assert_eq!(mode(file), 0o600, "{}", file.display()));
        // As a kill leaves it, with a log.
        drop((session, databases));
        let lock = fs::File::open(dir.path().join("lock")).unwrap();
        eventually("the lock is free", || lock.try_lock().is_ok()).await;
        fs::write(dir.path().join("health-probe"), "left by a kill").unwrap();
        files.iter().for_each(|file| set(file, loose & 0o666));
        folders.iter().for_each(|folder| set(folder, loose));
    }
}

#[test]
fn what_else_is_in_the_directory_stays_within_reach() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a web page"), "").unwrap();
    set(dir.path(), 0o775);
    let databases = Databases::open(dir.path(), Limits::default()).unwrap();
    assert_eq!((mode(dir.path()), mode(&dir.path().join("users"))), (0o755, 0o700));
    drop(databases);
}

#[test]
fn a_directory_that_everybody_can_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for loose in [0o777, 0o1777, 0o702] {
        set(dir.path(), loose);
        assert!(refusal(dir.path()).starts_with("everybody can write to the state directory"));
        // A link is no way around.
        let link = tempfile::tempdir().unwrap();
        symlink(dir.path(), link.path().join("state")).unwrap();
        refusal(&link.path().join("state"));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made in it");
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    if chown(dir.path(), Some(4_711), None).is_err() {
        eprintln!("not run: only root can give a directory away");
        return;
    }
    assert!(refusal(dir.path()).contains("belongs to user 4711"));
    chown(dir.path(), Some(0), None).unwrap();
    Databases::open(dir.path(), Limits::default()).unwrap();
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let elsewhere = tempfile::tempdir().unwrap();
    set(elsewhere.path(), 0o755);
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("users")).unwrap();
    symlink(elsewhere.path(), dir.path().join("users/3f")).unwrap();
    Databases::open(dir.path(), Limits::default()).unwrap();
    assert_eq!(mode(elsewhere.path()), 0o755, "a link may lead anywhere");
}
