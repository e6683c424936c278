//! Clients that are slow or fall silent keep nobody else waiting.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::raw::Connection;
use crate::harness::request::text_body;
use crate::harness::site::{Site, fresh_path};

cases! {
    Http1: silent_connections_keep_nobody_waiting, unfinished_bodies_keep_nobody_waiting, unread_answers_keep_nobody_waiting;
    Process on Ownbase ("the limits are flags of its"): a_head_that_does_not_end_is_cut_off,
        more_silent_connections_than_places_keep_nobody_waiting, more_unread_answers_than_room_keep_nobody_waiting;
}

const SILENT: usize = 48;
/// Long for an undisturbed server on a busy machine, short beside the time limits that end a slow connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Others make, list and change notes meanwhile.
fn others_are_served(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("undisturbed"));
    for index in 0..5 {
        let start = Instant::now();
        let note = client.make(&user, &index.to_string())?;
        client.patch(&format!("{user}/{}", note.id), "changed")?.must_be(200)?;
        client.page(&user)?;
        let took = start.elapsed();
        ensure!(took < PATIENCE, "beside {SILENT} slow connections three requests took {took:?}");
    }
    Ok(())
}

fn silent_connections_keep_nobody_waiting(site: &Site) -> Result<()> {
    let starts = ["", "G", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"];
    let mut connections = Vec::new();
    for start in starts.iter().cycle().take(SILENT) {
        let mut connection = site.connect()?;
        connection.send(start)?;
        connections.push(connection);
    }
    others_are_served(site)
}

fn unfinished_bodies_keep_nobody_waiting(site: &Site) -> Result<()> {
    let (user, body) = (fresh_path("unfinished"), text_body("x"));
    let (start, rest) = body.split_at(4);
    let mut connections = Vec::new();
    for index in 0..SILENT {
        let mut connection = site.connect()?;
        connection.send(format!("POST {user} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len()))?;
        if index % 2 == 0 {
            connection.send(start)?;
        }
        connections.push(connection);
    }
    others_are_served(site)?;
    // Whoever goes on in time is served after all.
    let connection: &mut Connection = connections.get_mut(0).context("no connection")?;
    connection.send(rest)?;
    connection.answer()?.must_be(201)?;
    Ok(())
}

fn unread_answers_keep_nobody_waiting(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("unread"));
    for _ in 0..64 {
        client.make(&user, &"x".repeat(65_536))?;
    }
    // 4 MiB each, more than a socket holds, and nobody reads them.
    let mut connections = Vec::new();
    for _ in 0..SILENT / 4 {
        let mut connection = site.connect()?;
        connection.send(format!("GET {user} HTTP/1.1\r\nhost: x\r\n\r\n"))?;
        connections.push(connection);
    }
    others_are_served(site)?;
    // The user whose answers nobody reads is served too.
    let note = client.make(&user, "more")?;
    client.get(&format!("{user}/{}", note.id))?.must_be(200)?;
    Ok(())
}

fn more_silent_connections_than_places_keep_nobody_waiting(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &["--max-connections", "24"])?;
    silent_connections_keep_nobody_waiting(server.site())?;
    server.stop()
}

fn more_unread_answers_than_room_keep_nobody_waiting(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &["--max-unsent-bytes", "16777216"])?;
    unread_answers_keep_nobody_waiting(server.site())?;
    server.stop()
}

fn a_head_that_does_not_end_is_cut_off(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &["--header-timeout-ms", "300"])?;
    for start in ["GET", "GET / HTTP/1.1\r\nhost: x\r\nx: "] {
        let mut connection = server.site().connect()?;
        connection.send(start)?;
        connection.closed().with_context(|| format!("after {start:?} and more than 300 ms"))?;
    }
    others_are_served(server.site())?;
    server.stop()
}
