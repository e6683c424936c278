//! `kill -9` in the middle of concurrent writes, several times: what was acknowledged is there, what was not is absent
//! or whole, and every file is sound.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::note::note_of;
use crate::harness::random::Random;
use crate::harness::site::Site;
use crate::harness::together::together_while;
use crate::harness::wait::wait_for;

cases! {
    Process: killed_servers_keep_what_they_acknowledged;
}

const WRITERS: usize = 8;
/// How many requests are answered before each kill.
const ROUNDS: [usize; 5] = [3, 40, 120, 70, 200];
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn killed_servers_keep_what_they_acknowledged(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    for (round, answers) in ROUNDS.into_iter().enumerate() {
        let server = engine.start(&home, &[])?;
        let site = server.site().clone();
        let answered = AtomicUsize::new(0);
        let write = |index: usize| {
            let mut writer = writers.get(index).context("no such writer")?.clone();
            writer.write_until_the_server_is_gone(&site, round, &answered)?;
            Ok(writer)
        };
        let kill_in_the_middle = || {
            let enough = || Ok((answered.load(Ordering::SeqCst) >= answers).then_some(()));
            let reached = wait_for("requests to be answered", DEADLINE, enough);
            server.kill();
            reached
        };
        writers = together_while(WRITERS, write, kill_in_the_middle)?;
        home.files_are_sound()?;
        let server = engine.start(&home, &[])?;
        for writer in &mut writers {
            writer.compare(&server.site().client(), round)?;
        }
    }
    Ok(())
}

/// What a writer asked for and was not answered.
#[derive(Debug, Clone)]
enum Begun {
    Make(String),
    Change(String, String),
    Remove(String),
}

/// One client's notes as it was told of them. Two writers share a user, each with a mark of its own.
#[derive(Debug, Clone)]
struct Writer {
    index: usize,
    user: String,
    /// Text by id.
    acknowledged: BTreeMap<String, String>,
    begun: Option<Begun>,
}

impl Writer {
    fn new(index: usize) -> Self {
        Self { index, user: format!("/user-{}", index / 2), acknowledged: BTreeMap::new(), begun: None }
    }

    fn mark(&self) -> String {
        format!("<writer {}>", self.index)
    }

    fn write_until_the_server_is_gone(&mut self, site: &Site, round: usize, answered: &AtomicUsize) -> Result<()> {
        let (client, mut random) = (site.client(), Random::new(round * WRITERS + self.index));
        for step in 0.. {
            // Long enough for several pages of SQLite, so that half a note would show.
            let text = format!("{} round {round} step {step} {}", self.mark(), "x".repeat(random.below(6000)));
            let id = random.pick(&self.acknowledged.keys().collect::<Vec<_>>()).map(|id| (*id).clone());
            let begun = match (random.below(10), id) {
                (0..6, _) | (_, None) => Begun::Make(text),
                (6..9, Some(id)) => Begun::Change(id, text),
                (_, Some(id)) => Begun::Remove(id),
            };
            self.begun = Some(begun.clone());
            if !self.perform(&client, begun)? {
                return Ok(());
            }
            self.begun = None;
            answered.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// False if the server is gone; an error if it answers anything but success.
    fn perform(&mut self, client: &Client, begun: Begun) -> Result<bool> {
        let path = |id: &str| format!("{}/{id}", self.user);
        match begun {
            Begun::Make(text) => {
                let Ok(answer) = client.post(&self.user, &text) else { return Ok(false) };
                self.acknowledged.insert(note_of(&answer.must_be(201)?)?.id, text);
            }
            Begun::Change(id, text) => {
                let Ok(answer) = client.patch(&path(&id), &text) else { return Ok(false) };
                answer.must_be(200)?;
                self.acknowledged.insert(id, text);
            }
            Begun::Remove(id) => {
                let Ok(answer) = client.delete(&path(&id)) else { return Ok(false) };
                answer.must_be(200)?;
                self.acknowledged.remove(&id);
            }
        }
        Ok(true)
    }

    /// Compares with what a new server has, and goes on from there.
    fn compare(&mut self, client: &Client, round: usize) -> Result<()> {
        let mark = self.mark();
        let found = client.notes(&self.user)?.into_iter().filter(|note| note.text.starts_with(&mark));
        let found: BTreeMap<String, String> = found.map(|note| (note.id, note.text)).collect();
        let mut expected = self.acknowledged.clone();
        match self.begun.take() {
            Some(Begun::Make(text)) => {
                let made = found.iter().find(|(_, found)| **found == text);
                expected.extend(made.map(|(id, text)| (id.clone(), text.clone())));
            }
            Some(Begun::Change(id, text)) if found.get(&id) == Some(&text) => {
                expected.insert(id, text);
            }
            Some(Begun::Remove(id)) if !found.contains_key(&id) => {
                expected.remove(&id);
            }
            Some(_) | None => {}
        }
        ensure!(
            found == expected,
            "after kill -9 in round {round}, {} differs in what {mark} was told: {}",
            self.user,
            differences(&expected, &found),
        );
        self.acknowledged = found;
        Ok(())
    }
}

fn differences(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> String {
    let cut = |text: Option<&String>| text.map(|text| format!("{:.50}… ({} bytes)", text, text.len()));
    let ids = expected.keys().chain(found.keys().filter(|id| !expected.contains_key(*id)));
    let differing = ids.filter(|id| expected.get(*id) != found.get(*id));
    let lines =
        differing.map(|id| format!("\n  {id}: expected {:?}, got {:?}", cut(expected.get(id)), cut(found.get(id))));
    lines.collect()
}
