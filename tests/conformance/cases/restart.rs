//! The end of a server that is asked to end, and what the next one finds.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::note::note_of;
use crate::harness::request::text_body;
use crate::harness::server::refusal;
use crate::harness::together::together_while;
use crate::harness::wait::wait_for;

cases! {
    Process:
        a_restart_keeps_everything,
        a_request_under_way_is_answered_before_the_end,
        what_was_acknowledged_before_the_end_is_kept,
        a_second_server_on_one_state_directory_is_refused;
}

const USERS: [&str; 3] = ["/one", "/two", "/three%2F%C3%A9"];
const DEADLINE: Duration = Duration::from_secs(20);

fn a_restart_keeps_everything(engine: &Engine) -> Result<()> {
    let home = Home::new()?;
    let mut server = engine.start(&home, &[])?;
    let client = server.site().client();
    for user in USERS {
        let notes = (0..5).map(|index| client.make(user, &format!("{user} {index}"))).collect::<Result<Vec<_>>>()?;
        let [first, second, ..] = notes.as_slice() else { continue };
        client.patch(&format!("{user}/{}", first.id), "changed")?.must_be(200)?;
        client.delete(&format!("{user}/{}", second.id))?.must_be(200)?;
    }
    let before = everything(&client)?;
    for _ in 0..2 {
        server.stop()?;
        only_databases_are_left(&home)?;
        server = engine.start(&home, &[])?;
        let after = everything(&server.site().client())?;
        ensure!(after == before, "after a restart: {after:#?}\nbefore: {before:#?}");
    }
    Ok(())
}

/// Every list, and every note's tag.
fn everything(client: &Client) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for user in USERS {
        seen.push(String::from_utf8(client.get(user)?.must_be(200)?.body)?);
        for note in client.notes(user)? {
            seen.push(client.tag(&format!("{user}/{}", note.id))?);
        }
    }
    Ok(seen)
}

/// No `-wal` and no `-shm`: an idle user is one file, which can be copied as it is.
fn only_databases_are_left(home: &Home) -> Result<()> {
    let paths = home.paths()?;
    let others: Vec<_> =
        paths.iter().filter(|path| path.extension().is_none_or(|extension| extension != "db")).collect();
    ensure!(
        others.is_empty() && !paths.is_empty(),
        "files after the end: {paths:?}, of which not databases: {others:?}"
    );
    Ok(())
}

fn a_request_under_way_is_answered_before_the_end(engine: &Engine) -> Result<()> {
    let home = Home::new()?;
    let server = engine.start(&home, &[])?;
    let site = server.site().clone();
    let body = text_body("begun before the end");
    let (start, rest) = body.split_at(5);
    // One that waits for its next request, one that never sends any, and one in the middle of a body.
    let mut idle = site.connect()?;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")?;
    idle.answer()?.must_be(200)?;
    let _silent = site.connect()?;
    let mut connection = site.connect()?;
    connection.send(format!(
        "POST /late HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ))?;
    // The server asks for the body, so the request is under way.
    connection.unchecked_answer("POST")?.must_be(100)?;
    connection.send(start)?;
    server.terminate()?;
    let refused = || Ok(TcpStream::connect(site.authority()).is_err().then_some(()));
    wait_for("new connections to be refused after SIGTERM", DEADLINE, refused)?;
    connection.send(rest)?;
    let note = note_of(&connection.answer()?.must_be(201)?)?;
    let status = server.ended()?;
    ensure!(status.code() == Some(0), "the server ended with {status}");
    only_databases_are_left(&home)?;
    let server = engine.start(&home, &[])?;
    let found = server.site().client().notes("/late")?;
    ensure!(found == [note], "acknowledged at the end, found later: {found:?}");
    Ok(())
}

fn what_was_acknowledged_before_the_end_is_kept(engine: &Engine) -> Result<()> {
    const WRITERS: usize = 6;
    let home = Home::new()?;
    let server = engine.start(&home, &[])?;
    let site = server.site().clone();
    let acknowledged = AtomicUsize::new(0);
    let write = |index: usize| {
        let (client, user) = (site.client(), format!("/writer-{}", index % 3));
        let mut notes = Vec::new();
        // Until the server is gone.
        while let Ok(note) = client.make(&user, &format!("{index} {}", notes.len())) {
            notes.push((user.clone(), note));
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        Ok(notes)
    };
    let stop_in_the_middle = || {
        let enough = || Ok((acknowledged.load(Ordering::SeqCst) > 100).then_some(()));
        wait_for("100 notes", DEADLINE, enough)?;
        server.stop()
    };
    let written = together_while(WRITERS, write, stop_in_the_middle)?;
    only_databases_are_left(&home)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    for (user, note) in written.into_iter().flatten() {
        let found = note_of(&client.get(&format!("{user}/{}", note.id))?.must_be(200)?)?;
        ensure!(found == note, "acknowledged was {note:?}, found is {found:?}");
    }
    Ok(())
}

fn a_second_server_on_one_state_directory_is_refused(engine: &Engine) -> Result<()> {
    let home = Home::new()?;
    let server = engine.start(&home, &[])?;
    let note = server.site().client().make("/user", "x")?;
    let error = refusal(engine.command(&home, &[])?)?;
    ensure!(error.contains("state") || error.contains("lock"), "the refusal does not say why: {error}");
    let found = server.site().client().notes("/user").context("the first server no longer serves")?;
    ensure!(found == [note], "the first server lists {found:?} after a second was refused");
    server.stop()
}
