//! Files that are damaged or locked: the user gets a clear answer, and all others go on.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::Request;

cases! {
    Process: a_damaged_file_is_a_clear_error_of_its_user;
    Process on Ownbase ("how long it waits is a flag of its"): a_locked_database_is_busy;
}

fn a_damaged_file_is_a_clear_error_of_its_user(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    let users = ["garbage", "beheaded", "scribbled", "halved"];
    for user in users.iter().chain(&["sound"]) {
        for index in 0..40 {
            client.make(&format!("/{user}"), &format!("{index} {}", "x".repeat(2000)))?;
        }
    }
    server.stop()?;
    for user in users {
        // What stands in the log alone, the file does not have to give.
        home.open(user)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        damage(&home.path_of(user)?, user)?;
    }
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    for user in users {
        let (user, note) = (format!("/{user}"), format!("/{user}/note_aaaaaaaaaaaaaaaa"));
        for request in [
            Request::new("GET", &user),
            Request::new("POST", &user).text("x"),
            Request::new("PATCH", &note).text("x"),
            Request::new("DELETE", &note),
        ] {
            // Every answer of 500 and above has been checked to say nothing of the inside.
            let answer = client.send(&request)?;
            let may_succeed = user == "/scribbled" || user == "/halved";
            let clear = (500..600).contains(&answer.status) || may_succeed && request.method != "GET";
            ensure!(clear, answer.wrong("a problem of the server's, since the file is damaged"));
        }
        ensure!(client.notes("/sound")?.len() == 40, "a sound user lost notes beside a damaged one");
        client.make("/another", "x")?;
    }
    server.stop()
}

/// Overwrites all, the first page, everything but the first pages, or cuts off the second half.
fn damage(path: &Path, how: &str) -> Result<()> {
    let mut bytes = std::fs::read(path)?;
    let length = bytes.len();
    ensure!(length > 40_000, "{} has only {length} bytes", path.display());
    match how {
        "garbage" => bytes.fill(0x5a),
        "beheaded" => bytes.get_mut(..1024).context("short")?.fill(0),
        "scribbled" => bytes.get_mut(16_384..).context("short")?.fill(0xa5),
        _ => bytes.truncate(length / 2 / 4096 * 4096),
    }
    Ok(std::fs::write(path, bytes)?)
}

fn a_locked_database_is_busy(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let note = server.site().client().make("/locked", "x")?;
    server.stop()?;
    // Another program, an administrator's for example, that keeps the file to itself.
    let holder = home.open("locked")?;
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")?;
    let server = engine.start(&home, &["--busy-timeout-ms", "200"])?;
    let client = server.site().client();
    for request in [Request::new("GET", "/locked"), Request::new("POST", "/locked").text("y")] {
        let answer = client.send(&request)?.must_be(503)?;
        let seconds = answer.required("retry-after")?.parse::<u32>();
        ensure!(seconds.is_ok_and(|seconds| seconds > 0), answer.wrong("Retry-After in seconds"));
    }
    client.make("/another", "x")?;
    holder.execute_batch("ROLLBACK")?;
    drop(holder);
    let later = client.make("/locked", "y")?;
    let found = client.notes("/locked")?;
    ensure!(found == [note, later], "after the lock was released: {found:?}");
    server.stop()
}
