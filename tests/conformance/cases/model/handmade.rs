//! Notes, requests and answers as a history written by hand has them: times of one digit, a text and a tag for each.

use crate::harness::history::{Ask, Cursor, Event, NEVER, Said, Version};
use crate::harness::note::Note;

/// A note as it is when it was last changed at that time, of which text and time tell.
pub(super) fn note(id: &str, updated: u8) -> Note {
    Note { id: id.to_owned(), text: format!("{id} {updated}"), created: time(0), updated: time(updated) }
}

pub(super) fn time(number: u8) -> String {
    format!("2026-01-01T00:00:0{number}.000Z")
}

pub(super) fn tag(updated: u8) -> String {
    format!("\"{updated}\"")
}

pub(super) fn version(updated: u8) -> Version {
    Version { tag: tag(updated), updated: time(updated) }
}

pub(super) fn event(ask: Ask, said: Option<Said>, begun: u64, ended: u64) -> Event {
    Event { client: 0, begun, ended, ask, said }
}

pub(super) fn lost(ask: Ask, begun: u64) -> Event {
    event(ask, None, begun, NEVER)
}

pub(super) fn making(note: &Note) -> Ask {
    Ask::Create { text: note.text.clone() }
}

pub(super) fn changing(to: &Note) -> Ask {
    Ask::Change { id: to.id.clone(), text: to.text.clone(), only: None }
}

pub(super) fn removing(id: &str) -> Ask {
    Ask::Remove { id: id.to_owned(), only: None }
}

pub(super) fn get(id: &str, unless: Option<u8>) -> Ask {
    Ask::Get { id: id.to_owned(), unless: unless.map(version) }
}

pub(super) fn create(made: &Note, begun: u64, ended: u64) -> Event {
    event(making(made), Some(Said::Note(made.clone())), begun, ended)
}

pub(super) fn change(to: &Note, only: Option<u8>, begun: u64, ended: u64) -> Event {
    let ask = Ask::Change { id: to.id.clone(), text: to.text.clone(), only: only.map(version) };
    event(ask, Some(Said::Note(to.clone())), begun, ended)
}

/// 412 to a PATCH.
pub(super) fn changed(id: &str, only: u8, begun: u64, ended: u64) -> Event {
    let ask = Ask::Change { id: id.to_owned(), text: "refused".to_owned(), only: Some(version(only)) };
    event(ask, Some(Said::Changed), begun, ended)
}

pub(super) fn remove(note: &Note, begun: u64, ended: u64) -> Event {
    event(removing(&note.id), Some(Said::Note(note.clone())), begun, ended)
}

pub(super) fn missing(id: &str, begun: u64, ended: u64) -> Event {
    event(get(id, None), Some(Said::Missing), begun, ended)
}

pub(super) fn erase(begun: u64, ended: u64) -> Event {
    event(Ask::Erase, Some(Said::Erased), begun, ended)
}

pub(super) fn list(notes: &[&Note], begun: u64, ended: u64) -> Event {
    let notes = notes.iter().copied().cloned().collect();
    event(Ask::List { after: None, limit: None }, Some(Said::Page(notes, None)), begun, ended)
}

/// A page of one note.
pub(super) fn page(after: Option<&str>, notes: &[&Note], more: bool, begun: u64, ended: u64) -> Event {
    let cursor = |last: &str| Cursor { value: String::new(), last: last.to_owned() };
    let notes = notes.iter().copied().cloned().collect();
    let said = Said::Page(notes, more.then(String::new));
    event(Ask::List { after: after.map(cursor), limit: Some(1) }, Some(said), begun, ended)
}
