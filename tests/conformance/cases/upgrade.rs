//! The next build of the application, with one more migration, over the databases of this one.

use anyhow::{Context, Result, ensure};

use crate::cases::service::newest_migration;
use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::note::Note;
use crate::harness::together::together;

cases! {
    Upgrade:
        the_next_build_migrates_on_first_access_and_keeps_all,
        a_raced_upgrade_migrates_once,
        a_failing_migration_changes_nothing;
}

const NEXT: &str = "tests/conformance/migrations-next";
const VERSIONS: &str = "SELECT version FROM _migrations ORDER BY version";
const COLUMNS: &str = "SELECT name FROM pragma_table_info('notes')";

/// Makes notes with this build, as a user of each name.
fn make(engine: &Engine, home: &Home, users: &[&str], texts: &[&str]) -> Result<Vec<Vec<Note>>> {
    let server = engine.start(home, &[])?;
    let client = server.site().client();
    let make = |user| texts.iter().map(|text| client.make(&format!("/{user}"), text)).collect();
    let made = users.iter().map(make).collect::<Result<_>>()?;
    server.stop()?;
    Ok(made)
}

fn the_next_build_migrates_on_first_access_and_keeps_all(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let users = ["read", "listed", "written", "untouched"];
    let made = make(engine, &home, &users, &["one", "two", "three"])?;
    let first = |index: usize| made.get(index).and_then(|notes| notes.first()).context("no note");
    let server = next.start(&home, &[])?;
    let client = server.site().client();
    client.get(&format!("/read/{}", first(0)?.id))?.must_be(200)?;
    let listed = client.notes("/listed")?;
    ensure!(Some(&listed) == made.get(1), "the next build lists {listed:?}, made were {:?}", made.get(1));
    client.patch(&format!("/written/{}", first(2)?.id), "changed")?.must_be(200)?;
    let four = client.make("/written", "four")?;
    ensure!(client.notes("/written")?.last() == Some(&four), "the next build does not keep a new note");
    client.make("/new", "one")?;
    server.stop()?;
    let (newest, before): (Vec<u32>, Vec<u32>) =
        ((1..=newest_migration(NEXT)?).collect(), (1..=newest_migration("migrations")?).collect());
    for user in ["read", "listed", "written", "new"] {
        let versions: Vec<u32> = home.column(user, VERSIONS)?;
        ensure!(versions == newest, "after its first access {user} has the migrations {versions:?}");
        let columns: Vec<String> = home.column(user, COLUMNS)?;
        ensure!(columns.iter().any(|column| column == "pinned"), "{user} lacks the new column: {columns:?}");
    }
    let versions: Vec<u32> = home.column("untouched", VERSIONS)?;
    ensure!(versions == before, "nobody asked for untouched, and it has the migrations {versions:?}");
    // This build and the next stand beside one another: who was not migrated is still served here.
    let server = engine.start(&home, &[])?;
    let listed = server.site().client().notes("/untouched")?;
    ensure!(Some(&listed) == made.get(3), "this build lists {listed:?} for untouched");
    Ok(())
}

fn a_raced_upgrade_migrates_once(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let users = ["a", "b", "c", "d"];
    let made = make(engine, &home, &users, &["one", "two"])?;
    let server = next.start(&home, &[])?;
    for (user, made) in users.iter().zip(&made) {
        let clients: Vec<_> = (0..16).map(|_| server.site().client()).collect();
        for client in &clients {
            client.get("/")?.must_be(200)?;
        }
        together(clients.len(), |index| {
            let client = clients.get(index).context("no such client")?;
            if index % 2 == 0 {
                let listed = client.notes(&format!("/{user}"))?;
                ensure!(listed.starts_with(made), "during its migration {user} has {listed:?}, made were {made:?}");
            } else {
                client.make(&format!("/{user}"), &format!("more {index}"))?;
            }
            Ok(())
        })?;
        let count = server.site().client().notes(&format!("/{user}"))?.len();
        ensure!(count == made.len() + 8, "{user} has {count} notes after its migration, not {}", made.len() + 8);
    }
    server.stop()?;
    for user in users {
        let versions: Vec<u32> = home.column(user, VERSIONS)?;
        ensure!(
            versions == (1..=newest_migration(NEXT)?).collect::<Vec<_>>(),
            "{user} has the migrations {versions:?}"
        );
    }
    Ok(())
}

pub(crate) fn a_failing_migration_changes_nothing(engine: &Engine, next: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    // Equal texts, which the next build's unique index refuses.
    let made = make(engine, &home, &["doubled"], &["twice", "twice"])?.concat();
    let note = format!("/doubled/{}", made.first().context("no note")?.id);
    let server = next.start(&home, &[])?;
    let client = server.site().client();
    for _ in 0..2 {
        client.get("/doubled")?.must_be(503)?;
        client.get(&note)?.must_be(503)?;
        client.post("/doubled", "x")?.must_be(503)?;
        client.patch(&note, "x")?.must_be(503)?;
        client.delete(&note)?.must_be(503)?;
    }
    // Others go on.
    client.make("/other", "x")?;
    server.stop()?;
    let versions: Vec<u32> = home.column("doubled", VERSIONS)?;
    let before: Vec<u32> = (1..=newest_migration("migrations")?).collect();
    ensure!(versions == before, "a migration failed, and doubled has the migrations {versions:?}");
    let columns: Vec<String> = home.column("doubled", COLUMNS)?;
    ensure!(!columns.iter().any(|column| column == "pinned"), "a migration failed and left its column: {columns:?}");
    let server = engine.start(&home, &[])?;
    let listed = server.site().client().notes("/doubled")?;
    ensure!(listed == made, "after a failed migration this build lists {listed:?}, made were {made:?}");
    server.site().client().make("/doubled", "more")?;
    Ok(())
}
