//! The files on disk: one for each user, under the name that is theirs, with nothing in it of anybody else.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::colliding::colliding_ids;
use crate::harness::engine::Engine;
use crate::harness::home::{Home, column, holds};
use crate::harness::site::path_of;

cases! {
    Process: two_users_are_two_files, each_user_has_a_file_of_their_own_in_its_place;
    Process on Ownbase ("elsewhere a label is no file's name"): file_names_differ_on_every_file_system;
}

fn two_users_are_two_files(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let users = ["ann", "bob"];
    let text = |user: &str| format!("only {user} writes this");
    let server = engine.start(&home, &[])?;
    for user in users {
        server.site().client().make(&format!("/{user}"), &text(user))?;
    }
    server.stop()?;
    let files = home.files()?;
    for user in users {
        // Its log is its own too.
        let name = home.name_of(user)?;
        for (found, bytes) in &files {
            let other = !found.starts_with(&name);
            ensure!(!(other && holds(bytes, &text(user))), "{found} holds a note of {user}, whose file is {name}");
        }
        let own = files.iter().any(|(found, bytes)| found.starts_with(&name) && holds(bytes, &text(user)));
        ensure!(own, "the note of {user} is not in {name}, files are {:?}", files.keys());
    }
    ensure!(home.databases()?.len() == users.len(), "two users have {:?}", home.databases()?);
    Ok(())
}

/// Users whose labels api.md's rule gives.
const LABELS: &[(&str, &str)] = &[
    ("john", "user-john"),
    ("JOHN", "user-~4a~4f~48~4e"),
    ("Zoë", "user-~5ao~c3~ab"),
    ("../john", "user-~2e~2e~2fjohn"),
    ("~", "user-~7e"),
];

/// Ids that fall together, or fall out of their folder, where a file system has rules of its own.
fn ids_for_files() -> Vec<String> {
    let mut ids = colliding_ids("john");
    ids.extend(["...", "con", "nul", "CON", "Zoë", "~", "-", "_", "/", "%", "*", "user-", "~7e"].map(str::to_owned));
    ids
}

fn each_user_has_a_file_of_their_own_in_its_place(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    let around: BTreeSet<_> =
        std::fs::read_dir(home.path())?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    let ids = ids_for_files();
    for id in &ids {
        client.make(&path_of(id), id)?;
    }
    server.stop()?;
    let after: BTreeSet<_> =
        std::fs::read_dir(home.path())?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    ensure!(after == around, "files beside the state directory: {after:?}, before {around:?}");
    let databases = home.databases()?;
    ensure!(databases.len() == ids.len(), "{} users have {} databases", ids.len(), databases.len());
    for (id, label) in LABELS {
        let texts: Vec<String> = column(&home.path_of_label(label)?, "SELECT text FROM notes")?;
        ensure!(texts == [*id], "the file of {label} holds {texts:?}");
    }
    for path in databases {
        let texts: Vec<String> = column(&path, "SELECT text FROM notes")?;
        ensure!(texts.len() == 1, "{} holds the notes of {texts:?}", path.display());
    }
    Ok(())
}

fn file_names_differ_on_every_file_system(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let ids = ids_for_files();
    for id in &ids {
        server.site().client().make(&path_of(id), id)?;
    }
    server.stop()?;
    let paths = home.paths()?;
    let names: Vec<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    let distinct: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    ensure!(distinct.len() == ids.len(), "{} users have {} files, case aside", ids.len(), distinct.len());
    for name in &names {
        let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-~".contains(&byte);
        let label = name.strip_suffix(".db").with_context(|| format!("{name} is no database's file"))?;
        ensure!(label.starts_with("user-") && label.len() <= 200 && label.bytes().all(safe), "a file is named {name}");
    }
    Ok(())
}
