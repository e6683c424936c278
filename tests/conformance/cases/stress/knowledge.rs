//! What a client remembers of a user, to choose its next requests by. Where others change the same notes it may be out of
//! date, which makes for requests that must fail.

use std::collections::HashMap;

use crate::harness::history::{Ask, Event, Said, Version};
use crate::harness::note::Note;
use crate::harness::random::Random;

/// Ids remembered that are not there any more, or never were.
const MOST_GONE: usize = 8;

#[derive(Debug)]
pub(super) struct Knowledge {
    /// As they were last seen.
    pub(super) notes: Vec<Note>,
    /// Ids of removed and erased notes, and of another user's.
    pub(super) gone: Vec<String>,
    /// By id, the version last seen with its tag; it may be an old one.
    versions: HashMap<String, Version>,
}

impl Knowledge {
    /// `strange` are the ids of another user's notes.
    pub(super) fn new(notes: Vec<Note>, strange: Vec<String>) -> Self {
        let mut known = Self { notes, gone: Vec::new(), versions: HashMap::new() };
        known.forget(strange);
        known
    }

    /// The version to name in a condition: in half of the cases where there is one.
    pub(super) fn version(&self, id: &str, random: &mut Random) -> Option<Version> {
        self.versions.get(id).filter(|_| random.below(2) == 0).cloned()
    }

    /// Takes from an answer what it tells; `own` leaves out of a list what is not to be touched.
    pub(super) fn learn(&mut self, event: &Event, own: impl Fn(&[Note]) -> Vec<Note>) {
        match (&event.ask, &event.said) {
            (Ask::Create { .. }, Some(Said::Note(note))) => self.notes.push(note.clone()),
            (Ask::List { after: None, limit: None }, Some(Said::Page(notes, _))) => self.notes = own(notes),
            (Ask::Change { id, .. }, Some(Said::Note(note))) => self.see(id, note),
            (Ask::Get { id, .. }, Some(Said::Tagged(note, tag))) => {
                self.see(id, note);
                let version = Version { tag: tag.clone(), updated: note.updated.clone() };
                self.versions.insert(id.clone(), version);
            }
            (Ask::Remove { id, .. }, Some(Said::Note(_)))
            | (Ask::Get { id, .. } | Ask::Change { id, .. } | Ask::Remove { id, .. }, Some(Said::Missing)) => {
                self.notes.retain(|note| note.id != *id);
                self.forget(vec![id.clone()]);
            }
            (Ask::Erase, Some(Said::Erased)) => {
                let erased = std::mem::take(&mut self.notes);
                self.forget(erased.into_iter().map(|note| note.id).collect());
            }
            _ => {}
        }
    }

    fn see(&mut self, id: &str, seen: &Note) {
        if let Some(note) = self.notes.iter_mut().find(|note| note.id == id) {
            *note = seen.clone();
        }
    }

    fn forget(&mut self, ids: Vec<String>) {
        self.gone.extend(ids);
        let above = self.gone.len().saturating_sub(MOST_GONE);
        self.gone.drain(..above);
    }
}
