//! The host's own way to users' databases: the same rules, nothing left open, everything found.

use super::*;
use crate::{Direct, Found, Labels};

fn labels() -> Labels {
    Labels::new(["user-*"]).unwrap()
}

fn direct(state: &State, label: &str) -> Direct {
    state.databases.direct(&labels(), label).unwrap()
}

async fn ran(direct: &Direct, sql: &str) -> Result<Vec<String>, String> {
    match direct.execute(sql, vec![]).await {
        Ok(rows) => Ok(rows.into_iter().map(|values| joined(&RowResult { values })).collect()),
        Err(error) => Err(error.to_string()),
    }
}

async fn make(state: &State, label: &str) {
    let session = state.session(label);
    run(&session, "CREATE TABLE t (a)").await.unwrap();
    run(&session, "INSERT INTO t VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn the_host_is_under_the_same_rules() {
    let state = state();
    let (john, scope) = (state.session("user-john"), Scope::new(None));
    make(&state, "user-john").await;
    let host = direct(&state, "user-john");
    assert_eq!(ran(&host, "SELECT a FROM t").await.unwrap(), ["1"]);
    assert_code(ran(&host, "ATTACH 'x' AS y").await, "SQLITE_AUTH");
    assert_code(ran(&host, "PRAGMA user_version = 1").await, "SQLITE_AUTH");
    let denied = state.databases.direct(&labels(), "settings").unwrap_err().to_string();
    assert!(denied.starts_with("access-denied: "), "{denied}");

    run_in(&john, &scope, "BEGIN IMMEDIATE").await.unwrap();
    run_in(&john, &scope, "INSERT INTO t VALUES (2)").await.unwrap();
    let read = tokio::spawn(async move { ran(&host, "SELECT count(*) FROM t").await });
    run_in(&john, &scope, "COMMIT").await.unwrap();
    assert_eq!(read.await.unwrap().unwrap(), ["2"], "it waits for the request's transaction");
}

#[tokio::test]
async fn what_the_host_opened_it_closes() {
    let state = state();
    make(&state, "user-served").await;
    make(&state, "user-asleep").await;
    direct(&state, "user-asleep").finish().await;
    assert_eq!(state.databases.open_now(), 2);
    let asleep = state.databases.entry("user-asleep").1;
    crate::lease::Lease::wait(&asleep).await.close();
    drop(asleep);
    for (label, open) in [("user-asleep", 1), ("user-served", 1), ("user-missing", 1)] {
        let host = direct(&state, label);
        let _ = ran(&host, "SELECT a FROM t").await;
        host.finish().await;
        assert_eq!(state.databases.open_now(), open, "{label}");
    }
    assert!(!state.files().contains(&"user-missing.db".to_owned()));
}

#[tokio::test]
async fn an_open_transaction_ends_with_the_host_s_use() {
    let state = state();
    make(&state, "user-john").await;
    let host = direct(&state, "user-john");
    for sql in ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (2)"] {
        ran(&host, sql).await.unwrap();
    }
    drop(host);
    assert_eq!(run(&state.session("user-john"), "SELECT count(*) FROM t").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_copy_has_all_and_touches_nothing() {
    let (state, other) = (state(), super::state());
    let long = format!("user-{}", "a".repeat(300));
    for label in ["user-john", &long] {
        make(&state, label).await;
        let host = direct(&state, label);
        host.copy_into(&other.databases).await.unwrap();
        let copy = direct(&other, label);
        ran(&copy, "INSERT INTO t VALUES (2)").await.unwrap();
        assert_eq!(ran(&copy, "SELECT count(*) FROM t").await.unwrap(), ["2"]);
        assert_eq!(ran(&host, "SELECT count(*) FROM t").await.unwrap(), ["1"]);
        ran(&copy, "PRAGMA ownbase_erase").await.unwrap();
    }
    assert_eq!(other.files(), [""; 0]);
    let missing = direct(&state, "user-missing").copy_into(&other.databases).await.unwrap_err().to_string();
    assert_eq!(missing, "SQLITE_NOTFOUND: there is no database to copy");
    assert_eq!(other.files(), [""; 0]);
}

#[tokio::test]
async fn every_database_is_found_once() {
    let state = state();
    let long = [format!("user-{}", "a".repeat(300)), format!("user-{}", "b".repeat(300))];
    let labels = ["user-a", "user-b", &long[0], &long[1]];
    for label in labels {
        make(&state, label).await;
    }
    // One of the long ones is open, the other is not.
    let closed = state.databases.entry(&long[1]).1;
    crate::lease::Lease::wait(&closed).await.close();
    state.databases.let_go(&long[1], &closed);
    drop(closed);

    let folder = state.path("user-a.db").parent().unwrap().to_owned();
    let other = state.path("user-b.db").parent().unwrap().to_owned();
    std::fs::copy(state.path("user-b.db"), folder.join("user-b.db")).unwrap();
    std::fs::write(folder.join("notes.txt"), "").unwrap();
    std::fs::write(folder.join(format!("user-~~{}.db", "0".repeat(64))), "no database, but one page long").unwrap();
    assert_ne!(folder, other);
    std::fs::write(folder.join(format!("user-~~{}.db", "1".repeat(64))), "").unwrap();
    for name in ["user-b (copy).db", "B.db", "user-~~x.db", ".db"] {
        std::fs::copy(state.path("user-a.db"), folder.join(name)).unwrap();
    }
    std::fs::create_dir(folder.join("user-folder.db")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("user-link.db")).unwrap();

    let (mut found, mut unknown, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    for byte in 0..=u8::MAX {
        for database in state.databases.list(byte).unwrap() {
            match database {
                Found::Label(label) => found.push(label.to_string()),
                Found::Unknown { file, why } => unknown.push(format!("{file}: {why}")),
                Found::Foreign { file } => foreign.push(file),
            }
        }
    }
    found.sort();
    let mut expected = labels.map(str::to_owned);
    expected.sort();
    assert_eq!(found, expected);
    unknown.sort();
    let right = format!("(move it to folder {})", name(&other));
    assert!(
        unknown[0].starts_with("user-b.db: SQLITE_NOTFOUND: in folder ") && unknown[0].ends_with(&right),
        "{unknown:?}"
    );
    assert!(unknown[1].starts_with("user-~~000") && unknown[1].contains("SQLITE_"), "{unknown:?}");
    assert!(unknown[2].starts_with("user-~~111") && unknown[2].contains("holds no database"), "{unknown:?}");
    assert_eq!((unknown.len(), state.databases.count().unwrap()), (3, 13));
    foreign.sort();
    assert_eq!(foreign, [".db", "B.db", "user-b (copy).db", "user-folder.db", "user-link.db", "user-~~x.db"]);
}
