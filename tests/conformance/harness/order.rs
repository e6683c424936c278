//! Whether there is an order of requests that explains their answers: linearizability, of one user's notes.
//!
//! The search is that of Wing and Gong (1993), with Lowe's memory of the states that led nowhere (2017). A request may
//! come next if none that is still to come was answered before it was sent. Each client sends one at a time, so that the
//! choice is never wider than the clients are many; a request that changes nothing is taken as soon as it fits, since it
//! takes no choice away. One without an answer may come at any time after it was sent, or not at all.

use std::collections::HashSet;

use super::history::{Event, NEVER, list_of};
use super::model::{Notes, Sightings};
use super::note::Note;

/// Many times what a run of some thousand requests takes; past it, it is no use to search on.
const MOST_STATES: usize = 200_000;

/// How many requests of each client have been put in order, and what they left.
type Point = (Vec<usize>, Notes);

/// Finds an order from `before` to `end` of what the clients did, each its own events in the order in which it sent them.
///
/// # Errors
/// Where the search came furthest, and what stood against each way on.
pub(crate) fn explain(before: &[Note], clients: &[&[Event]], end: &[Note]) -> Result<(), String> {
    let seen = Sightings::of(clients.iter().copied().flatten(), end);
    let mut search = Search { clients, seen, furthest: (0, Vec::new()) };
    let mut open: Vec<Point> = vec![(vec![0; clients.len()], Notes::new(before))];
    let mut visited: HashSet<Point> = HashSet::new();
    while let Some((mut places, notes)) = open.pop() {
        search.pass_what_changes_nothing(&mut places, &notes);
        if !visited.insert((places.clone(), notes.clone())) {
            continue;
        }
        if visited.len() > MOST_STATES {
            return Err(format!("no order was found among the first {MOST_STATES} states"));
        }
        let mut against = Vec::new();
        if search.is_complete(&places) {
            if notes.there().eq(end) {
                return Ok(());
            }
            against.push(format!("in the end there should be {}", list_of(notes.there())));
        }
        // The last pushed is tried first: the one that was answered first.
        let mut next = search.next(&places);
        next.sort_by_key(|(_, event)| std::cmp::Reverse(event.ended));
        for (client, event) in next {
            match search.step(&notes, event) {
                Ok(Some(after)) => open.push((advanced(&places, client), after)),
                Ok(None) => {}
                Err(why) => against.push(format!("{event}, but {why}")),
            }
        }
        search.note(&places, against);
    }
    let (count, against) = search.furthest;
    let total: usize = clients.iter().map(|events| events.len()).sum();
    Err(format!("the answers to {count} of {total} requests can be explained; then\n    {}", against.join("\n    ")))
}

struct Search<'a> {
    clients: &'a [&'a [Event]],
    seen: Sightings<'a>,
    /// The number of requests in order, and what stood against the next ones.
    furthest: (usize, Vec<String>),
}

impl<'a> Search<'a> {
    /// The events that may come next.
    fn next(&self, places: &[usize]) -> Vec<(usize, &'a Event)> {
        let heads = || self.clients.iter().zip(places).map(|(events, place)| events.get(*place));
        let first_end = heads().flatten().map(|event| event.ended).min().unwrap_or(NEVER);
        heads()
            .enumerate()
            .filter_map(|(client, head)| Some((client, head?)))
            .filter(|(_, head)| head.begun <= first_end)
            .collect()
    }

    /// What one event leaves, if it changes anything.
    fn step(&self, notes: &Notes, event: &Event) -> Result<Option<Notes>, String> {
        match &event.said {
            Some(said) => notes.after(&event.ask, said),
            None => Ok(notes.after_unanswered(&event.ask, &self.seen)),
        }
    }

    fn pass_what_changes_nothing(&self, places: &mut Vec<usize>, notes: &Notes) {
        let is_passed = |(_, event): &(usize, &Event)| event.said.is_some() && self.step(notes, event) == Ok(None);
        while let Some((client, _)) = self.next(places).into_iter().find(is_passed) {
            *places = advanced(places, client);
        }
    }

    /// Whether all that was answered has been put in order.
    fn is_complete(&self, places: &[usize]) -> bool {
        let mut rest = self.clients.iter().zip(places).flat_map(|(events, place)| events.iter().skip(*place));
        rest.all(|event| event.said.is_none())
    }

    fn note(&mut self, places: &[usize], against: Vec<String>) {
        let count = places.iter().sum();
        if count >= self.furthest.0 && !against.is_empty() {
            self.furthest = (count, against);
        }
    }
}

fn advanced(places: &[usize], client: usize) -> Vec<usize> {
    let advance = |(index, place): (usize, &usize)| if index == client { place + 1 } else { *place };
    places.iter().enumerate().map(advance).collect()
}
