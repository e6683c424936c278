//! `DELETE /:userId` against everything else at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::engine::Engine;
use crate::harness::home::{Home, holds};
use crate::harness::note::{Note, note_of};
use crate::harness::site::{Site, fresh_path};
use crate::harness::together::together;
use crate::harness::wait::wait_for;

cases! {
    Http: writers_and_erasers_all_get_valid_answers;
    Process: an_erased_user_leaves_nothing;
    Process on Ownbase ("how many are open is a flag of its"):
        erasers_and_writers_of_more_users_than_may_be_open_get_valid_answers;
}

const ERASERS: usize = 4;
const WRITERS: usize = 12;
const ERASES: usize = 15;
const DEADLINE: Duration = Duration::from_secs(60);
const SECRET: &str = "a text that stands nowhere else";
/// What each writer writes before the last erase, at most: none may keep the erasers waiting for ever.
const EARLY_NOTES: usize = 100;
/// What each writer writes after the last erase.
const LATE_NOTES: usize = 4;

fn writers_and_erasers_all_get_valid_answers(site: &Site) -> Result<()> {
    let user = fresh_path("erase-race");
    writers_against_erasers(site, &user)?;
    erase_at_last(&site.client(), &user)
}

fn an_erased_user_leaves_nothing(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    for round in 0..3 {
        let user = format!("/erased-{round}");
        writers_against_erasers(server.site(), &user)?;
        erase_at_last(&server.site().client(), &user)?;
        let made = home.made()?;
        ensure!(made.is_empty(), "after the last erase of {user} there is {made:?}");
    }
    server.site().client().make("/secret", SECRET)?;
    server.site().client().delete("/secret")?.must_be(204)?;
    server.stop()?;
    let made = home.made()?;
    ensure!(made.is_empty(), "the end of the server left {made:?}");
    for (name, bytes) in home.files()? {
        ensure!(!holds(&bytes, SECRET), "{name} still holds an erased note");
    }
    Ok(())
}

/// Each database is closed, opened and removed while others wait for the room that it takes.
fn erasers_and_writers_of_more_users_than_may_be_open_get_valid_answers(engine: &Engine) -> Result<()> {
    const USERS: usize = 4;
    let home = Home::new(engine)?;
    // Patient, so that a slow disk makes no refusals of it.
    let server = engine.start(&home, &["--max-open-databases", "2", "--busy-timeout-ms", "20000"])?;
    together(USERS, |user| writers_against_erasers(server.site(), &format!("/user-{user}")))?;
    for user in 0..USERS {
        erase_at_last(&server.site().client(), &format!("/user-{user}"))?;
    }
    server.stop()?;
    let made = home.made()?;
    ensure!(made.is_empty(), "the last erase of {USERS} users left {made:?}");
    Ok(())
}

fn erase_at_last(client: &Client, user: &str) -> Result<()> {
    client.delete(user)?.must_be(204)?;
    let left = client.notes(user)?;
    ensure!(left.is_empty(), "after the last erase {user} has {left:?}");
    Ok(())
}

/// Writers write until the last erase was answered, and then a few notes more, which must all be there at the end.
fn writers_against_erasers(site: &Site, user: &str) -> Result<()> {
    let erasing = AtomicUsize::new(ERASERS);
    let written = together(ERASERS + WRITERS, |index| {
        let client = site.client();
        if index < ERASERS {
            let erased = erase_again_and_again(&client, user);
            erasing.fetch_sub(1, Ordering::SeqCst);
            return erased.map(|()| (Vec::new(), Vec::new()));
        }
        let (mut early, mut late) = (Vec::new(), Vec::new());
        while late.len() < LATE_NOTES {
            if early.len() == EARLY_NOTES {
                let ended = || Ok((erasing.load(Ordering::SeqCst) == 0).then_some(()));
                wait_for("the last erase", DEADLINE, ended)?;
            }
            // Asked before the request is sent: a note begun after the last erase cannot have been erased.
            let is_late = erasing.load(Ordering::SeqCst) == 0;
            let note = write(&client, user, &format!("{index} {}", early.len() + late.len()))?;
            if is_late { &mut late } else { &mut early }.push(note);
        }
        Ok((early, late))
    })?;
    let found = site.client().notes(user)?;
    for note in written.iter().flat_map(|(_, late)| late) {
        ensure!(found.contains(note), "{note:?} was made after the last erase and is not in {found:?}");
    }
    for note in &found {
        let known = written.iter().any(|(early, late)| early.contains(note) || late.contains(note));
        ensure!(known, "{user} has {note:?}, which nobody was told of");
    }
    Ok(())
}

fn erase_again_and_again(client: &Client, user: &str) -> Result<()> {
    for _ in 0..ERASES {
        client.delete(user)?.must_be(204)?;
        client.page(user)?;
    }
    Ok(())
}

/// Makes a note and changes it; what it is then, as far as this client was told.
fn write(client: &Client, user: &str, text: &str) -> Result<Note> {
    let note = note_of(&post(client, user, text)?)?;
    let path = format!("{user}/{}", note.id);
    let changed = client.patch(&path, &format!("{text} changed"))?.must_be_one_of(&[200, 404])?;
    client.get(&path)?.must_be_one_of(&[200, 404])?;
    if changed.status == 200 { note_of(&changed) } else { Ok(note) }
}

/// A POST whose database is erased at every attempt is busy, and is to be sent again.
fn post(client: &Client, user: &str, text: &str) -> Result<Answer> {
    for _ in 0..100 {
        let answer = client.post(user, text)?.must_be_one_of(&[201, 503])?;
        if answer.status == 201 {
            return Ok(answer);
        }
        answer.required("retry-after")?;
    }
    bail!("100 POSTs to {user} in a row were answered 503")
}
