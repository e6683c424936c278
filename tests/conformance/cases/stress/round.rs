//! The life of one server between its start and its kill, as the clients share it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::client::Track;
use super::users::User;
use crate::harness::answer::Answer;
use crate::harness::client::Client;
use crate::harness::history::{Ask, Event, NEVER, Said};
use crate::harness::note::Note;
use crate::harness::server::Server;
use crate::harness::site::Site;
use crate::harness::wait::wait_for;

/// How often one request may be told in a row that too much is in use; each takes the server's time limit of seconds.
const MOST_REFUSALS: usize = 20;
/// Many times what a round takes, however busy the machine.
const DEADLINE: Duration = Duration::from_secs(300);

pub(super) struct Round {
    pub(super) number: usize,
    site: Site,
    clock: AtomicU64,
    answered: AtomicUsize,
    refused: AtomicUsize,
    /// Set before the kill: from here on, and not earlier, an answer may fail to come.
    killed: AtomicBool,
    faulty: AtomicBool,
}

impl Round {
    pub(super) fn new(number: usize, site: &Site) -> Self {
        let (clock, answered, refused) = (AtomicU64::new(1), AtomicUsize::new(0), AtomicUsize::new(0));
        Self {
            number,
            site: site.clone(),
            clock,
            answered,
            refused,
            killed: AtomicBool::new(false),
            faulty: AtomicBool::new(false),
        }
    }

    pub(super) fn client(&self) -> Client {
        self.site.client()
    }

    /// Waits until so many more requests are answered, or a client has met a fault.
    pub(super) fn wait_for_answers(&self, count: usize) -> Result<()> {
        let count = self.answered.load(SeqCst) + count;
        let enough = || Ok((self.answered.load(SeqCst) >= count || self.is_faulty()).then_some(()));
        wait_for("requests to be answered", DEADLINE, enough)
    }

    pub(super) fn kill(&self, server: Server) {
        self.killed.store(true, SeqCst);
        server.kill();
    }

    /// Whether a client has met a fault, and the others may stop.
    pub(super) fn is_faulty(&self) -> bool {
        self.faulty.load(SeqCst)
    }

    pub(super) fn fault(&self) {
        self.faulty.store(true, SeqCst);
    }

    /// Sends a request, again where too much was in use. The event has no answer if the server was killed.
    pub(super) fn perform(&self, http: &Client, client: usize, user: &User, ask: Ask) -> Result<Event> {
        let request = ask.request(&user.path);
        for _ in 0..MOST_REFUSALS {
            let begun = self.clock.fetch_add(1, SeqCst);
            let answer = match http.send(&request) {
                Err(error) if self.killed.load(SeqCst) && is_broken_off(&error) => {
                    return Ok(Event { client, begun, ended: NEVER, ask, said: None });
                }
                answer => answer?,
            };
            let ended = self.clock.fetch_add(1, SeqCst);
            if self.is_served(&answer)? {
                let said = Some(ask.read(&answer, &user.path)?);
                self.answered.fetch_add(1, SeqCst);
                return Ok(Event { client, begun, ended, ask, said });
            }
        }
        bail!("{MOST_REFUSALS} times in a row too much was in use for {request}");
    }

    /// False if the server says that too much is in use.
    fn is_served(&self, answer: &Answer) -> Result<bool> {
        if answer.status != 503 {
            return Ok(true);
        }
        answer.required("retry-after")?;
        self.refused.fetch_add(1, SeqCst);
        Ok(false)
    }

    /// What a user has.
    pub(super) fn list(&self, http: &Client, user: &User) -> Result<Vec<Note>> {
        let event = self.perform(http, 0, user, Ask::List { after: None, limit: None })?;
        match event.said.context("no answer")? {
            Said::Page(notes, None) => Ok(notes),
            said => bail!("not the whole list, but {said}"),
        }
    }
}

/// Whether no whole answer came, rather than a wrong one.
fn is_broken_off(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<ureq::Error>())
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    answered: usize,
    refused: usize,
    unanswered: usize,
}

impl Tally {
    pub(super) fn add(&mut self, round: &Round, tracks: &[Track]) {
        self.answered += round.answered.load(SeqCst);
        self.refused += round.refused.load(SeqCst);
        self.unanswered += tracks.iter().map(Track::unanswered).sum::<usize>();
    }

    /// A server that refuses much serves nobody, and one that was not in the middle of something was not tried.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(self.refused <= self.answered / 20, "too much was in use, too often");
        ensure!(self.unanswered > 0, "no kill cut anything off");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answered, refused, unanswered } = self;
        write!(f, "{answered} requests answered, {unanswered} cut off, {refused} sent again after a 503")
    }
}
