//! A case on one server: what must be there before, the load, and what must be there after.

use super::case::{Case, LISTED, USERS};
use super::population::{self, count};
use super::requests::{BODY, Requests, TEXT};
use super::wrk::{self, Load, Wrk};
use crate::http::Client;
use anyhow::{Context, bail, ensure};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;

/// The text of a note that PATCH changes.
const UNCHANGED: &str = r#"{"text": "Buy nothing"}"#;
/// The largest note, and how many of them are the most that an answer may hold.
const LARGE_BYTES: usize = 64 << 10;
const LARGE_NOTES: usize = 128;

pub(crate) struct Trial<'a> {
    case: Case,
    address: SocketAddr,
    /// Where wrk's scripts go.
    folder: &'a Path,
    /// The path of the one note that is read or changed.
    note: String,
    /// The notes that the users who are written to have between them.
    notes: u64,
    /// Requests under way when the load before stopped.
    late: u64,
    /// Loads so far: new users are named after it.
    loads: u32,
}

impl<'a> Trial<'a> {
    /// Makes the users whom the case takes as given.
    pub(crate) fn prepare(case: Case, address: SocketAddr, folder: &'a Path) -> anyhow::Result<Self> {
        let mut client = Client::connect(address)?;
        let mut trial = Self { case, address, folder, note: String::new(), notes: 0, late: 0, loads: 0 };
        match case {
            Case::GetList | Case::GetListBeside | Case::GetOne => {
                for _ in 0..LISTED {
                    trial.note = note(&mut client, "/reader", BODY)?;
                }
            }
            Case::Patch => trial.note = note(&mut client, "/writer", UNCHANGED)?,
            Case::PostManyUsers | Case::Mix => {
                population::create(address, 0..USERS)?;
                trial.notes = USERS;
            }
            Case::PostOneUser | Case::FirstAccess => {}
        }
        if case == Case::GetListBeside {
            let large = format!(r#"{{"text": "{}"}}"#, "x".repeat(LARGE_BYTES));
            for _ in 0..LARGE_NOTES {
                client.post("/slow", &large)?;
            }
        }
        Ok(trial)
    }

    /// Runs the load, and that of the slow user where there is one: how many of her requests were answered comes second.
    pub(crate) fn load(&mut self, connections: u32, seconds: u64) -> anyhow::Result<(Load, Option<u64>)> {
        self.loads += 1;
        let requests = match self.case {
            Case::GetList | Case::GetListBeside => Requests::Get { path: "/reader".to_owned() },
            Case::GetOne => Requests::Get { path: self.note.clone() },
            Case::PostOneUser => Requests::Post { path: "/writer".to_owned() },
            Case::PostManyUsers => Requests::PostInTurn { users: USERS },
            Case::Patch => Requests::Patch { path: self.note.clone() },
            Case::Mix => Requests::Mix { users: USERS },
            Case::FirstAccess => Requests::PostNew { prefix: self.new_users() },
        };
        let start = |requests: &Requests, connections, seconds, script| {
            Wrk::start(self.address, requests, connections, seconds, &self.folder.join(script))
        };
        if self.case != Case::GetListBeside {
            return Ok((start(&requests, connections, seconds, "load.lua")?.finish()?, None));
        }
        // She begins before the others and ends after them.
        let slow = start(&Requests::Get { path: "/slow".to_owned() }, 1, seconds + 1, "slow.lua")?;
        let load = start(&requests, connections, seconds, "load.lua")?.finish()?;
        Ok((load, Some(slow.finish().context("the slow user")?.requests)))
    }

    fn new_users(&self) -> String {
        format!("new-{}", self.loads)
    }

    /// Reads back what the load must have left. wrk stops with a request under way on each connection, which may or may
    /// not have been carried out, and sends one again whose connection broke.
    pub(crate) fn verify(&mut self, connections: u32, load: &Load) -> anyhow::Result<()> {
        let mut client = Client::connect(self.address)?;
        let open = u64::from(connections);
        // Of the load before, some may have been carried out after it was read back.
        let late = std::mem::replace(&mut self.late, open);
        let more = open + late + load.requests / wrk::REQUESTS_FOR_ONE_LOST;
        match self.case {
            Case::GetList | Case::GetListBeside | Case::GetOne => {
                expect("/reader", count(&mut client, "/reader")?, &(LISTED..=LISTED))
            }
            Case::Patch => {
                let note = &client.get(&self.note)?["note"];
                ensure!(note["text"] == TEXT, "the note that was changed is {note}");
                expect("/writer", count(&mut client, "/writer")?, &(1..=1))
            }
            Case::PostOneUser => {
                let answered = self.notes + load.requests;
                self.notes = count(&mut client, "/writer")?;
                expect("/writer", self.notes, &(answered..=answered + more))
            }
            Case::PostManyUsers => self.expect_of_all(load.requests..=load.requests + more),
            Case::Mix => self.expect_of_all(load.writes.saturating_sub(open)..=load.writes + more),
            Case::FirstAccess => {
                let threads = 0..wrk::threads(connections);
                let found = threads.map(|thread| self.first_notes(&mut client, thread, connections));
                let found = found.sum::<anyhow::Result<u64>>()?;
                expect("/new-…", found, &(load.requests..=load.requests + more))
            }
        }
    }

    fn expect_of_all(&mut self, written: RangeInclusive<u64>) -> anyhow::Result<()> {
        let expected = self.notes + written.start()..=self.notes + written.end();
        self.notes = population::count_all(self.address, 0..USERS)?;
        expect("/user-…", self.notes, &expected)
    }

    /// Counts the notes of one thread's users, who are numbered. Each connection may have left one without, where its
    /// request was not carried out, so the last is past as many.
    fn first_notes(&self, client: &mut Client, thread: u32, connections: u32) -> anyhow::Result<u64> {
        let (mut notes, mut without) = (0, 0);
        for user in 1.. {
            match count(client, &format!("/{}-{thread}-{user}", self.new_users()))? {
                0 => without += 1,
                found => notes += found,
            }
            if without > connections {
                break;
            }
        }
        Ok(notes)
    }
}

/// Writes a note, and gives its path.
fn note(client: &mut Client, user: &str, body: &str) -> anyhow::Result<String> {
    let answer = client.post(user, body)?;
    let id = answer["note"]["id"].as_str().context("a note without an id")?;
    ensure!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "`{id}` is no id");
    Ok(format!("{user}/{id}"))
}

fn expect(user: &str, count: u64, range: &RangeInclusive<u64>) -> anyhow::Result<()> {
    if !range.contains(&count) {
        bail!("{user} has {count} notes instead of {} to {}", range.start(), range.end());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answered_write_must_be_there() {
        assert!(expect("/writer", 9, &(10..=12)).is_err());
        assert!(expect("/writer", 13, &(10..=12)).is_err());
        assert!(expect("/writer", 11, &(10..=12)).is_ok());
    }
}
