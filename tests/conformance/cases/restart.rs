//! The end of a server that is asked to end, and what the next one finds.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::note::{Note, note_of};
use crate::harness::raw::Connection;
use crate::harness::request::text_body;
use crate::harness::server::{Server, refusal};
use crate::harness::together::together_while;
use crate::harness::wait::wait_for;

cases! {
    Process:
        a_restart_keeps_everything,
        a_request_under_way_is_answered_before_the_end,
        what_was_acknowledged_before_the_end_is_kept;
    Process on Ownbase ("workerd lets new connections wait until it has ended"):
        new_connections_are_refused_once_the_end_has_begun;
    Process on Ownbase ("workerd leaves SQLite's logs to its next start"):
        an_idle_user_is_one_file;
    Process on Ownbase ("workerd holds its folder against nobody"):
        a_second_server_on_one_state_directory_is_refused;
}

const USERS: [&str; 3] = ["/one", "/two", "/three%2F%C3%A9"];
const DEADLINE: Duration = Duration::from_secs(20);

fn a_restart_keeps_everything(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
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

/// A server with a request whose body is still to come.
struct UnderWay {
    server: Server,
    connection: Connection,
    /// What the body lacks.
    rest: Vec<u8>,
}

impl UnderWay {
    fn begin(server: Server) -> Result<Self> {
        let body = text_body("begun before the end");
        let (start, rest) = body.split_at(5);
        let head = format!("POST /late HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut connection = server.site().connect()?;
        // Sent at once with a request before it: when that is answered, the server has this one too.
        connection.send([b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", head.as_bytes(), start].concat())?;
        connection.answer()?.must_be(200)?;
        Ok(Self { server, connection, rest: rest.to_vec() })
    }

    /// Sends what the body lacks; the note, when the server has ended.
    fn finish(mut self) -> Result<Note> {
        self.connection.send(self.rest)?;
        let note = note_of(&self.connection.answer()?.must_be(201)?)?;
        let status = self.server.ended()?;
        ensure!(status.code() == Some(0), "the server ended with {status}");
        Ok(note)
    }
}

fn a_request_under_way_is_answered_before_the_end(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    // One that waits for its next request, one that never sends any, and one in the middle of a body.
    let mut idle = server.site().connect()?;
    idle.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    idle.answer()?.must_be(200)?;
    let _silent = server.site().connect()?;
    let under_way = UnderWay::begin(server)?;
    under_way.server.terminate()?;
    idle.closed().context("the end has begun")?;
    let note = under_way.finish()?;
    let server = engine.start(&home, &[])?;
    let found = server.site().client().notes("/late")?;
    ensure!(found == [note], "acknowledged at the end, found later: {found:?}");
    Ok(())
}

fn new_connections_are_refused_once_the_end_has_begun(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let under_way = UnderWay::begin(engine.start(&home, &[])?)?;
    let site = under_way.server.site().clone();
    under_way.server.terminate()?;
    let refused = || Ok(TcpStream::connect(site.authority()).is_err().then_some(()));
    wait_for("new connections to be refused after SIGTERM", DEADLINE, refused)?;
    under_way.finish()?;
    only_databases_are_left(&home)
}

fn what_was_acknowledged_before_the_end_is_kept(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let written = write_to_the_end(engine, &home)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    for (user, note) in written {
        let found = note_of(&client.get(&format!("{user}/{}", note.id))?.must_be(200)?)?;
        ensure!(found == note, "acknowledged was {note:?}, found is {found:?}");
    }
    Ok(())
}

fn an_idle_user_is_one_file(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    write_to_the_end(engine, &home)?;
    only_databases_are_left(&home)?;
    // Nor does reading leave anything.
    let server = engine.start(&home, &[])?;
    server.site().client().notes("/writer-0")?;
    server.stop()?;
    only_databases_are_left(&home)
}

/// Ends a server in the middle of writing; what it acknowledged, with the user.
fn write_to_the_end(engine: &Engine, home: &Home) -> Result<Vec<(String, Note)>> {
    const WRITERS: usize = 6;
    let server = engine.start(home, &[])?;
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
    Ok(together_while(WRITERS, write, stop_in_the_middle)?.concat())
}

/// No `-wal` and no `-shm`: an idle user is one file, which can be copied as it is.
fn only_databases_are_left(home: &Home) -> Result<()> {
    let (paths, databases) = (home.paths()?, home.databases()?);
    ensure!(
        !paths.is_empty() && paths == databases,
        "files after the end: {paths:?}, of which databases: {databases:?}"
    );
    Ok(())
}

fn a_second_server_on_one_state_directory_is_refused(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let note = server.site().client().make("/user", "x")?;
    let error = refusal(engine.command(&home, &[])?)?;
    ensure!(error.contains("state") || error.contains("lock"), "the refusal does not say why: {error}");
    let found = server.site().client().notes("/user").context("the first server no longer serves")?;
    ensure!(found == [note], "the first server lists {found:?} after a second was refused");
    server.stop()
}
