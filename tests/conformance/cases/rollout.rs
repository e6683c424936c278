//! `ownbase migrate`: every user's database is brought to the next build's version, and nobody notices.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::files;
use crate::harness::home::Home;
use crate::harness::rollout::{Counts, report};
use crate::harness::server::refusal;
use crate::harness::together::together_while;
use crate::harness::wait::wait_for;

cases! {
    Upgrade on Ownbase ("workerd rolls nothing out"):
        all_are_migrated_and_a_failed_one_stays_as_it_was,
        a_dry_run_changes_nothing_and_finds_the_same_failures,
        what_a_kill_left_is_looked_at_and_not_touched,
        a_statement_has_the_time_that_the_operator_gives,
        a_failing_canary_keeps_the_rest_as_it_was,
        a_failure_stops_the_roll_out_unless_told_otherwise,
        requests_are_served_beside_a_roll_out,
        what_the_served_build_cannot_work_with_is_refused,
        a_server_that_ends_stops_its_roll_out;
}

const VERSIONS: &str = "SELECT version FROM _migrations ORDER BY version";

/// Databases of this build, for users `user-0` and on, and one whose migration fails.
pub(crate) fn users(engine: &Engine, home: &Home, count: usize) -> Result<Vec<String>> {
    let server = engine.start(home, &[])?;
    let client = server.site().client();
    client.make("/first", "one")?;
    client.make("/doubled", "twice")?;
    client.make("/doubled", "twice")?;
    server.stop()?;
    let users: Vec<String> = (0..count).map(|number| format!("{number}")).collect();
    home.multiply("first", &users)?;
    Ok(users)
}

fn counts(migrated: u64, current: u64, versions: &[(u32, u64)]) -> Counts {
    Counts { newest: 2, migrated, current, newer: 0, versions: versions.iter().copied().collect() }
}

fn all_are_migrated_and_a_failed_one_stays_as_it_was(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let users = users(engine, &home, 40)?;
    let garbage = home.path_of("0")?;
    fs::write(&garbage, "no database at all")?;
    let before = home.files()?;
    let told = report(next.migrate(&home, &["--on-error", "continue"])?, 1)?;
    ensure!(told.ended == "complete" && told.counts() == counts(40, 0, &[(1, 1), (2, 40)]), "{told:?}");
    ensure!(told.failed == 2 && told.failed_labels() == ["user-0", "user-doubled"], "{told:?}");
    ensure!(told.why("user-doubled")?.contains("UNIQUE constraint failed: notes.text"), "{told:?}");
    ensure!(told.why("user-0")?.starts_with("SQLITE_"), "{told:?}");
    let after = home.files()?;
    for name in ["user-0.db", "user-doubled.db"] {
        ensure!(before.get(name) == after.get(name), "{name} failed and is not as it was");
    }
    ensure!(before.keys().eq(after.keys()), "other files than before: {:?}", after.keys());
    for user in users.iter().skip(1) {
        let versions: Vec<u32> = home.column(user, VERSIONS)?;
        ensure!(versions == [1, 2], "{user} has the migrations {versions:?}");
    }
    let told = report(next.migrate(&home, &["--on-error", "continue"])?, 1)?;
    ensure!(told.counts() == counts(0, 40, &[(1, 1), (2, 40)]) && told.failed == 2, "once more: {told:?}");
    let told = report(next.migrate(&home, &["--status"])?, 1)?;
    ensure!(told.counts() == counts(0, 40, &[(1, 1), (2, 40)]), "status: {told:?}");
    ensure!(told.why("user-doubled")?.contains("UNIQUE constraint failed: notes.text"), "status: {told:?}");
    // To this build the others are newer.
    let told = report(engine.migrate(&home, &["--on-error", "continue"])?, 1)?;
    ensure!((told.counts().newer, told.counts().current, told.failed) == (40, 1, 1), "the build before: {told:?}");
    let server = next.start(&home, &[])?;
    ensure!(server.site().client().notes("/5")?.len() == 1, "a note was lost");
    server.stop()
}

fn a_dry_run_changes_nothing_and_finds_the_same_failures(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    users(engine, &home, 20)?;
    let everything = || -> Result<BTreeMap<String, Vec<u8>>> {
        let mut all = home.files()?;
        for entry in fs::read_dir(home.state_dir())? {
            all.insert(entry?.path().display().to_string(), Vec::new());
        }
        Ok(all)
    };
    let before = everything()?;
    let told = report(next.migrate(&home, &["--dry-run", "--on-error", "continue"])?, 1)?;
    ensure!(told.counts() == counts(21, 0, &[(1, 22)]) && told.failed_labels() == ["user-doubled"], "{told:?}");
    ensure!(everything()? == before, "a dry run left something behind");
    let server = next.start(&home, &[])?;
    let told = report(next.migrate(&home, &["--dry-run", "--on-error", "continue"])?, 1)?;
    ensure!(told.counts().migrated == 21 && told.failed_labels() == ["user-doubled"], "in a server: {told:?}");
    server.stop()?;
    ensure!(everything()? == before, "a dry run in a server left something behind");
    Ok(())
}

fn what_a_kill_left_is_looked_at_and_not_touched(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    server.site().client().make("/killed", "one")?;
    server.kill();
    let place = |label: &str| files::place_of(engine.name(), &home.state_dir(), label);
    fs::write(place("user-empty")?, "")?;
    rusqlite::Connection::open(place("user-other")?)?.execute_batch("CREATE TABLE notes (text)")?;
    fs::write(place("user-garbage")?.with_file_name("user-bob (copy).db"), "of a file manager")?;
    // Empty ones too.
    let everything = || -> Result<BTreeMap<PathBuf, Vec<u8>>> {
        home.paths()?.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect()
    };
    let before = everything()?;
    let wal = before.iter().find(|(path, _)| path.ends_with("user-killed.db-wal"));
    ensure!(wal.is_some_and(|(_, bytes)| !bytes.is_empty()), "nothing was left in the WAL");
    for (flags, migrated) in [(["--status"].as_slice(), 0), (&["--dry-run", "--on-error", "continue"], 1)] {
        let told = report(next.migrate(&home, flags)?, 1)?;
        ensure!(told.counts() == counts(migrated, 0, &[(1, 1)]), "{flags:?}: {told:?}");
        ensure!(told.failed_labels() == ["user-empty", "user-other"], "{flags:?}: {told:?}");
        ensure!(told.why("user-empty")?.contains("holds no database"), "{flags:?}: {told:?}");
        ensure!(told.why("user-other")?.contains("no _migrations"), "{flags:?}: {told:?}");
        ensure!(everything()? == before, "{flags:?} changed a file");
    }
    let told = report(next.migrate(&home, &["--on-error", "continue"])?, 1)?;
    ensure!(told.counts().migrated == 1 && told.failed == 2, "{told:?}");
    for (path, bytes) in before.iter().filter(|(path, _)| !path.to_string_lossy().contains("user-killed")) {
        ensure!(fs::read(path)? == *bytes, "{} failed and is not as it was", path.display());
    }
    ensure!(home.column::<String>("killed", "SELECT text FROM notes")? == ["one"], "the note is lost");
    Ok(())
}

fn a_statement_has_the_time_that_the_operator_gives(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    // 12 MB to be sorted for the index take longer than a millisecond on any machine.
    for number in 0..200 {
        server.site().client().make("/long", &format!("{}{number}", "x".repeat(60_000)))?;
    }
    server.stop()?;
    for flags in [&["--statement-timeout-ms", "1"][..], &["--statement-timeout-ms", "1", "--dry-run"]] {
        let told = report(next.migrate(&home, flags)?, 1)?;
        ensure!(told.failed_labels() == ["user-long"] && told.why("user-long")?.contains("time"), "{told:?}");
    }
    let told = report(next.migrate(&home, &["--statement-timeout-ms", "60000"])?, 0)?;
    ensure!(told.counts() == counts(1, 0, &[(2, 1)]), "{told:?}");
    Ok(())
}

fn a_failing_canary_keeps_the_rest_as_it_was(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    users(engine, &home, 20)?;
    // Folder by folder: four canaries are among the first seven, or so: others have three more in hand.
    let failing = fs::read(home.path_of("doubled")?)?;
    let mut in_order = home.databases()?;
    in_order.sort();
    for path in in_order.iter().take(10) {
        fs::write(path, &failing)?;
    }
    let before = home.files()?;
    let told = report(next.migrate(&home, &["--canary", "4", "--on-error", "continue", "--jobs", "4"])?, 1)?;
    ensure!(told.ended == "canary-failed" && told.failed == 4, "{told:?}");
    ensure!(home.files()? == before, "a failed roll-out changed a file");
    // Canaries that do well let the rest follow.
    let home = Home::new(engine)?;
    users(engine, &home, 20)?;
    fs::remove_file(home.path_of("doubled")?)?;
    let told = report(next.migrate(&home, &["--canary", "10%", "--jobs", "4"])?, 0)?;
    ensure!(told.ended == "complete" && told.counts() == counts(21, 0, &[(2, 21)]), "{told:?}");
    Ok(())
}

fn a_failure_stops_the_roll_out_unless_told_otherwise(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    users(engine, &home, 0)?;
    let doubled: Vec<String> = (0..9).map(|number| format!("doubled-{number}")).collect();
    home.multiply("doubled", &doubled)?;
    let told = report(next.migrate(&home, &["--jobs", "1"])?, 1)?;
    ensure!(told.ended == "failed" && told.failed == 1, "{told:?}");
    let told = report(next.migrate(&home, &["--on-error", "continue"])?, 1)?;
    ensure!(told.ended == "complete" && told.failed == 10, "{told:?}");
    // What another one does not reach is not forgotten.
    let told = report(next.migrate(&home, &["--jobs", "1"])?, 1)?;
    ensure!(told.ended == "failed" && told.failed == 1, "{told:?}");
    let told = report(next.migrate(&home, &["--status"])?, 1)?;
    ensure!(told.failed == 10 && told.why("user-doubled-4")?.contains("UNIQUE"), "status: {told:?}");
    Ok(())
}

fn requests_are_served_beside_a_roll_out(engine: &Engine, next: &Engine) -> Result<()> {
    const WRITERS: usize = 4;
    let home = Home::new(engine)?;
    let users = users(engine, &home, 300)?;
    let server = next.start(&home, &[])?;
    let over = AtomicBool::new(false);
    let write = |writer: usize| -> Result<Vec<(String, String)>> {
        let (client, mut made) = (server.site().client(), Vec::new());
        // To the end of the roll-out, and once to each user at least.
        for round in 0.. {
            for user in users.iter().skip(writer).step_by(WRITERS) {
                let text = format!("{writer} {round}");
                client.make(&format!("/{user}"), &text)?;
                made.push((user.clone(), text));
            }
            if over.load(Ordering::SeqCst) {
                break;
            }
        }
        Ok(made)
    };
    let roll_out = || {
        let told = next.migrate(&home, &["--on-error", "continue"]).and_then(|command| report(command, 1));
        over.store(true, Ordering::SeqCst);
        let told = told?;
        let reached = told.counts().migrated + told.counts().current;
        ensure!(told.ended == "complete" && reached == 301, "{told:?}");
        ensure!(told.failed_labels() == ["user-doubled"], "{told:?}");
        Ok(())
    };
    let made = together_while(WRITERS, write, roll_out)?.concat();
    for user in &users {
        let notes = server.site().client().notes(&format!("/{user}"))?;
        let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
        let expected = std::iter::once("one").chain(made.iter().filter(|(to, _)| to == user).map(|(_, text)| &**text));
        ensure!(texts == expected.collect::<Vec<_>>(), "{user} has {texts:?}");
    }
    let told = report(next.migrate(&home, &["--status"])?, 1)?;
    ensure!(told.counts() == counts(0, 301, &[(1, 1), (2, 301)]), "status: {told:?}");
    server.stop()?;
    ensure!(!home.state_dir().join("control.sock").exists(), "the control socket stays after the server");
    Ok(())
}

fn what_the_served_build_cannot_work_with_is_refused(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    users(engine, &home, 20)?;
    let before = home.files()?;
    let server = engine.start(&home, &[])?;
    let error = refusal(next.migrate(&home, &[])?)?;
    ensure!(
        error.contains("the server refused: [component.notes] migration 2 needs builds with migration 2"),
        "{error}"
    );
    let edited = engine.with_edited_component(&home, "\"checksum\":\"5", "\"checksum\":\"6")?;
    let error = refusal(edited.migrate(&home, &[])?)?;
    ensure!(error.contains("the server's build has another migration 1"), "{error}");
    server.stop()?;
    ensure!(home.files()? == before, "what was refused changed a file");
    // The next build's migration, said to be one that the build before can work with.
    let server = engine.start(&home, &[])?;
    let edited = next.with_edited_component(&home, "\"compatible_with\":2", "\"compatible_with\":1")?;
    let told = report(edited.migrate(&home, &["--on-error", "continue"])?, 1)?;
    ensure!(told.counts().migrated == 21, "{told:?}");
    ensure!(server.site().client().notes("/3")?.len() == 1, "the build before does not serve what was migrated");
    server.site().client().make("/3", "two")?;
    server.stop()?;
    // And a server of a newer build is told nothing by an older one.
    let server = next.start(&home, &[])?;
    let error = refusal(engine.migrate(&home, &[])?)?;
    ensure!(error.contains("the server's build is newer: it has migration 2"), "{error}");
    server.stop()
}

fn a_server_that_ends_stops_its_roll_out(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    // Many more than are done before the signal comes.
    users(engine, &home, 2000)?;
    let server = next.start(&home, &[])?;
    let mut rolling = next.migrate(&home, &["--jobs", "1", "--on-error", "continue", "--json"])?;
    let rolling = rolling.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()?;
    let log = home.log();
    wait_for("the roll-out to begin", Duration::from_secs(20), || {
        Ok(fs::read_to_string(&log)?.contains("a roll-out begins").then_some(()))
    })?;
    server.stop()?;
    let output = rolling.wait_with_output()?;
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    ensure!(told.get("ended").and_then(|ended| ended.as_str()) == Some("stopped"), "{told}");
    let told = report(next.migrate(&home, &["--on-error", "continue"])?, 1)?;
    ensure!(told.counts().migrated + told.counts().current == 2001 && told.failed == 1, "{told:?}");
    ensure!(told.counts().migrated > 0, "nothing was left to be done: {told:?}");
    Ok(())
}
