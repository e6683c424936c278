//! A user's notes, as answers tell of them, and what requests make of them.

use super::exchanges::Exchange;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// One note. What no answer has told is not known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    id: Option<String>,
    text: String,
    created: Option<String>,
    updated: Option<String>,
}

/// All notes of a user, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Notes(Arc<Vec<Note>>);

impl Notes {
    /// The whole list that a GET answered.
    pub(crate) fn listed(body: &[u8]) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_slice(body).context("the list is no JSON")?;
        ensure!(value["next"].is_null(), "the list goes on");
        let notes = value["notes"].as_array().context("no list of notes")?;
        Ok(Self(Arc::new(notes.iter().map(Note::told).collect::<Result<_, _>>()?)))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether these may be those, where something of one is not known.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(other.0.iter()).all(|(one, other)| one.may_be(other))
    }

    /// What a request makes of them, if it is done. It may have no answer.
    pub(crate) fn after(&self, request: &Exchange) -> anyhow::Result<Self> {
        let (_, note) = user_and_note(&request.path);
        let status = request.answer.as_ref().map(|answer| answer.status);
        let mut notes = (*self.0).clone();
        let place = notes.iter().position(|known| known.id.as_deref() == note);
        match (&*request.method, note, status, place) {
            ("POST", None, None | Some(201), _) => notes.push(Note::sent(request)?),
            ("PATCH", Some(_), None | Some(200), Some(place)) => {
                let patched = Note::sent(request)?;
                if let Some(note) = notes.get_mut(place) {
                    (note.text, note.updated) = (patched.text, patched.updated);
                }
            }
            ("DELETE", Some(_), None | Some(200), Some(place)) => drop(notes.remove(place)),
            ("DELETE", None, None | Some(204), _) => notes.clear(),
            ("PATCH" | "DELETE", Some(_), None | Some(404), None) => {}
            (method, ..) => bail!("{method} {} answered {status:?}, with {self}", request.path),
        }
        Ok(Self(Arc::new(notes)))
    }
}

/// A path's user, and note if it names one.
pub(crate) fn user_and_note(path: &str) -> (&str, Option<&str>) {
    let path = path.trim_start_matches('/');
    path.split_once('/').map_or((path, None), |(user, note)| (user, Some(note)))
}

impl Note {
    fn told(value: &Value) -> anyhow::Result<Self> {
        let field = |name: &str| value[name].as_str().map(str::to_owned);
        let text = field("text").context("a note without a text")?;
        Ok(Self { id: field("id"), text, created: field("created"), updated: field("updated") })
    }

    /// As its answer tells it, or its request.
    fn sent(request: &Exchange) -> anyhow::Result<Self> {
        let read = |body: &[u8]| serde_json::from_slice::<Value>(body).context("a body that is no JSON");
        match &request.answer {
            Some(answer) => Self::told(&read(&answer.body)?["note"]),
            None => Self::told(&read(&request.body)?),
        }
    }

    fn may_be(&self, other: &Self) -> bool {
        let agree = |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        self.text == other.text
            && agree(&self.id, &other.id)
            && agree(&self.created, &other.created)
            && agree(&self.updated, &other.updated)
    }
}

/// For a person: the beginning of each text is enough, since it is a number of its own.
impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} notes", self.0.len())?;
        for note in &*self.0 {
            let id = note.id.as_deref().unwrap_or("?");
            let text: String = note.text.chars().take(24).collect();
            write!(f, "\n    {id} {text} ({} bytes)", note.text.len())?;
        }
        Ok(())
    }
}
