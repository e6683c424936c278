//! Databases that this build cannot work with: it answers 503, says why, and leaves them byte for byte as they are.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::cases::service::newest_migration;
use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::Request;

cases! {
    Process:
        a_database_from_the_future_is_refused_untouched,
        a_later_migration_that_this_build_can_work_with_is_served,
        a_database_of_a_changed_migration_is_refused_untouched;
    Upgrade: a_database_of_the_next_build_is_refused_untouched;
}

/// What a later migration leaves in a database.
const LATER: &str = "INSERT INTO _migrations (version, name, checksum, compatible_with, applied)
    SELECT ?1, 'later', checksum, ?2, applied FROM _migrations WHERE version = 1";

/// A user with one note, made by `engine`; the path of the note.
fn make(engine: &Engine, home: &Home, user: &str) -> Result<String> {
    let server = engine.start(home, &[])?;
    let note = server.site().client().make(&format!("/{user}"), "kept")?;
    server.stop()?;
    Ok(format!("/{user}/{}", note.id))
}

/// Every request on the user answers 503 and names what `says` asks for; the files are the same before and after.
fn refused_untouched(engine: &Engine, home: &Home, note: &str, says: &[&str]) -> Result<()> {
    let user = note.rsplit_once('/').context("no note's path")?.0;
    let files = || -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = home.files()?;
        let other = home.name_of("other")?;
        files.retain(|name, _| !name.starts_with(&other));
        Ok(files)
    };
    let before = files()?;
    let server = engine.start(home, &[])?;
    let client = server.site().client();
    for _ in 0..2 {
        for request in [
            Request::new("GET", user),
            Request::new("HEAD", user),
            Request::new("GET", &format!("{user}?limit=1")),
            Request::new("POST", user).text("x"),
            Request::new("GET", note),
            Request::new("PATCH", note).text("x"),
            Request::new("DELETE", note),
            Request::new("DELETE", user),
        ] {
            let answer = client.send(&request)?.must_be(503)?;
            if !answer.to_head {
                names(&answer, says)?;
            }
        }
    }
    others_are_served(&client)?;
    server.stop()?;
    let after = files()?;
    let changed: Vec<&String> =
        before.iter().filter(|(name, bytes)| after.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    ensure!(after == before, "refused and not left as they were: {changed:?}; files {:?}", after.keys());
    Ok(())
}

fn names(answer: &Answer, says: &[&str]) -> Result<()> {
    let detail = answer.detail()?;
    for part in says {
        ensure!(detail.contains(part), answer.wrong(format_args!("a detail that names {part}")));
    }
    Ok(())
}

fn others_are_served(client: &Client) -> Result<()> {
    client.make("/other", "x")?;
    client.delete("/other")?.must_be(204)?;
    client.make("/other", "x")?;
    Ok(())
}

fn a_database_from_the_future_is_refused_untouched(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let note = make(engine, &home, "future")?;
    home.open("future")?.execute(LATER, (987, 987))?;
    let newest = newest_migration("migrations")?.to_string();
    refused_untouched(engine, &home, &note, &["987", &newest])?;
    // It is the compatible_with that counts, and the highest of them.
    home.open("future")?.execute(LATER, (988, 1))?;
    refused_untouched(engine, &home, &note, &["987", &newest])
}

fn a_later_migration_that_this_build_can_work_with_is_served(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let note = make(engine, &home, "compatible")?;
    let newest = newest_migration("migrations")?;
    home.open("compatible")?.execute(LATER, (newest + 1, newest))?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    client.get(&note)?.must_be(200)?;
    client.patch(&note, "changed")?.must_be(200)?;
    client.make("/compatible", "x")?;
    server.stop()?;
    let versions: Vec<u32> = home.column("compatible", "SELECT version FROM _migrations ORDER BY version")?;
    ensure!(versions == (1..=newest + 1).collect::<Vec<_>>(), "the later migration is forgotten: {versions:?}");
    Ok(())
}

fn a_database_of_a_changed_migration_is_refused_untouched(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let note = make(engine, &home, "changed")?;
    let ours: Vec<String> = home.column("changed", "SELECT checksum FROM _migrations WHERE version = 1")?;
    let edited = "0123456789abcdef".repeat(4);
    home.open("changed")?.execute("UPDATE _migrations SET checksum = ?1 WHERE version = 1", [&edited])?;
    let [ours] = ours.as_slice() else { bail!("no checksum of migration 1: {ours:?}") };
    refused_untouched(engine, &home, &note, &[&edited, ours])
}

fn a_database_of_the_next_build_is_refused_untouched(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let note = make(next, &home, "ahead")?;
    let (ours, theirs) = (newest_migration("migrations")?, newest_migration("tests/conformance/migrations-next")?);
    refused_untouched(engine, &home, &note, &[&ours.to_string(), &theirs.to_string()])?;
    let server = next.start(&home, &[])?;
    server.site().client().get(&note)?.must_be(200)?;
    Ok(())
}
