//! The first access of a user, by many clients at once: one database, migrated once, and every note in it.

use anyhow::{Context, Result, ensure};

use crate::cases::service::newest_migration;
use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_user, path_of};
use crate::harness::together::together;

cases! {
    Http: raced_first_posts_all_keep_their_note;
    Process: raced_first_access_migrates_once;
}

const CLIENTS: usize = 32;

/// 32 first requests at once, most of them POSTs; returns the texts of those.
fn race(site: &Site, user: &str, posts: impl Fn(usize) -> bool + Sync) -> Result<Vec<String>> {
    let clients: Vec<Client> = (0..CLIENTS).map(|_| site.client()).collect();
    // Connected before the race, so that all requests arrive at the same time.
    for client in &clients {
        client.get("/")?.must_be(200)?;
    }
    let texts = together(CLIENTS, |index| {
        let client = clients.get(index).context("no such client")?;
        let (path, text) = (path_of(user), format!("{user} {index}"));
        if posts(index) {
            ensure!(client.make(&path, &text)?.text == text, "{path} answers another text than {text:?}");
            return Ok(Some(text));
        }
        let missing = format!("{path}/note_aaaaaaaaaaaaaaaa");
        match index % 4 {
            0 => client.get(&path)?.must_be(200)?,
            1 => client.send(&Request::new("HEAD", &path))?.must_be(200)?,
            2 => client.delete(&missing)?.must_be(404)?,
            _ => client.patch(&missing, "x")?.must_be(404)?,
        };
        Ok(None)
    })?;
    Ok(texts.into_iter().flatten().collect())
}

fn all_are_there(site: &Site, user: &str, mut texts: Vec<String>) -> Result<()> {
    let mut found: Vec<String> = site.client().notes(&path_of(user))?.into_iter().map(|note| note.text).collect();
    found.sort();
    texts.sort();
    ensure!(found == texts, "after a raced first access {user} has {found:?}, acknowledged were {texts:?}");
    Ok(())
}

fn raced_first_posts_all_keep_their_note(site: &Site) -> Result<()> {
    for _ in 0..5 {
        let user = fresh_user("race");
        let texts = race(site, &user, |_| true)?;
        ensure!(texts.len() == CLIENTS, "{} of {CLIENTS} notes were made", texts.len());
        all_are_there(site, &user, texts)?;
    }
    Ok(())
}

fn raced_first_access_migrates_once(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let users: Vec<String> = (0..8).map(|index| format!("first-{index}")).collect();
    let server = engine.start(&home, &[])?;
    let mut texts = Vec::new();
    for user in &users {
        texts.push(race(server.site(), user, |index| index % 3 != 0)?);
    }
    server.stop()?;
    let newest = newest_migration("migrations")?;
    for user in &users {
        let applied: Vec<u32> = home.column(user, "SELECT version FROM _migrations ORDER BY rowid")?;
        ensure!(applied == (1..=newest).collect::<Vec<_>>(), "{user} has the migrations {applied:?}");
    }
    // Raced again, with nothing remembered and the files there.
    let server = engine.start(&home, &[])?;
    for (user, mut texts) in users.iter().zip(texts) {
        texts.extend(race(server.site(), user, |index| index % 3 != 0)?);
        all_are_there(server.site(), user, texts)?;
    }
    server.stop()
}
