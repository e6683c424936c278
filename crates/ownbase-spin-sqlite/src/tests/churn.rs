//! Many users, few open databases: isolation, the bound, and erase against writers.

use super::*;
use crate::Durability;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Runs `task(number)` for 64 numbers on 4 threads, each with a runtime of its own, as the server has.
fn on_four_threads<F: Future<Output = ()> + 'static>(task: impl Fn(usize) -> F + Send + Sync + 'static) {
    let task = Arc::new(task);
    let threads = (0..4).map(|thread| {
        let task = task.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tokio::task::LocalSet::new().block_on(&runtime, async move {
                let tasks: Vec<_> = (0..16).map(|i| tokio::task::spawn_local(task(thread * 16 + i))).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}

#[test]
fn every_read_sees_its_own_user_and_few_databases_are_open() {
    const LABELS: usize = 200;
    let state = Arc::new(state_with(|limits| {
        limits.max_open_databases = 8;
        limits.busy_timeout_ms = 60_000;
        limits.statement_timeout_ms = 60_000;
    }));
    let most = Arc::new(AtomicUsize::new(0));
    let written = Arc::new((0..LABELS).map(|_| AtomicUsize::new(0)).collect::<Vec<_>>());
    let (shared, most_seen, counts) = (state.clone(), most.clone(), written.clone());
    on_four_threads(move |task| {
        let (state, most, counts) = (shared.clone(), most_seen.clone(), counts.clone());
        async move {
            for round in 0..12 {
                // Half of the tasks meet on a few labels, the others spread over all.
                let user =
                    (task * 31 + round * if task % 2 == 0 { 1 } else { 17 }) % if task % 2 == 0 { 5 } else { LABELS };
                let label = format!("user-{user}");
                let session = state.session(&label);
                let scope = Scope::new(None);
                run_in(&session, &scope, "BEGIN IMMEDIATE").await.unwrap();
                run_in(&session, &scope, "CREATE TABLE IF NOT EXISTS tags (tag)").await.unwrap();
                let tag = vec![Value::Text(label.clone())];
                run_with(&session, Some(scope.clone()), "INSERT INTO tags VALUES (?)", tag).await.unwrap();
                run_in(&session, &scope, "COMMIT").await.unwrap();
                counts[user].fetch_add(1, SeqCst);
                let seen = run_in(&session, &scope, "SELECT DISTINCT tag FROM tags").await.unwrap();
                assert_eq!(seen, [label]);
                most.fetch_max(state.databases.open_now(), SeqCst);
            }
        }
    });
    assert!((2..=8).contains(&most.load(SeqCst)), "{} were open at once", most.load(SeqCst));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (user, count) in written.iter().enumerate().filter(|(_, count)| count.load(SeqCst) > 0) {
            let rows = run(&state.session(&format!("user-{user}")), "SELECT count(*) FROM tags").await.unwrap();
            assert_eq!(rows, [count.load(SeqCst).to_string()], "user-{user}");
        }
        assert!(state.databases.known_labels() <= 8, "labels that nobody uses are forgotten");
    });
}

#[test]
fn what_was_told_outlasts_evictions_erases_and_a_restart() {
    const ROUNDS: usize = 12;
    let state = Arc::new(state_with(|limits| {
        limits.durability = Durability::Gated;
        limits.max_open_databases = 3;
        limits.busy_timeout_ms = 60_000;
        limits.statement_timeout_ms = 60_000;
    }));
    // Rows that each user was told of; two tasks for each user take turns.
    let told = Arc::new((0..32).map(|_| tokio::sync::Mutex::new(0)).collect::<Vec<_>>());
    let (shared, models) = (state.clone(), told.clone());
    on_four_threads(move |task| {
        let (state, models) = (shared.clone(), models.clone());
        async move {
            let user = task % 32;
            let label = format!("user-{user}");
            for round in 0..ROUNDS {
                let mut rows = models[user].lock().await;
                let (session, scope) = (state.session(&label), Scope::new(None));
                match (task * 7 + round * 5) % 6 {
                    0 => {
                        assert_eq!(run_in(&session, &scope, "PRAGMA ownbase_erase").await.unwrap(), ["1"]);
                        *rows = 0;
                    }
                    1 if *rows > 0 => {
                        let counted = run_in(&session, &scope, "SELECT count(*) FROM a").await.unwrap();
                        assert_eq!(counted, [rows.to_string()], "{label}");
                    }
                    2 if *rows > 0 => {
                        run_in(&session, &scope, "INSERT INTO a VALUES (1)").await.unwrap();
                        *rows += 1;
                    }
                    _ => {
                        run_in(&session, &scope, "BEGIN IMMEDIATE").await.unwrap();
                        run_in(&session, &scope, "CREATE TABLE IF NOT EXISTS a (b)").await.unwrap();
                        run_in(&session, &scope, "INSERT INTO a VALUES (1), (2)").await.unwrap();
                        run_in(&session, &scope, "COMMIT").await.unwrap();
                        *rows += 2;
                    }
                }
                assert_eq!(scope.settled().await, Ok(()));
                scope.end();
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        state.databases.close().await;
        let again = Databases::open(state.dir.path(), Limits::default()).unwrap();
        for (user, rows) in told.iter().enumerate() {
            let session = Arc::new(Session::new(again.clone(), &format!("user-{user}")));
            let (rows, counted) = (*rows.lock().await, run(&session, "SELECT count(*) FROM a").await);
            match counted {
                Ok(counted) => assert_eq!(counted, [rows.to_string()], "user-{user}"),
                Err(error) => assert!(rows == 0 && error.contains("no such table"), "user-{user}: {rows} {error}"),
            }
        }
        again.close().await;
    });
    let left: Vec<String> = state.files().into_iter().filter(|file| !file.ends_with(".db")).collect();
    assert_eq!(left, [""; 0], "a user who is not used is one file");
}

#[test]
fn an_erase_waits_for_transactions_and_takes_all_or_nothing() {
    let state = Arc::new(state_with(|limits| limits.busy_timeout_ms = 60_000));
    let shared = state.clone();
    on_four_threads(move |task| {
        let state = shared.clone();
        async move {
            let session = state.session(&format!("user-{}", task % 2));
            for _ in 0..15 {
                if task % 8 < 2 {
                    assert_eq!(run(&session, "PRAGMA ownbase_erase").await.unwrap(), ["1"]);
                    continue;
                }
                // Two rows in one transaction: whatever is erased around it, never one alone.
                run(&session, "BEGIN IMMEDIATE").await.unwrap();
                run(&session, "CREATE TABLE IF NOT EXISTS pairs (b)").await.unwrap();
                run(&session, "INSERT INTO pairs VALUES (1)").await.unwrap();
                run(&session, "INSERT INTO pairs VALUES (1)").await.unwrap();
                run(&session, "COMMIT").await.unwrap();
                match run(&session, "SELECT count(*) % 2 FROM pairs").await {
                    Ok(rows) => assert_eq!(rows, ["0"]),
                    Err(error) => assert!(error.contains("no such table"), "{error}"),
                }
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for label in ["user-0", "user-1"] {
            run(&state.session(label), "PRAGMA ownbase_erase").await.unwrap();
        }
    });
    assert_eq!(state.files(), [""; 0]);
}
