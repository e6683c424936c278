//! Random requests of many clients to many users, more than may be open at once, while the server is killed again and
//! again; every answer, and what each new server finds, held against a model.
//!
//! Most users belong to one client at a time, another one in each round. Some are shared by a few clients, who do
//! everything at once: there must be an order of their requests that explains all answers. One is shared by all, who
//! list it whole, make notes of their own and leave each other's alone. A request without an answer was carried out or
//! was not; the model goes on from what the next server shows, if that is one of the two.
//!
//! 503 with Retry-After is no failure: docs/api.md has it for what is too much in use, as 64 clients are for 8 open
//! databases on a slow disk. Nothing is stored then, so the request is sent again; how often is counted and has a limit.
//! Every other status of 500 or more is a failure.
//!
//! A run is bounded by its number of requests. Its choices follow from a seed, which failures and the last line name;
//! what they meet depends on how the server's threads and the kills fall. CONTRIBUTING.md has the variables.

mod client;
mod crowd;
mod knowledge;
mod plan;
mod round;
mod users;

use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use crate::harness::case::cases;
use crate::harness::engine::{Engine, EngineName};
use crate::harness::history::{list_of, story};
use crate::harness::home::Home;
use crate::harness::note::Note;
use crate::harness::order::explain;
use crate::harness::together::{together, together_while};

use client::Track;
use plan::{CLIENTS, KILLS, Plan, USERS};
use round::{Round, Tally};
use users::{Share, User};

cases! {
    Process: killed_under_random_requests;
    Process on Ownbase ("the flag is its"): killed_under_random_requests_relaxed;
}

pub(crate) fn killed_under_random_requests(engine: &Engine) -> Result<()> {
    run(engine, &[])
}

/// What a process has written the kernel has, whenever it is synced: killing it loses nothing.
fn killed_under_random_requests_relaxed(engine: &Engine) -> Result<()> {
    run(engine, &["--durability", "relaxed"])
}

fn run(engine: &Engine, flags: &[&str]) -> Result<()> {
    let few_open: &[&str] = match engine.name() {
        EngineName::Ownbase => &["--max-open-databases", "8"],
        EngineName::Workerd => &[],
    };
    let flags = [few_open, flags].concat();
    let plan = Plan::from_environment()?;
    let what = format!("stress on {} {}, OWNBASE_STRESS_SEED={}", engine.name(), flags.join(" "), plan.seed);
    let start = Instant::now();
    let tally = Stress::new(engine, &flags, plan).and_then(Stress::run).with_context(|| what.clone())?;
    eprintln!("{what}: {tally}, {} s", start.elapsed().as_secs());
    tally.check().context(what)
}

/// A run of the test.
struct Stress<'a> {
    engine: &'a Engine,
    flags: &'a [&'a str],
    plan: Plan,
    home: Home,
    users: Vec<User>,
    /// What each user had when last looked at.
    notes: Vec<Vec<Note>>,
    tally: Tally,
}

impl<'a> Stress<'a> {
    fn new(engine: &'a Engine, flags: &'a [&'a str], plan: Plan) -> Result<Self> {
        let (home, users) = (Home::new(engine)?, users::all());
        Ok(Self { engine, flags, plan, home, users, notes: vec![Vec::new(); USERS], tally: Tally::default() })
    }

    fn run(mut self) -> Result<Tally> {
        let mut tracks = Vec::new();
        for number in 0..KILLS {
            let server = self.engine.start(&self.home, self.flags)?;
            let round = Round::new(number, server.site());
            self.compare(&round, &tracks, false)?;
            let act = |client: usize| Ok(client::act(&round, self.plan, client, &self.users, &self.notes));
            let kill = || {
                let reached = round.wait_for_answers(self.plan.answers(number));
                round.kill(server);
                reached
            };
            tracks = together_while(CLIENTS, act, kill)?;
            self.report_faults(&tracks).with_context(|| format!("round {number}"))?;
            self.tally.add(&round, &tracks);
        }
        self.home.files_are_sound()?;
        // Once more, to see that an end in good order leaves what a kill left.
        for (number, tracks) in [(KILLS, tracks), (KILLS + 1, Vec::new())] {
            let server = self.engine.start(&self.home, self.flags)?;
            let round = Round::new(number, server.site());
            self.compare(&round, &tracks, true)?;
            self.tally.add(&round, &[]);
            server.stop()?;
        }
        Ok(self.tally)
    }

    /// Holds what a new server has of all users, or of those who were asked about, against what was there before and done
    /// since.
    fn compare(&mut self, round: &Round, tracks: &[Track], all: bool) -> Result<()> {
        let look = |client: usize| {
            let (http, mut found) = (round.client(), Vec::new());
            for user in self.users.iter().skip(client).step_by(CLIENTS) {
                let events = client::events_of(tracks, user);
                if !all && events.iter().all(|events| events.is_empty()) {
                    continue;
                }
                let before = self.notes.get(user.index).context("no such user")?;
                let list = round.list(&http, user)?;
                let explained = match user.share {
                    Share::All => crowd::explain(user, before, &events, &list),
                    Share::Alone | Share::Few => explain(before, &events, &list).map_err(|why| {
                        format!(
                            "{}\n  found {}, which no order explains: {why}",
                            story(before, &events),
                            list_of(&list)
                        )
                    }),
                };
                explained.map_err(|why| anyhow!("the user at {} {why}", user.path))?;
                found.push((user.index, list));
            }
            Ok(found)
        };
        for (user, list) in together(CLIENTS, look)?.into_iter().flatten() {
            *self.notes.get_mut(user).context("no such user")? = list;
        }
        Ok(())
    }

    /// Fails if a client met an answer that nothing can explain.
    fn report_faults(&self, tracks: &[Track]) -> Result<()> {
        let faulty = tracks.iter().find_map(|track| Some((track, track.fault.as_ref()?)));
        let Some((track, (user, fault))) = faulty else { return Ok(()) };
        let (user, before) = (self.users.get(*user).context("no user")?, self.notes.get(*user).context("no notes")?);
        let mut events = client::events_of(tracks, user);
        if user.share == Share::All {
            // Of the many others none touches this client's notes.
            events = events.get(track.client).copied().into_iter().collect();
        }
        bail!("the user at {} {}\n  then client {}: {fault:#}", user.path, story(before, &events), track.client);
    }
}
