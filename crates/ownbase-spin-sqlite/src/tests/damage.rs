//! What a damaged log does: its user is told, nothing is lost, and all others go on.

use super::*;
use crate::Durability;
use std::fs;

pub(super) const ERASE: &str = "PRAGMA ownbase_erase";

/// As many commits as a damaged user has.
pub(super) const COMMITS: usize = 12;

pub(super) fn gated() -> Limits {
    Limits { durability: Durability::Gated, ..Limits::default() }
}

pub(super) fn open(dir: TempDir) -> State {
    let databases = Databases::open(dir.path(), gated()).unwrap();
    State { dir, databases }
}

/// Adds rows to a user, one commit each, all on disk when this returns.
pub(super) async fn write(state: &State, label: &str, commits: usize) {
    let (session, scope) = (state.session(label), Scope::new(None));
    run_in(&session, &scope, "CREATE TABLE IF NOT EXISTS a (b)").await.unwrap();
    for _ in 0..commits {
        run_in(&session, &scope, "INSERT INTO a VALUES (randomblob(900))").await.unwrap();
    }
    scope.settled().await.unwrap();
}

pub(super) async fn rows(state: &State, label: &str) -> Result<String, String> {
    run(&state.session(label), "SELECT count(*) FROM a").await.map(|rows| rows.concat())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => assert!(fs::copy(entry.path(), to).is_ok()),
        }
    }
}

/// What a kill leaves of two users: how many frames of john's log are marked as being on disk is for the caller to say.
async fn killed(is_marked: bool) -> TempDir {
    let state = open(tempfile::tempdir().unwrap());
    for label in ["user-john", "user-jane"] {
        write(&state, label, COMMITS).await;
    }
    if is_marked {
        eventually("john's log is marked", || state.databases.marked("user-john") > COMMITS as u64).await;
    }
    let left = tempfile::tempdir().unwrap();
    copy(state.dir.path(), left.path());
    if !is_marked {
        let _ = fs::remove_file(left.path().join("marks"));
    }
    left
}

fn log_of(dir: &TempDir) -> PathBuf {
    paths(dir.path()).into_iter().find(|path| name(path) == "user-john.db-wal").unwrap()
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn quarantined(state: &State) -> Vec<PathBuf> {
    let folders = fs::read_dir(state.dir.path().join("quarantine"));
    folders.map(|folders| folders.map(|folder| folder.unwrap().path()).collect()).unwrap_or_default()
}

/// Bytes of one frame.
const FRAME: usize = 24 + 2_048;

#[tokio::test]
async fn a_log_that_lost_what_was_synced_is_set_aside_whole() {
    // The header's magic, salt and sum; the first frame's salt and page; a late frame's.
    for byte in [0, 17, 30, 32 + 9, 32 + 700, 32 + 10 * FRAME + 700] {
        let left = killed(true).await;
        flip(&log_of(&left), byte);
        let before = paths(left.path()).iter().filter(|path| name(path).contains("john")).count();
        let state = open(left);
        for _ in 0..2 {
            assert_code(rows(&state, "user-john").await, "SQLITE_CORRUPT");
            assert_code(run(&state.session("user-john"), "INSERT INTO a VALUES (1)").await, "SQLITE_CORRUPT");
        }
        assert_eq!(rows(&state, "user-jane").await.unwrap(), COMMITS.to_string());
        let folders = quarantined(&state);
        assert_eq!(folders.len(), 1, "byte {byte}: {folders:?}");
        assert!(name(&folders[0]).starts_with("user-john-20"), "{folders:?}");
        assert_eq!(fs::read_dir(&folders[0]).unwrap().count(), before);
        assert_eq!(state.databases.condition().quarantined_users, 1);
        assert!(!state.files().iter().any(|file| file.contains("john")), "{:?}", state.files());

        // A restart changes nothing, and the files put back are looked at as before.
        let dir = state.dir;
        state.databases.close().await;
        let state = open(dir);
        assert_code(rows(&state, "user-john").await, "SQLITE_CORRUPT");
        assert_eq!(state.databases.condition().quarantined_users, 1);
    }
}

#[tokio::test]
async fn a_mark_outlives_orderly_ends_that_leave_its_log_alone() {
    let state = open(killed(true).await);
    assert_eq!(rows(&state, "user-jane").await.unwrap(), COMMITS.to_string());
    state.databases.close().await;
    flip(&log_of(&state.dir), 32 + 10 * FRAME + 700);
    let state = open(state.dir);
    assert_code(rows(&state, "user-john").await, "SQLITE_CORRUPT");
}

#[tokio::test]
async fn a_start_after_a_kill_notes_what_the_killed_process_did_not() {
    let state = open(killed(false).await);
    assert!(state.databases.marked("user-john") > COMMITS as u64);
    let left = tempfile::tempdir().unwrap();
    copy(state.dir.path(), left.path());
    flip(&log_of(&left), 32 + 10 * FRAME + 700);
    let state = open(left);
    assert_code(rows(&state, "user-john").await, "SQLITE_CORRUPT");
}

#[tokio::test]
async fn files_that_are_put_back_are_served() {
    let left = killed(true).await;
    flip(&log_of(&left), 5);
    let place = log_of(&left).parent().unwrap().to_owned();
    let state = open(left);
    assert_code(rows(&state, "user-john").await, "SQLITE_CORRUPT");
    let folder = quarantined(&state).remove(0);
    flip(&folder.join("user-john.db-wal"), 5);
    for file in ["user-john.db-wal", "user-john.db"] {
        fs::rename(folder.join(file), place.join(file)).unwrap();
    }
    assert_eq!(rows(&state, "user-john").await.unwrap(), COMMITS.to_string());
    assert_eq!(state.databases.condition().quarantined_users, 0);
}

#[tokio::test]
async fn an_erase_ends_a_quarantine_and_leaves_nothing() {
    let left = killed(true).await;
    flip(&log_of(&left), 5);
    let state = open(left);
    assert_code(rows(&state, "user-john").await, "SQLITE_CORRUPT");
    run(&state.session("user-john"), ERASE).await.unwrap();
    assert_eq!(quarantined(&state), [""; 0].map(PathBuf::from));
    write(&state, "user-john", 1).await;
    assert_eq!(rows(&state, "user-john").await.unwrap(), "1");
    assert_eq!(state.databases.condition().quarantined_users, 0);
}

#[tokio::test]
async fn above_the_mark_what_holds_stands_and_the_rest_is_kept_aside() {
    for (frame, expected) in [(0, "SQLITE_ERROR: no such table: a"), (10, "9"), (COMMITS, "11")] {
        let left = killed(false).await;
        let log = log_of(&left);
        let bytes = fs::read(&log).unwrap();
        // The table's frames come first, two of them.
        let at = 32 + frame * FRAME + 700;
        flip(&log, at);
        let state = open(left);
        let found = rows(&state, "user-john").await;
        let found = found.unwrap_or_else(|error| error);
        if frame == 0 {
            assert_eq!(found, expected);
        } else {
            assert!(found.parse::<usize>().unwrap() < COMMITS, "{found}");
        }
        let folders = quarantined(&state);
        assert_eq!(folders.len(), 1, "{folders:?}");
        let tail = fs::read(folders[0].join("user-john.db-wal-tail")).unwrap();
        assert_eq!(tail.len(), bytes.len() - (32 + frame * FRAME));
        assert_eq!(state.databases.condition().quarantined_users, 0);
        // The user goes on.
        write(&state, "user-john", 1).await;
        let more: usize = rows(&state, "user-john").await.unwrap().parse().unwrap();
        assert_eq!(more, found.parse::<usize>().unwrap_or(0) + 1);
    }
}

#[tokio::test]
async fn a_log_that_was_cut_off_below_the_mark_is_damage_and_above_it_is_not() {
    for (is_marked, is_damaged) in [(true, true), (false, false)] {
        let left = killed(is_marked).await;
        let log = log_of(&left);
        let bytes = fs::read(&log).unwrap();
        fs::write(&log, bytes.get(..32 + 5 * FRAME).unwrap()).unwrap();
        let state = open(left);
        assert_eq!(rows(&state, "user-john").await.is_err(), is_damaged);
        assert_eq!(quarantined(&state).len(), usize::from(is_damaged));
    }
}

#[tokio::test]
async fn a_sound_log_keeps_every_frame_and_nothing_is_set_aside() {
    let left = killed(true).await;
    let state = open(left);
    assert_eq!(rows(&state, "user-john").await.unwrap(), COMMITS.to_string());
    assert_eq!(run(&state.session("user-john"), "PRAGMA integrity_check").await.unwrap(), ["ok"]);
    assert!(quarantined(&state).is_empty());
    assert_eq!(state.databases.marked("user-john"), 0, "the log is in the database");
}

#[tokio::test]
async fn a_mark_of_an_earlier_generation_says_nothing() {
    let state = open(tempfile::tempdir().unwrap());
    write(&state, "user-john", 30).await;
    eventually("the log is marked", || state.databases.marked("user-john") > 30).await;
    let (label, entry) = state.databases.entry("user-john");
    crate::lease::Lease::wait(&entry).await.checkpoint();
    state.databases.let_go(&label, &entry);
    write(&state, "user-john", 2).await;
    let left = tempfile::tempdir().unwrap();
    copy(state.dir.path(), left.path());
    let state = open(left);
    assert_eq!(rows(&state, "user-john").await.unwrap(), "32");
    assert!(quarantined(&state).is_empty(), "frames of the generation before are no loss");
}

#[tokio::test]
async fn a_log_without_its_database_is_kept_aside_and_the_user_starts_anew() {
    let left = killed(true).await;
    let log = log_of(&left);
    let bytes = fs::read(&log).unwrap();
    fs::remove_file(log.with_extension("db")).unwrap();
    let _ = fs::remove_file(left.path().join("settled"));
    let state = open(left);
    let folders = quarantined(&state);
    assert_eq!(fs::read(folders[0].join("user-john.db-wal-tail")).unwrap(), bytes);
    assert_eq!(state.databases.condition().quarantined_users, 0);
    write(&state, "user-john", 1).await;
    assert_eq!(rows(&state, "user-john").await.unwrap(), "1");
}

#[tokio::test]
async fn an_erase_that_was_cut_short_is_finished_by_the_next_start() {
    let left = killed(true).await;
    let log = log_of(&left);
    fs::rename(log.with_extension("db"), log.with_extension("db-erased")).unwrap();
    let _ = fs::remove_file(left.path().join("settled"));
    let state = open(left);
    assert!(!state.files().iter().any(|file| file.contains("john")), "{:?}", state.files());
    assert!(quarantined(&state).is_empty());
    assert_code(rows(&state, "user-john").await, "SQLITE_ERROR");
    assert_eq!(rows(&state, "user-jane").await.unwrap(), COMMITS.to_string());
}
