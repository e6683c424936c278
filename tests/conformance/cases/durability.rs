//! An answer leaves after the sync of what it tells of, as the system calls of a server show, and a sync that fails is
//! told to the client.

use anyhow::{Context, Result, bail, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::Request;
use crate::harness::traced::{self, Traced};

cases! {
    Process on Ownbase ("its system calls are known"):
        no_answer_leaves_before_its_sync,
        relaxed_answers_leave_earlier,
        an_erase_is_synced_before_its_answer,
        a_failed_sync_is_told_and_survived;
}

const NOTES: usize = 20;
/// More than any server has threads that sync.
const FAILING_NOTES: usize = 500;

fn no_answer_leaves_before_its_sync(engine: &Engine) -> Result<()> {
    if !traced::is_there() {
        return Ok(());
    }
    let calls = calls_of_posts(engine, &[])?;
    let (answers, early) = early_answers(&calls);
    ensure!(answers == NOTES, "{answers} answers of 201 for {NOTES} notes:\n{}", calls.join("\n"));
    ensure!(early == 0, "{early} answers left before the sync after their write:\n{}", calls.join("\n"));
    Ok(())
}

/// Also shows that the case above sees an answer that is too early.
fn relaxed_answers_leave_earlier(engine: &Engine) -> Result<()> {
    if !traced::is_there() {
        return Ok(());
    }
    let calls = calls_of_posts(engine, &["--durability", "relaxed", "--relaxed-window-ms", "60000"])?;
    let (answers, early) = early_answers(&calls);
    ensure!(answers == NOTES && early > NOTES / 2, "{early} of {answers} answers left early:\n{}", calls.join("\n"));
    Ok(())
}

/// One note after the other, so that each answer belongs to the writes before it.
fn calls_of_posts(engine: &Engine, flags: &[&str]) -> Result<Vec<String>> {
    let home = Home::new(engine)?;
    let traced = Traced::start(engine, &home, flags, &[])?;
    let client = traced.server.site().client();
    for index in 0..NOTES {
        client.make("/traced", &index.to_string())?;
    }
    traced.stop()
}

/// How many answers of 201 there are, and how many of them left while a write to the log was not followed by a whole sync
/// of it, or its name was not synced at all.
fn early_answers(calls: &[String]) -> (usize, usize) {
    let (mut answers, mut early) = (0, 0);
    let (mut is_dirty, mut is_named) = (false, false);
    let mut syncing: Vec<&str> = Vec::new();
    for call in calls {
        // strace pads the thread's number.
        let (thread, rest) = call.trim_start().split_once(' ').unwrap_or_default();
        let rest = rest.trim_start();
        let is_sync = rest.starts_with("fdatasync(") || rest.starts_with("fsync(");
        let is_folder = rest.contains("/users/") && !rest.contains(".db");
        if rest.starts_with("pwrite64(") && rest.contains(".db-wal>") {
            // A sync that had begun before covers nothing of this.
            is_dirty = true;
            syncing.clear();
        } else if is_sync && is_folder {
            is_named = true;
        } else if is_sync && rest.contains(".db-wal>") {
            if rest.contains("unfinished") {
                syncing.push(thread);
            } else {
                is_dirty = false;
            }
        } else if rest.contains("sync resumed>") && syncing.contains(&thread) {
            is_dirty = false;
        } else if rest.contains("HTTP/1.1 201") {
            answers += 1;
            early += usize::from(is_dirty || !is_named);
        }
    }
    (answers, early)
}

fn an_erase_is_synced_before_its_answer(engine: &Engine) -> Result<()> {
    if !traced::is_there() {
        return Ok(());
    }
    let home = Home::new(engine)?;
    let traced = Traced::start(engine, &home, &[], &[])?;
    let client = traced.server.site().client();
    client.make("/erased", "x")?;
    client.delete("/erased")?.must_be(204)?;
    let calls = traced.stop()?;
    let gone = calls.iter().position(|call| call.contains("unlink") && call.contains("erased.db-erased\""));
    let answered = calls.iter().position(|call| call.contains("HTTP/1.1 204"));
    let (Some(gone), Some(answered)) = (gone, answered) else {
        bail!("no unlink or no answer:\n{}", calls.join("\n"));
    };
    let between = calls.get(gone..answered).unwrap_or_default();
    let synced =
        between.iter().any(|call| call.contains("fsync(") && call.contains("/users/") && !call.contains(".db"));
    ensure!(synced, "the folder was not synced between the removal and the answer:\n{}", calls.join("\n"));
    Ok(())
}

fn a_failed_sync_is_told_and_survived(engine: &Engine) -> Result<()> {
    if !traced::is_there() {
        return Ok(());
    }
    let home = Home::new(engine)?;
    // The second of each of the server's threads, as strace counts. So several notes may meet one, one after the other.
    let traced = Traced::start(engine, &home, &[], &["inject=fdatasync:error=EIO:when=2"])?;
    let client = traced.server.site().client();
    let (mut acknowledged, mut refused) = (Vec::new(), Vec::new());
    for index in 0..FAILING_NOTES {
        let answer = client.send(&Request::new("POST", "/failing").text(&index.to_string()))?;
        let notes = if answer.must_be_one_of(&[201, 503])?.status == 201 { &mut acknowledged } else { &mut refused };
        notes.push(index);
        if refused.first().is_some_and(|refused| acknowledged.last() > Some(refused)) {
            break;
        }
    }
    let calls = traced.stop()?;
    ensure!(calls.iter().any(|call| call.contains("INJECTED")), "no sync failed:\n{}", calls.join("\n"));
    let first = refused.first().context("a sync failed and every note was acknowledged")?;
    ensure!(acknowledged.last() > Some(first), "after a sync that failed the user is not served any more");
    let server = engine.start(&home, &[])?;
    let found: Vec<String> = server.site().client().notes("/failing")?.into_iter().map(|note| note.text).collect();
    ensure!(
        acknowledged.iter().all(|index| found.contains(&index.to_string())),
        "acknowledged {acknowledged:?}, found {found:?}"
    );
    server.stop()
}
