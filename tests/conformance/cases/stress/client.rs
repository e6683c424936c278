//! One client in one round: random requests to its users until the server is gone, and what came of each.

use anyhow::{Context, Result};

use super::crowd::own_part;
use super::knowledge::Knowledge;
use super::plan::Plan;
use super::round::Round;
use super::users::{Share, User};
use crate::harness::client::Client;
use crate::harness::history::{Ask, Cursor, Event, Said};
use crate::harness::note::Note;
use crate::harness::random::Random;

/// A client makes no more notes where it knows of so many.
const MOST_NOTES: usize = 12;
/// Where several change the same notes, they must meet; of the user shared by all, each client has so many of its own.
const MOST_SHARED_NOTES: usize = 4;
/// Bytes of a text, of which a few are as long as this; docs/api.md allows 65,536.
const LONGEST_TEXT: usize = 60_000;

/// What a client did in a round.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) client: usize,
    /// By user, in the order in which they were sent.
    stakes: Vec<(usize, Vec<Event>)>,
    /// The user, and an answer that no state of its notes can explain.
    pub(super) fault: Option<(usize, anyhow::Error)>,
}

impl Track {
    pub(super) fn unanswered(&self) -> usize {
        self.stakes.iter().flat_map(|(_, events)| events).filter(|event| event.said.is_none()).count()
    }
}

/// What each client did to a user.
pub(super) fn events_of<'a>(tracks: &'a [Track], user: &User) -> Vec<&'a [Event]> {
    let of = |track: &'a Track| track.stakes.iter().find(|(index, _)| *index == user.index);
    tracks.iter().map(|track| of(track).map(|(_, events)| events.as_slice()).unwrap_or_default()).collect()
}

/// Sends requests until the server is killed or somebody has met a fault.
pub(super) fn act(round: &Round, plan: Plan, client: usize, users: &[User], notes: &[Vec<Note>]) -> Track {
    let users = users.iter().filter(|user| user.is_for(client, round.number));
    let stakes = users.map(|user| Stake::new(user, client, notes)).collect();
    let random = plan.random(round.number, client);
    let mut actor = Actor { round, client, http: round.client(), random, stakes, sent: 0 };
    let mut fault = None;
    while fault.is_none() && !round.is_faulty() {
        let chosen = actor.choose_user();
        match actor.step(chosen) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                round.fault();
                fault = actor.stakes.get(chosen).map(|stake| (stake.user.index, error));
            }
        }
    }
    let stakes = actor.stakes.into_iter().map(|stake| (stake.user.index, stake.events)).collect();
    Track { client, stakes, fault }
}

/// A user as one client knows it.
struct Stake<'a> {
    user: &'a User,
    known: Knowledge,
    events: Vec<Event>,
}

impl<'a> Stake<'a> {
    fn new(user: &'a User, client: usize, notes: &[Vec<Note>]) -> Self {
        let of = |index: usize| notes.get(index % notes.len().max(1)).map(Vec::as_slice).unwrap_or_default();
        let own = match user.share {
            Share::All => own_part(user, client, of(user.index)),
            Share::Alone | Share::Few => of(user.index).to_vec(),
        };
        let strange = of(user.index + 1).iter().map(|note| note.id.clone()).collect();
        Self { user, known: Knowledge::new(own, strange), events: Vec::new() }
    }
}

struct Actor<'a> {
    round: &'a Round,
    client: usize,
    http: Client,
    random: Random,
    /// The user shared by all, the one shared by some, those of its own.
    stakes: Vec<Stake<'a>>,
    sent: usize,
}

impl Actor<'_> {
    fn choose_user(&mut self) -> usize {
        match self.random.below(10) {
            0 => 0,
            1..4 => 1,
            _ => 2 + self.random.below(self.stakes.len().saturating_sub(2).max(1)),
        }
    }

    /// One request, or as many as a walk over all pages takes. False if the server is gone.
    fn step(&mut self, chosen: usize) -> Result<bool> {
        let mut next = Some(self.choose_request(chosen)?);
        while let Some(ask) = next {
            let stake = self.stakes.get_mut(chosen).context("no such user")?;
            let event = self.round.perform(&self.http, self.client, stake.user, ask)?;
            next = match (&event.ask, &event.said) {
                (Ask::List { limit, .. }, Some(Said::Page(notes, Some(value)))) => {
                    let last = notes.last().context("a page without notes leads on")?.id.clone();
                    Some(Ask::List { after: Some(Cursor { value: value.clone(), last }), limit: *limit })
                }
                _ => None,
            };
            let is_answered = event.said.is_some();
            stake.known.learn(&event, |notes| match stake.user.share {
                Share::All => own_part(stake.user, self.client, notes),
                Share::Alone | Share::Few => notes.to_vec(),
            });
            stake.events.push(event);
            if !is_answered {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn choose_request(&mut self, chosen: usize) -> Result<Ask> {
        let stake = self.stakes.get(chosen).context("no such user")?;
        let in_crowd = stake.user.share == Share::All;
        let most = if stake.user.share == Share::Alone { MOST_NOTES } else { MOST_SHARED_NOTES };
        self.sent += 1;
        let mark = stake.user.mark_of(self.client);
        let text = text(&mut self.random, &format!("{mark} {}.{} \"é\\\n", self.round.number, self.sent));
        let known = &stake.known;
        let random = &mut self.random;
        let list = Ask::List { after: None, limit: None };
        let id = random.pick(&known.notes).map(|note| note.id.clone());
        Ok(match (random.below(100), id) {
            (0..30, _) if known.notes.len() < most => Ask::Create { text },
            (0..40, _) => list,
            (40..50, _) if !in_crowd => Ask::List { after: None, limit: Some(1 + random.below(4)) },
            (50..62, Some(id)) => Ask::Get { unless: known.version(&id, random), id },
            (62..83, Some(id)) => Ask::Change { only: known.version(&id, random), id, text },
            (83..91, Some(id)) => Ask::Remove { only: known.version(&id, random), id },
            (91..97, _) => match (random.below(3), random.pick(&known.gone).cloned()) {
                (0, Some(id)) => Ask::Get { id, unless: None },
                (1, Some(id)) => Ask::Change { id, text, only: None },
                (_, Some(id)) => Ask::Remove { id, only: None },
                (_, None) => list,
            },
            (97.., _) if !in_crowd => Ask::Erase,
            _ => Ask::Create { text },
        })
    }
}

/// A text that no other request has: most are short, some take several of SQLite's pages, a few are near the limit.
fn text(random: &mut Random, beginning: &str) -> String {
    let filler = match random.below(100) {
        0 => LONGEST_TEXT,
        1..10 => 6000,
        _ => 120,
    };
    format!("{beginning}{}", "x".repeat(1 + random.below(filler)))
}
