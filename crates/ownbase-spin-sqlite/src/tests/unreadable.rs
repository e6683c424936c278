//! Files that cannot be read, and directories of other builds: nothing is lost, and what is wrong is said.

use super::{
    damage::{COMMITS, ERASE, gated, open, rows, write},
    *,
};
use std::fs;

#[tokio::test]
async fn a_file_that_cannot_be_read_stays_and_can_be_erased() {
    for content in [b"no database ".repeat(500), vec![0; 200_000]] {
        let state = open(tempfile::tempdir().unwrap());
        let place = state.databases.place("user-john");
        fs::write(&place, &content).unwrap();
        for sql in ["SELECT count(*) FROM a", "CREATE TABLE a (b)"] {
            assert_code(run(&state.session("user-john"), sql).await, "SQLITE_NOTADB");
        }
        assert_eq!(fs::read(&place).unwrap(), content);
        assert_eq!(state.databases.condition().failing_users, 1);
        run(&state.session("user-john"), ERASE).await.unwrap();
        assert_eq!(state.databases.condition().failing_users, 0);
        assert!(state.files().is_empty(), "{:?}", state.files());
    }
}

#[tokio::test]
async fn a_file_that_was_never_written_is_made_anew() {
    for content in [vec![], vec![0; 2_048]] {
        let state = open(tempfile::tempdir().unwrap());
        fs::write(state.databases.place("user-john"), content).unwrap();
        assert_code(rows(&state, "user-john").await, "SQLITE_ERROR");
        write(&state, "user-john", 1).await;
        assert_eq!(rows(&state, "user-john").await.unwrap(), "1");
    }
}

#[tokio::test]
async fn a_database_whose_schema_seems_empty_is_not_removed() {
    let state = open(tempfile::tempdir().unwrap());
    write(&state, "user-john", COMMITS).await;
    state.databases.close().await;
    let file = state.path("user-john.db");
    let mut bytes = fs::read(&file).unwrap();
    // The number of entries in the schema's page.
    bytes[103..105].fill(0);
    fs::write(&file, &bytes).unwrap();
    let state = open(state.dir);
    let _ = rows(&state, "user-john").await;
    state.databases.close().await;
    assert!(state.files().contains(&"user-john.db".to_owned()), "{:?}", state.files());
    assert!(fs::metadata(&file).unwrap().len() >= bytes.len() as u64);
}

#[tokio::test]
async fn a_newer_state_directory_is_refused_and_an_older_one_is_upgraded() {
    let state = open(tempfile::tempdir().unwrap());
    write(&state, "user-john", 1).await;
    state.databases.close().await;
    let format = state.dir.path().join("format");
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
    let cases: [(&[u8], &str); 4] =
        [(b"3\n", "has format 3"), (b"x", "no number"), (b"", "no number"), (b"\xff\n", "no number")];
    for (content, says) in cases {
        fs::write(&format, content).unwrap();
        let error = Databases::open(state.dir.path(), gated()).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains('\n'), "{error}");
    }
    fs::remove_file(&format).unwrap();
    let state = open(state.dir);
    assert_eq!(rows(&state, "user-john").await.unwrap(), "1");
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
}
