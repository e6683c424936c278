//! More users than databases may be open.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::server::Server;
use crate::harness::together::together;
use crate::harness::wait::wait_for;

cases! {
    Process on Ownbase ("how many are open is a flag of its"): many_users_share_few_open_databases;
}

const USERS: usize = 200;
const CLIENTS: usize = 8;
const OPEN: usize = 8;

fn many_users_share_few_open_databases(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &["--max-open-databases", &OPEN.to_string()])?;
    let site = server.site();
    // Round after round over all users, so that each is closed and opened again between two of its requests.
    let made = together(CLIENTS, |client| {
        let http = site.client();
        let mut made = vec![Vec::new(); USERS];
        for round in 0..2 {
            for (user, notes) in made.iter_mut().enumerate().skip(client).step_by(CLIENTS) {
                let path = format!("/user-{user}");
                notes.push(http.make(&path, &format!("{user} {round}"))?);
                let found = http.notes(&path)?;
                ensure!(found == *notes, "{path} lists {found:?}, made were {notes:?}");
            }
        }
        Ok(made)
    })?;
    together(CLIENTS, |client| {
        let http = site.client();
        // Other clients than those that wrote.
        let made = made.get((client + 1) % CLIENTS).context("no such client")?;
        for (user, notes) in made.iter().enumerate().filter(|(_, notes)| !notes.is_empty()) {
            let found = http.notes(&format!("/user-{user}"))?;
            ensure!(found == *notes, "/user-{user} lists {found:?}, made were {notes:?}");
        }
        Ok(())
    })?;
    few_are_open(&server)?;
    server.stop()?;
    ensure!(home.paths()?.len() == USERS, "{} files for {USERS} users", home.paths()?.len());
    Ok(())
}

/// Linux tells which files a process has open; elsewhere nothing is checked.
fn few_are_open(server: &Server) -> Result<()> {
    let Ok(folder) = std::fs::canonicalize(format!("/proc/{}/fd", server.id())) else { return Ok(()) };
    wait_for("few databases to be open", Duration::from_secs(10), || {
        let mut open = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(&folder)? {
            // A file that was closed meanwhile has no target any more.
            let target = entry.and_then(|entry| std::fs::read_link(entry.path())).unwrap_or_default();
            if target.extension().is_some_and(|extension| extension == "db") {
                open.insert(target);
            }
        }
        Ok((open.len() <= OPEN).then_some(()))
    })
}
