//! What a user's notes are, as docs/api.md has it, in memory: which answer a request must get, and what it leaves.
//!
//! It reads a history, it does not foretell one: ids and times come from the answers. What an unanswered request would
//! have told is taken from what others saw of it, where anybody did; otherwise it stands as [`UNSEEN`].

use std::collections::HashMap;

use super::history::{Ask, Cursor, Event, Said, Version, list_of};
use super::note::Note;

/// The id or time of something that nobody was told of.
const UNSEEN: &str = "unseen";

/// One user's notes, oldest first. Those removed keep their place, since a cursor may point to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Notes(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Row {
    note: Note,
    removed: bool,
}

/// What was seen of each text: texts are written once, so it tells what came of a request that was not answered.
#[derive(Debug, Default)]
pub(crate) struct Sightings<'a>(HashMap<&'a str, &'a Note>);

impl<'a> Sightings<'a> {
    /// From all that was answered, and what was there in the end.
    pub(crate) fn of(events: impl IntoIterator<Item = &'a Event>, end: &'a [Note]) -> Self {
        let mut seen: HashMap<&str, &Note> = end.iter().map(|note| (note.text.as_str(), note)).collect();
        for event in events {
            let notes = match &event.said {
                Some(Said::Note(note) | Said::Tagged(note, _)) => std::slice::from_ref(note),
                Some(Said::Page(notes, _)) => notes,
                _ => &[],
            };
            seen.extend(notes.iter().map(|note| (note.text.as_str(), note)));
        }
        Self(seen)
    }
}

impl Notes {
    pub(crate) fn new(notes: &[Note]) -> Self {
        Self(notes.iter().cloned().map(Row::new).collect())
    }

    /// What is there, oldest first.
    pub(crate) fn there(&self) -> impl Iterator<Item = &Note> {
        self.0.iter().filter(|row| !row.removed).map(|row| &row.note)
    }

    /// What a request leaves that was answered so; `None` if it changes nothing.
    ///
    /// # Errors
    /// Why it cannot have been answered so.
    pub(crate) fn after(&self, ask: &Ask, said: &Said) -> Result<Option<Self>, String> {
        match (ask, said) {
            (Ask::Create { text }, Said::Note(made)) => self.created(text, made).map(Some),
            (Ask::List { after, limit }, Said::Page(notes, next)) => {
                self.lists(after.as_ref(), *limit, notes, next.is_some()).map(|()| None)
            }
            (Ask::Erase, Said::Erased) => Ok(Some(Self::default())),
            (Ask::Get { id, .. } | Ask::Change { id, .. } | Ask::Remove { id, .. }, said) => {
                self.about_one(self.place(id), ask, said)
            }
            _ => Err(format!("{ask} cannot be answered by {said}")),
        }
    }

    /// What a request leaves that was carried out and not answered; `None` if it changes nothing.
    pub(crate) fn after_unanswered(&self, ask: &Ask, seen: &Sightings<'_>) -> Option<Self> {
        let mut after = self.clone();
        match ask {
            Ask::Create { text } => {
                let unseen = || {
                    let unseen = UNSEEN.to_owned();
                    Note { id: unseen.clone(), text: text.clone(), created: unseen.clone(), updated: unseen }
                };
                let made = seen.0.get(text.as_str()).map_or_else(unseen, |note| (*note).clone());
                return self.created(text, &made).ok();
            }
            Ask::Change { id, text, only } => {
                let row = after.row_in(self.place(id)?, only.as_ref())?;
                let unseen = || Note { text: text.clone(), updated: UNSEEN.to_owned(), ..row.note.clone() };
                let left = seen.0.get(text.as_str()).map_or_else(unseen, |note| (*note).clone());
                if !is_changed(&row.note, text, &left) {
                    return None;
                }
                row.note = left;
            }
            Ask::Remove { id, only } => after.row_in(self.place(id)?, only.as_ref())?.removed = true,
            Ask::Erase => after.0.clear(),
            Ask::List { .. } | Ask::Get { .. } => return None,
        }
        Some(after)
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|row| !row.removed && row.note.id == id)
    }

    /// The note at a place, if its version is that one or none is asked for.
    fn row_in(&mut self, place: usize, only: Option<&Version>) -> Option<&mut Row> {
        let row = self.0.get_mut(place)?;
        only.is_none_or(|version| version.updated == row.note.updated).then_some(row)
    }

    fn created(&self, text: &str, made: &Note) -> Result<Self, String> {
        if made.text != text || made.created != made.updated {
            return Err(format!("the note made is not the one asked for: {made:?}"));
        }
        if made.id != UNSEEN && self.0.iter().any(|row| row.note.id == made.id) {
            return Err(format!("the id {} is there already", made.id));
        }
        let mut after = self.clone();
        after.0.push(Row::new(made.clone()));
        Ok(after)
    }

    fn lists(&self, after: Option<&Cursor>, limit: Option<usize>, notes: &[Note], more: bool) -> Result<(), String> {
        let limit = limit.unwrap_or(usize::MAX);
        let from = |start: usize| self.0.iter().skip(start).filter(|row| !row.removed).map(|row| &row.note);
        let fits = |start: usize| from(start).take(limit).eq(notes) && (from(start).count() > limit) == more;
        let start = match after {
            None => 0,
            Some(cursor) => match self.0.iter().position(|row| row.note.id == cursor.last) {
                Some(place) => place + 1,
                // The user was erased since: what the cursor means then is not promised, but it shows a part of the list.
                None if (0..=self.0.len()).any(fits) => return Ok(()),
                None => return Err(format!("the notes are {}, of which this is no part", list_of(self.there()))),
            },
        };
        if fits(start) {
            return Ok(());
        }
        let expected: Vec<&Note> = from(start).take(limit).collect();
        let length = notes.len().max(expected.len());
        let differing = (0..length).find(|index| notes.get(*index) != expected.get(*index).copied());
        let follows = if from(start).count() > limit { " and more" } else { "" };
        Err(match differing {
            Some(index) => format!(
                "number {index} is {:?}, not {:?}; the list is {}{follows}",
                notes.get(index),
                expected.get(index),
                list_of(expected.iter().copied())
            ),
            None => format!("the list is {}{follows}, with next if more follows", list_of(expected)),
        })
    }

    fn about_one(&self, place: Option<usize>, ask: &Ask, said: &Said) -> Result<Option<Self>, String> {
        let Some((place, row)) = place.and_then(|place| Some((place, self.0.get(place)?))) else {
            return if *said == Said::Missing { Ok(None) } else { Err("there is no such note".to_owned()) };
        };
        let now = &row.note;
        let is_in = |version: &Version| version.updated == now.updated;
        let mut after = self.clone();
        let Some(left) = after.0.get_mut(place) else { return Err("no such place".to_owned()) };
        let fits = match (ask, said) {
            (Ask::Get { unless, .. }, Said::Tagged(told, _)) => {
                return if told == now && !unless.as_ref().is_some_and(is_in) { Ok(None) } else { Err(is(now)) };
            }
            (Ask::Get { unless: Some(version), .. }, Said::Unchanged) => {
                return if is_in(version) { Ok(None) } else { Err(is(now)) };
            }
            (Ask::Change { only: Some(version), .. } | Ask::Remove { only: Some(version), .. }, Said::Changed) => {
                return if is_in(version) { Err(is(now)) } else { Ok(None) };
            }
            (Ask::Change { text, only, .. }, Said::Note(told)) => {
                left.note = told.clone();
                is_changed(now, text, told) && only.as_ref().is_none_or(is_in)
            }
            (Ask::Remove { only, .. }, Said::Note(told)) => {
                left.removed = true;
                told == now && only.as_ref().is_none_or(is_in)
            }
            _ => false,
        };
        if fits { Ok(Some(after)) } else { Err(is(now)) }
    }
}

impl Row {
    fn new(note: Note) -> Self {
        Self { note, removed: false }
    }
}

/// Whether this is what a PATCH leaves of a note.
fn is_changed(from: &Note, text: &str, to: &Note) -> bool {
    let is_unseen = from.updated == UNSEEN || to.updated == UNSEEN;
    let has_moved = is_unseen || to.updated > from.updated;
    has_moved && to.text == text && to.id == from.id && to.created == from.created
}

fn is(now: &Note) -> String {
    format!("the note is {}", list_of([now]))
}
