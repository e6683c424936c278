//! Damage, and work that a kill cut short: nothing that holds something is removed, its user is told, all others go on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::engine::Engine;
use crate::harness::home::{Home, holds};
use crate::harness::request::Request;
use crate::harness::server::refusal;

cases! {
    Process on Ownbase ("what becomes of a damaged file is its host's affair"):
        a_damaged_log_is_set_aside_and_its_user_is_told,
        a_file_that_cannot_be_read_can_be_erased,
        an_erase_that_was_cut_short_is_finished,
        a_state_directory_of_an_earlier_build_is_served,
        a_state_directory_of_a_newer_build_is_refused;
}

/// Made by the build before state directories had a format number, and killed: logs beside two of three databases.
const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/state-format-1");

pub(crate) fn a_damaged_log_is_set_aside_and_its_user_is_told(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    let kept = (0..5).map(|index| client.make("/damaged", &index.to_string())).collect::<Result<Vec<_>>>()?;
    client.make("/sound", "x")?;
    server.kill();
    let log = log_of(&home, "damaged")?;
    let place = log.parent().context("no folder")?.to_owned();
    flip(&log)?;

    for _ in 0..2 {
        let server = engine.start(&home, &[])?;
        let client = server.site().client();
        refuses(&client)?;
        ensure!(client.notes("/sound")?.len() == 1, "a sound user lost notes beside a damaged one");
        client.make("/another", "x")?;
        server.stop()?;
    }
    let written = fs::read_to_string(home.log())?;
    ensure!(written.contains("ERROR") && written.contains("user-damaged"), "the log says nothing of it: {written}");

    // Somebody acts: the files are mended and put back, under a server that runs.
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    refuses(&client)?;
    let folder = quarantined(&home)?;
    flip(&folder.join("user-damaged.db-wal"))?;
    for file in ["user-damaged.db-wal", "user-damaged.db"] {
        fs::rename(folder.join(file), place.join(file))?;
    }
    let found = client.notes("/damaged")?;
    ensure!(found == kept, "of the files that were put back: {found:?}");
    server.kill();

    // Or the user is erased, with what was set aside.
    let server = engine.start(&home, &[])?;
    server.site().client().make("/damaged", "more")?;
    server.kill();
    flip(&log_of(&home, "damaged")?)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    refuses(&client)?;
    client.delete("/damaged")?.must_be(204)?;
    ensure!(client.notes("/damaged")?.is_empty(), "notes after an erase");
    client.make("/damaged", "anew")?;
    server.stop()
}

fn refuses(client: &Client) -> Result<()> {
    for request in [Request::new("GET", "/damaged"), Request::new("POST", "/damaged").text("x")] {
        let answer = client.send(&request)?.must_be(500)?;
        ensure!(answer.detail()?.contains("damaged"), answer.wrong("a problem that says that the database is damaged"));
    }
    Ok(())
}

pub(crate) fn a_file_that_cannot_be_read_can_be_erased(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    server.site().client().make("/unreadable", "x")?;
    server.stop()?;
    let file = home.path_of("unreadable")?;
    let content = b"no database ".repeat(500);
    fs::write(&file, &content)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    for request in [Request::new("GET", "/unreadable"), Request::new("POST", "/unreadable").text("x")] {
        let answer = client.send(&request)?.must_be(500)?;
        ensure!(answer.detail()?.contains("damaged"), answer.wrong("a problem that says that the database is damaged"));
    }
    ensure!(fs::read(&file)? == content, "what could not be read was changed");
    client.delete("/unreadable")?.must_be(204)?;
    client.make("/unreadable", "anew")?;
    server.stop()
}

pub(crate) fn an_erase_that_was_cut_short_is_finished(engine: &Engine) -> Result<()> {
    const SECRET: &str = "nobody is to find this again";
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    client.make("/erased", SECRET)?;
    let kept = client.make("/kept", "x")?;
    server.kill();
    ensure!(anywhere(&home.state_dir(), SECRET)?, "the text is not where it is looked for");
    let database = home.path_of("erased")?;
    fs::rename(&database, database.with_extension("db-erased"))?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    ensure!(!anywhere(&home.state_dir(), SECRET)?, "the text of an erased user is on disk after a start");
    ensure!(client.notes("/erased")?.is_empty() && client.notes("/kept")? == [kept], "after the erase");
    server.stop()
}

fn a_state_directory_of_an_earlier_build_is_served(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    copy(Path::new(FORMAT_1), &home.state_dir())?;
    let long = "L".repeat(100);
    for start in 0..2 {
        let server = engine.start(&home, &[])?;
        let client = server.site().client();
        for (user, notes) in [("john", 4), ("Ann", 3), (&long, 4)] {
            let user = format!("/{user}");
            let found = client.notes(&user)?;
            ensure!(found.len() == notes + start, "{user} has {found:?}");
            client.make(&user, "more")?;
        }
        server.stop()?;
        let written = fs::read_to_string(home.log())?;
        ensure!(written.matches("from format 1 to format 2").count() == 1, "what the log says: {written}");
    }
    Ok(())
}

fn a_state_directory_of_a_newer_build_is_refused(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    engine.start(&home, &[])?.stop()?;
    fs::write(home.state_dir().join("format"), "999\n")?;
    let error = refusal(engine.command(&home, &[])?)?;
    ensure!(error.contains("format 999"), "{error}");
    Ok(())
}

fn log_of(home: &Home, user: &str) -> Result<PathBuf> {
    let log = home.path_of(user)?.with_extension("db-wal");
    ensure!(fs::metadata(&log)?.len() > 32, "{} holds nothing", log.display());
    Ok(log)
}

/// Flips one bit in the header of a log.
fn flip(log: &Path) -> Result<()> {
    let mut bytes = fs::read(log)?;
    *bytes.get_mut(17).context("short")? ^= 4;
    Ok(fs::write(log, bytes)?)
}

/// The one folder in quarantine.
fn quarantined(home: &Home) -> Result<PathBuf> {
    let folders = fs::read_dir(home.state_dir().join("quarantine"))?;
    let folders = folders.map(|folder| Ok(folder?.path())).collect::<Result<Vec<_>>>()?;
    let [folder] = folders.as_slice() else { anyhow::bail!("in quarantine: {folders:?}") };
    Ok(folder.clone())
}

/// Whether a text stands in any file below a folder.
fn anywhere(folder: &Path, text: &str) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && anywhere(&path, text)? || path.is_file() && holds(&fs::read(&path)?, text) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
