//! What a process that was killed may not have synced, the next one syncs before it says anything.

use super::{disk::TestDisk, *};

/// The folders, what they are in, what that is in, and where the state directory is.
const ALL: usize = 256 + 3;

struct Start {
    databases: Databases,
    disk: Arc<TestDisk>,
}

fn start(dir: &Path) -> Start {
    let disk = Arc::new(TestDisk::default());
    Start { databases: Databases::open_on(disk.clone(), dir, Limits::default()).unwrap(), disk }
}

impl Start {
    fn session(&self, label: &str) -> Arc<Session> {
        Arc::new(Session::new(self.databases.clone(), label))
    }

    /// As a kill does: nothing is closed, and the directory is free.
    async fn kill(self, dir: &Path) {
        drop(self.databases);
        let lock = std::fs::File::open(dir.join("lock")).unwrap();
        eventually("the lock is free", || lock.try_lock().is_ok()).await;
    }
}

#[tokio::test]
async fn only_a_start_after_an_orderly_end_trusts_the_folders() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path());
    assert_eq!(first.disk.folders(), 3, "empty folders need only their names");
    first.databases.close().await;
    drop(first);

    let warm = start(dir.path());
    assert_eq!(warm.disk.folders(), 0);
    warm.kill(dir.path()).await;

    let after_a_kill = start(dir.path());
    assert_eq!(after_a_kill.disk.folders(), ALL);
    after_a_kill.databases.close().await;
    drop(after_a_kill);
    assert_eq!(start(dir.path()).disk.folders(), 0);
}

#[tokio::test]
async fn a_start_that_was_cut_short_is_made_good() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("users/3f")).unwrap();
    assert_eq!(start(dir.path()).disk.folders(), 1 + 3, "who made it may not have synced it");

    // Taken back from a copy that left out what was empty.
    let dir = tempfile::tempdir().unwrap();
    start(dir.path()).databases.close().await;
    std::fs::remove_dir(dir.path().join("users/3f")).unwrap();
    assert_eq!(start(dir.path()).disk.folders(), 3);
}

#[tokio::test]
async fn an_erase_that_is_not_on_disk_leaves_no_mark() {
    let dir = tempfile::tempdir().unwrap();
    let state = start(dir.path());
    run(&state.session("user-john"), "CREATE TABLE a (b)").await.unwrap();
    state.disk.fail_folders(true);
    assert_code(run(&state.session("user-john"), "PRAGMA ownbase_erase").await, "SQLITE_IOERR");
    state.databases.close().await;
    drop(state);
    assert_eq!(start(dir.path()).disk.folders(), ALL + 1, "the start finishes the erase");
}

#[test]
fn a_directory_that_cannot_be_synced_is_refused() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::new(TestDisk::default()));
    disk.fail_folders(true);
    let error = Databases::open_on(disk, dir.path(), Limits::default()).unwrap_err().to_string();
    assert!(error.contains(dir.path().to_str().unwrap()), "{error}");
}
