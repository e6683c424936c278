//! Notes as api.md writes them: members in order, ids and times in their form. Parsing is the check.

use std::fmt;

use anyhow::{Context, Result, anyhow, bail, ensure};
use chrono::DateTime;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::answer::Answer;

/// A note whose form has been checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Note {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) created: String,
    pub(crate) updated: String,
}

impl Note {
    /// Milliseconds since the epoch.
    pub(crate) fn created_ms(&self) -> Result<i64> {
        milliseconds(&self.created)
    }

    /// Milliseconds since the epoch.
    pub(crate) fn updated_ms(&self) -> Result<i64> {
        milliseconds(&self.updated)
    }
}

/// A list of notes and what leads on from it.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) notes: Vec<Note>,
    /// The cursor, where more notes follow.
    pub(crate) next: Option<String>,
    /// The path in `Link`, where more notes follow.
    pub(crate) link: Option<String>,
}

/// The note in `{"note": …}`.
pub(crate) fn note_of(answer: &Answer) -> Result<Note> {
    #[derive(Deserialize)]
    struct Body {
        note: Members<String>,
    }
    ensure!(member_names(answer)? == ["note"], answer.wrong("one member, note"));
    let Body { note } = answer.json()?;
    checked(note).with_context(|| answer.wrong("a note as api.md writes it"))
}

/// The notes in `{"notes": […]}`, with `next` and `Link` both or neither.
pub(crate) fn page_of(answer: &Answer) -> Result<Page> {
    #[derive(Deserialize)]
    struct Body {
        notes: Vec<Members<String>>,
        next: Option<String>,
    }
    let names = member_names(answer)?;
    let expected = names == ["notes"] || names == ["notes", "next"];
    ensure!(expected, answer.wrong("members notes and, where more follow, next"));
    let Body { notes, next } = answer.json()?;
    let notes: Result<Vec<Note>> = notes.into_iter().map(checked).collect();
    let notes = notes.with_context(|| answer.wrong("notes as api.md writes them"))?;
    let link = answer.header("link").map(|link| target_of_next(link, answer)).transpose()?;
    ensure!(next.is_some() == link.is_some(), answer.wrong("next and Link both or neither"));
    Ok(Page { notes, next, link })
}

/// The names of an object's members, in the order of the text.
pub(crate) fn member_names(answer: &Answer) -> Result<Vec<String>> {
    Ok(answer.json::<Members<IgnoredAny>>()?.0.into_iter().map(|(name, _)| name).collect())
}

fn checked(Members(members): Members<String>) -> Result<Note> {
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    ensure!(names == ["id", "text", "created", "updated"], "members {names:?}, not id, text, created, updated");
    let mut values = members.into_iter().map(|(_, value)| value);
    let mut next = || values.next().context("too few members");
    let note = Note { id: next()?, text: next()?, created: next()?, updated: next()? };
    let letters = note.id.strip_prefix("note_").unwrap_or_default();
    let well_formed = letters.len() == 16 && letters.bytes().all(|byte| byte.is_ascii_lowercase());
    ensure!(well_formed, "id {:?} is not note_ and 16 letters", note.id);
    ensure!(note.created_ms()? <= note.updated_ms()?, "updated {} before created {}", note.updated, note.created);
    Ok(note)
}

/// The time in `2025-03-23T15:42:18.760Z`: always UTC, three decimals and `Z`.
fn milliseconds(time: &str) -> Result<i64> {
    let parsed = DateTime::parse_from_rfc3339(time).map_err(|error| anyhow!("{time:?} is not RFC 3339: {error}"))?;
    let written = parsed.to_utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    ensure!(written == time, "{time:?} should be written {written:?}");
    Ok(parsed.timestamp_millis())
}

/// The target of `<target>; rel="next"`.
fn target_of_next(link: &str, answer: &Answer) -> Result<String> {
    match link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\"")) {
        Some(target) if target.starts_with('/') && !target.contains('>') => Ok(target.to_owned()),
        _ => bail!(answer.wrong("Link: </path>; rel=\"next\"")),
    }
}

/// A JSON object with its members in the order of the text, which `serde_json::Map` forgets.
struct Members<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Members<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder(std::marker::PhantomData))
    }
}
