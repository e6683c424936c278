//! What the clients of a recorded server do: each user's own client changes notes, one request after the other; readers
//! look at all users meanwhile.
//!
//! There are more users than databases may be open, so that databases are closed and opened all the time; the first user
//! is busy enough to have its log moved into the database while it is open. In the middle all rest for a while.

use crate::http::Client;
use anyhow::{Context, anyhow, bail, ensure};
use fastrand::Rng;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// As they stand in paths: plain, to be escaped in a file's name, and too long for one.
fn users() -> Vec<String> {
    let long = format!("{}%21", "L".repeat(120));
    let names = ["busy", "ann", "bob", "John", "j.d", "zo%C3%AB", "~", "a-b_c", "10", &long];
    names.map(str::to_owned).into()
}

const READERS: u64 = 2;
/// Changes of each user in the life of one server; the busy one has more.
const CHANGES: usize = 14;
const BUSY_CHANGES: usize = 48;
/// In the middle of each user's changes.
const REST: Duration = Duration::from_millis(1300);

/// What all clients do in the life of one server.
pub(crate) struct Workload {
    pub(crate) address: SocketAddr,
    pub(crate) seed: u64,
    /// Changes after which `end` is called amid others; without it all are made, then it is called.
    pub(crate) killed_after: Option<usize>,
}

/// What all clients of one server share.
struct Shared<'a> {
    workload: &'a Workload,
    changes: AtomicUsize,
    /// Answers are not to be expected any more.
    has_ended: AtomicBool,
}

impl Workload {
    /// Fails if an answer is none of those that such a request may have. `end` ends the server.
    pub(crate) fn run(&self, end: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let users = users();
        let shared = Shared { workload: self, changes: AtomicUsize::new(0), has_ended: AtomicBool::new(false) };
        thread::scope(|scope| {
            let writers: Vec<_> = (0_u64..)
                .zip(&users)
                .map(|(number, user)| {
                    scope.spawn({
                        let shared = &shared;
                        move || shared.write(number, user)
                    })
                })
                .collect();
            let is_over = || writers.iter().all(thread::ScopedJoinHandle::is_finished);
            let readers: Vec<_> = (0..READERS)
                .map(|number| {
                    let (shared, users) = (&shared, &users);
                    scope.spawn(move || shared.read(number, users))
                })
                .collect();
            let enough = self.killed_after.unwrap_or(usize::MAX);
            while !is_over() && shared.changes.load(SeqCst) < enough {
                thread::sleep(Duration::from_millis(1));
            }
            shared.has_ended.store(true, SeqCst);
            if self.killed_after.is_some() {
                end()?;
            }
            for client in writers.into_iter().chain(readers) {
                client.join().map_err(|_| anyhow!("a client's thread"))??;
            }
            Ok(())
        })
    }
}

impl Shared<'_> {
    fn chance(&self, client: u64) -> Rng {
        Rng::with_seed(self.workload.seed.wrapping_mul(1_000_003).wrapping_add(client))
    }

    /// A client's failure counts only while the server is meant to serve.
    fn unless_ended(&self, result: anyhow::Result<()>) -> anyhow::Result<()> {
        if self.has_ended.load(SeqCst) { Ok(()) } else { result }
    }

    fn read(&self, number: u64, users: &[String]) -> anyhow::Result<()> {
        let mut chance = self.chance(1000 + number);
        let mut client = Client::connect(self.workload.address)?;
        while !self.has_ended.load(SeqCst) {
            let user = chance.choice(users).context("no users")?;
            self.unless_ended(client.get(&format!("/{user}")).map(drop))?;
            thread::sleep(Duration::from_millis(chance.u64(..20)));
        }
        Ok(())
    }

    fn write(&self, number: u64, user: &str) -> anyhow::Result<()> {
        let result = Writer::start(self, number, user).and_then(|mut writer| writer.run());
        self.unless_ended(result).with_context(|| format!("user {user}"))
    }
}

/// One user's client.
struct Writer<'a> {
    shared: &'a Shared<'a>,
    client: Client,
    chance: Rng,
    number: u64,
    user: &'a str,
    ids: Vec<String>,
}

impl<'a> Writer<'a> {
    /// Looks first: the server before may have done what it did not answer.
    fn start(shared: &'a Shared<'a>, number: u64, user: &'a str) -> anyhow::Result<Self> {
        let mut client = Client::connect(shared.workload.address)?;
        let notes = client.get(&format!("/{user}"))?;
        let notes = notes["notes"].as_array().context("no notes")?;
        let ids = notes.iter().map(id).collect::<Result<_, _>>()?;
        Ok(Self { shared, client, chance: shared.chance(number), number, user, ids })
    }

    fn run(&mut self) -> anyhow::Result<()> {
        let is_busy = self.number == 0;
        let changes = if is_busy { BUSY_CHANGES } else { CHANGES };
        for change in 0..changes {
            match change == changes / 2 {
                true => thread::sleep(REST),
                false if self.chance.bool() => thread::sleep(Duration::from_millis(self.chance.u64(..30))),
                false => {}
            }
            self.change(change, is_busy)?;
            self.shared.changes.fetch_add(1, SeqCst);
        }
        Ok(())
    }

    fn change(&mut self, change: usize, is_busy: bool) -> anyhow::Result<()> {
        let user = self.user;
        let some = if self.ids.is_empty() { None } else { Some(self.chance.usize(..self.ids.len())) };
        let kind = self.chance.u32(..100);
        match some {
            Some(some) if kind < if is_busy { 85 } else { 25 } => {
                let (path, text) = (self.note(some), self.text(change, is_busy));
                self.ask("PATCH", &path, &text, 200)?;
            }
            Some(some) if kind < if is_busy { 90 } else { 40 } => {
                let path = self.note(some);
                self.ask("DELETE", &path, "", 200)?;
                self.ids.remove(some);
            }
            Some(_) if kind < if is_busy { 91 } else { 50 } => {
                self.ask("DELETE", &format!("/{user}"), "", 204)?;
                self.ids.clear();
            }
            _ => {
                let text = self.text(change, is_busy);
                let body = self.ask("POST", &format!("/{user}"), &text, 201)?;
                let answer: Value = serde_json::from_slice(&body)?;
                self.ids.push(id(&answer["note"])?);
            }
        }
        Ok(())
    }

    fn note(&self, place: usize) -> String {
        format!("/{}/{}", self.user, self.ids.get(place).map(String::as_str).unwrap_or_default())
    }

    /// No two texts are alike.
    fn text(&mut self, change: usize, is_busy: bool) -> String {
        let length = match self.chance.u32(..20) {
            0 => self.chance.usize(4_000..60_000),
            _ if is_busy => self.chance.usize(20_000..60_000),
            1..5 => self.chance.usize(200..4_000),
            _ => self.chance.usize(..200),
        };
        let filler: String = (0..length).map(|_| self.chance.lowercase()).collect();
        format!("{{\"text\": \"{}-{:x}-{change} {filler}\"}}", self.number, self.shared.workload.seed & 0xffff_ffff)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str, wanted: u16) -> anyhow::Result<Vec<u8>> {
        let answer = self.client.ask(method, path, body)?;
        if answer.status != wanted {
            bail!("{method} {path} answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(answer.body)
    }
}

fn id(note: &Value) -> anyhow::Result<String> {
    let id = note["id"].as_str().context("a note without an id")?;
    ensure!(id.starts_with("note_"), "`{id}` is no id");
    Ok(id.to_owned())
}
