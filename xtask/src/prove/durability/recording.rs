//! A recording: some servers, one after the other on one state directory, under random requests, with all that they did
//! to files and told to clients. The first and the last are killed, the second ends in order.

use super::calls::{self, Call, Moment};
use super::disk::{Disk, Image};
use super::exchanges;
use super::folder;
use super::follow::{Effect, Event, Follower};
use super::promises::Promises;
use super::server::{self, Program};
use super::workload::Workload;
use anyhow::{Context, ensure};
use fastrand::Rng;
use std::path::Path;

/// Killed, ended in order, and killed.
const LIVES: u64 = 3;
/// A killed server leaves no more of its calls open than it has threads at work.
const MAX_UNFINISHED: usize = 8;

/// How soon after a file has come or gone something else of the same request follows.
const NEAR_EVENTS: usize = 8;

pub(crate) struct Recording {
    pub(crate) events: Vec<Event>,
    pub(crate) promises: Promises,
}

/// What is recorded, and how.
#[derive(Clone, Copy)]
pub(crate) struct Take<'a> {
    pub(crate) program: &'a Program,
    pub(crate) seed: u64,
    /// To see that the proof can fail: no sync counts.
    pub(crate) ignores_syncs: bool,
}

impl Recording {
    /// Makes one in a home, which is removed again. What strace writes goes to a folder.
    pub(crate) fn make(take: Take<'_>, home: &Path, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::create_dir_all(home)?;
        let (home, state) = (home.canonicalize()?, home.canonicalize()?.join(folder::STATE));
        let mut tape = Tape {
            follower: Follower::new(&home, &state.join(folder::COMPILED)),
            disk: Disk::default(),
            events: Vec::new(),
            next: 0,
        };
        let mut chance = Rng::with_seed(take.seed);
        let mut ends = Vec::new();
        for life in 0..LIVES {
            let calls = folder.join(format!("calls-{life}"));
            let server = take.program.start_traced(&state, &calls)?;
            let killed_after = (life != 1).then(|| chance.usize(60..150));
            let workload =
                Workload { address: server.address, seed: take.seed.wrapping_mul(LIVES) + life, killed_after };
            let mut server = Some(server);
            workload.run(|| {
                drop(server.take());
                Ok(())
            })?;
            if let Some(server) = server {
                server.stop()?;
            }
            tape.add(&server::calls(&calls)?, &folder::read(&home)?)?;
            ends.push(tape.next);
        }
        std::fs::remove_dir_all(&home)?;
        let promises = Promises::of(exchanges::of(&tape.events)?, &ends)?;
        let mut events = tape.events;
        if take.ignores_syncs {
            events.retain(|event| !matches!(event.effect, Effect::Synced { .. }));
        }
        Ok(Self { events, promises })
    }

    /// A moment at which the power may be cut: just after an answer began to leave, while a file comes or goes, or any.
    pub(crate) fn cut(&self, chance: &mut Rng) -> Moment {
        let kind = chance.u32(..4);
        let any = chance.usize(..self.events.len().max(1));
        let event = match kind {
            0 | 1 => {
                let answered: Vec<Moment> = self.promises.answered().collect();
                return chance.choice(&answered).map_or(0, |answered| answered + 1);
            }
            2 => {
                let files = self.events.iter().enumerate().filter(|(_, event)| event.effect.is_of_a_files_name());
                let files: Vec<usize> = files.map(|(index, _)| index + chance.usize(..NEAR_EVENTS)).collect();
                chance.choice(&files).copied().unwrap_or(any)
            }
            _ => any,
        };
        self.events.get(event).or(self.events.last()).map_or(0, |event| event.at + 1)
    }

    /// The disk as it is then: with all that has happened before.
    pub(crate) fn disk(&self, cut: Moment) -> Disk {
        let mut disk = Disk::default();
        self.events.iter().take_while(|event| event.at < cut).for_each(|event| disk.see(event));
        disk
    }

    /// The moment that is so many milliseconds before a cut.
    pub(crate) fn before(&self, cut: Moment, time_ms: u64) -> Moment {
        let cut_ms = self.events.iter().take_while(|event| event.at < cut).map(|event| event.time_ms).max();
        let from_ms = cut_ms.unwrap_or_default().saturating_sub(time_ms);
        self.events.iter().find(|event| event.time_ms >= from_ms).map_or(cut, |event| event.at)
    }
}

/// What is recorded so far.
struct Tape {
    follower: Follower,
    disk: Disk,
    events: Vec<Event>,
    next: Moment,
}

impl Tape {
    /// Adds the life of a server, which has left the files as they are in `found`. Where it was killed, they say which of
    /// its last calls were done; and they say whether all others were followed as they should be.
    fn add(&mut self, log: &str, found: &Image) -> anyhow::Result<()> {
        let calls = calls::parse(log, self.next)?;
        self.next += 2 * (log.lines().count() + 1);
        let open: Vec<Moment> = calls.iter().filter(|call| is_open(call)).map(|call| call.begin).collect();
        ensure!(open.len() <= MAX_UNFINISHED, "{} calls were left open", open.len());
        let mut difference = String::new();
        for done in 0..1_u32 << open.len() {
            let is_done =
                |call: &Call| open.iter().position(|at| *at == call.begin).is_some_and(|bit| done >> bit & 1 == 1);
            let calls: Vec<Call> = calls.iter().cloned().map(|call| self.ended(call, is_done)).collect();
            let (mut follower, mut disk) = (self.follower.clone(), self.disk.clone());
            let events = follower.process(&calls, is_done)?;
            events.iter().for_each(|event| disk.see(event));
            let now = disk.now();
            if now == *found {
                (self.follower, self.disk) = (follower, disk);
                self.events.extend(events);
                return Ok(());
            }
            difference = folder::difference(&now, found);
        }
        Err(anyhow::anyhow!("{difference}")).context("the files are not what the recorded calls make of them")
    }

    /// A call that was done before the process ended was done for all that come after.
    fn ended(&self, call: Call, is_done: impl Fn(&Call) -> bool) -> Call {
        let end = if call.end.is_none() && is_done(&call) { Some(self.next - 1) } else { call.end };
        Call { end, ..call }
    }
}

fn is_open(call: &Call) -> bool {
    call.end.is_none() && Follower::is_change(call)
}
