//! The user whom all clients share. Each has notes of its own there, which nobody else changes: with all others left
//! out, it must have the user for itself. Of the list as a whole, the order is checked.

use std::collections::{HashMap, HashSet};

use super::plan::CLIENTS;
use super::users::User;
use crate::harness::history::{Ask, Event, NEVER, Said, list_of, story};
use crate::harness::note::Note;
use crate::harness::order;

/// Holds what there is against what there was before and what all clients did since.
pub(super) fn explain(user: &User, before: &[Note], clients: &[&[Event]], found: &[Note]) -> Result<(), String> {
    is_of(user, found)?;
    for client in 0..CLIENTS {
        let own = |notes: &[Note]| own_part(user, client, notes);
        let mut events = Vec::new();
        for event in clients.get(client).copied().unwrap_or_default() {
            let said = match &event.said {
                Some(Said::Page(notes, next)) => {
                    is_of(user, notes)?;
                    Some(Said::Page(own(notes), next.clone()))
                }
                said => said.clone(),
            };
            events.push(Event { said, ..event.clone() });
        }
        let (before, found) = (own(before), own(found));
        order::explain(&before, &[&events], &found).map_err(|why| {
            let story = story(&before, &[&events]);
            format!("of its own client {client} {story}\n  found  {}, which is not what it did: {why}", list_of(&found))
        })?;
    }
    let events: Vec<&Event> = clients.iter().copied().flatten().collect();
    for list in events.iter().filter_map(|event| list_in(event)).chain([found]) {
        is_by_creation(before, &events, list)?;
    }
    Ok(())
}

/// The notes that this client made.
pub(super) fn own_part(user: &User, client: usize, notes: &[Note]) -> Vec<Note> {
    let mark = user.mark_of(client);
    notes.iter().filter(|note| note.text.starts_with(&mark)).cloned().collect()
}

fn list_in(event: &Event) -> Option<&[Note]> {
    match &event.said {
        Some(Said::Page(notes, _)) => Some(notes),
        _ => None,
    }
}

fn is_of(user: &User, notes: &[Note]) -> Result<(), String> {
    let mark = user.mark();
    let known = |note: &Note| (0..CLIENTS).any(|client| note.text.starts_with(&user.mark_of(client)));
    match notes.iter().find(|note| !note.text.starts_with(&mark) || !known(note)) {
        Some(note) => Err(format!("{note:?} is not marked {mark} and by a client")),
        None => Ok(()),
    }
}

/// A note stands before every one whose POST was sent when the note's own was answered, and once in the list.
fn is_by_creation(before: &[Note], events: &[&Event], list: &[Note]) -> Result<(), String> {
    let mut times: HashMap<&str, (u64, u64)> = HashMap::new();
    for event in events {
        if let (Ask::Create { .. }, Some(Said::Note(note))) = (&event.ask, &event.said) {
            times.insert(&note.id, (event.begun, event.ended));
        }
    }
    let old: Vec<&str> = before.iter().map(|note| note.id.as_str()).collect();
    let mut ids = HashSet::new();
    let (mut last_old, mut last_begun) = (0, 0);
    for note in list {
        let place = old.iter().position(|id| *id == note.id);
        // What an unanswered POST made may stand anywhere after what was there before.
        let (begun, ended) = match place {
            Some(_) => (0, 0),
            None => times.get(note.id.as_str()).copied().unwrap_or((1, NEVER)),
        };
        let is_in_order = ended >= last_begun && place.is_none_or(|place| place >= last_old);
        if !is_in_order || !ids.insert(&note.id) {
            return Err(format!("{} stands twice in the list or after a note that was made later", note.id));
        }
        last_old = place.unwrap_or(last_old);
        last_begun = last_begun.max(begun);
    }
    Ok(())
}
