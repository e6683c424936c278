//! Notes, and what can be done with them in a user's database: free functions over the port.
//!
//! Notes are ordered by `seq`, an AUTOINCREMENT key that is never used twice; clocks step back, so times order
//! nothing. `updated` grows by a millisecond at least with every change, which makes it a version.
//!
//! A user without a database ([`Error::Missing`]) is one without notes, here and for the client. Only [`create`]
//! makes what is missing.

use std::fmt;

use chrono::{DateTime, Utc};
use ownbase_database::migration::recreate_with;
use ownbase_database::{Database, Environment, Error, Label, Timestamp};
use percent_encoding::percent_decode_str;

use crate::MIGRATIONS;
use crate::queries::{self, Create, Delete, List, ListRow, StoredNote, Update};

/// How often a new id may turn out to be taken. At 75 bits of randomness even one collision is a broken generator.
const ID_ATTEMPTS: u32 = 4;

/// A note as it is stored and shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    pub(crate) id: NoteId,
    pub(crate) text: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

/// A note's name: `note_` and 16 letters `a` to `z`, 75 bits of randomness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoteId(String);

impl NoteId {
    const PREFIX: &str = "note_";
    const LETTERS: usize = 16;

    /// Reads a raw, percent-encoded path segment; `None` if no note can have this id.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        let id = percent_decode_str(segment).decode_utf8().ok()?;
        let letters = id.strip_prefix(Self::PREFIX)?;
        let well_formed = letters.len() == Self::LETTERS && letters.bytes().all(|byte| byte.is_ascii_lowercase());
        well_formed.then(|| Self(id.into_owned()))
    }

    /// The id itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn new(environment: &impl Environment) -> Self {
        let random = |length| {
            let mut bytes = vec![0; length];
            environment.random(&mut bytes);
            bytes
        };
        Self(format!("{}{}", Self::PREFIX, nanoid::format(random, &ALPHABET, Self::LETTERS)))
    }
}

impl fmt::Display for NoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[rustfmt::skip]
const ALPHABET: [char; 26] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
];

/// Stores a new note, and makes the database again if it was erased since the instance last saw it.
pub(crate) fn create<E: Environment>(environment: &E, label: &Label, text: String) -> Result<Note, Error> {
    let database = environment.open(label)?;
    let now = environment.now();
    let mut note = Note { id: NoteId::new(environment), text, created: time(now.0)?, updated: time(now.0)? };
    for _ in 1..ID_ATTEMPTS {
        match insert(environment, &database, label, &note) {
            Err(Error::Constraint(_)) => note.id = NoteId::new(environment),
            stored => return stored.map(|()| note),
        }
    }
    insert(environment, &database, label, &note).map(|()| note)
}

fn insert<E: Environment>(environment: &E, database: &E::Database, label: &Label, note: &Note) -> Result<(), Error> {
    let create = queries::create(Create { id: &note.id.0, text: &note.text, now: note.created.timestamp_millis() });
    match create.run(database) {
        // Erased anew at every attempt: a database that is too much in use, and worth another try.
        Err(Error::Missing) => match recreate_with(environment, label, MIGRATIONS, create.statement()) {
            Err(Error::Missing) => Err(Error::Busy),
            created => created,
        },
        created => created,
    }
}

/// At most `limit` notes after the place `after`, oldest first, each with its own place.
pub(crate) fn list(
    database: &impl Database,
    after: i64,
    limit: usize,
) -> Result<impl ExactSizeIterator<Item = Result<(i64, Note), Error>>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = or_none(queries::list(database, List { after, limit }))?;
    Ok(rows.map(|row| {
        let ListRow { id, text, created, updated, seq } = row?;
        Ok((seq, note(StoredNote { id, text, created, updated })?))
    }))
}

/// The note `id`.
pub(crate) fn get(database: &impl Database, id: &NoteId) -> Result<Option<Note>, Error> {
    or_none(queries::get(database, &id.0))?.map(note).transpose()
}

/// Gives the note `id` a new text, if it is still the one last changed at `unchanged_since` (where given).
/// `None` if there is no such note, or not any more.
pub(crate) fn update(
    database: &impl Database,
    id: &NoteId,
    text: &str,
    Timestamp(now): Timestamp,
    unchanged_since: Option<DateTime<Utc>>,
) -> Result<Option<Note>, Error> {
    let unchanged_since = unchanged_since.map(|time| time.timestamp_millis());
    or_none(queries::update(database, Update { text, now, id: &id.0, unchanged_since }))?.map(note).transpose()
}

/// Removes the note `id` and returns it as it was, under the same condition as [`update`].
pub(crate) fn delete(
    database: &impl Database,
    id: &NoteId,
    unchanged_since: Option<DateTime<Utc>>,
) -> Result<Option<Note>, Error> {
    let unchanged_since = unchanged_since.map(|time| time.timestamp_millis());
    or_none(queries::delete(database, Delete { id: &id.0, unchanged_since }))?.map(note).transpose()
}

/// What a query finds in the database of a user who has none: nothing.
fn or_none<T: Default>(found: Result<T, Error>) -> Result<T, Error> {
    if let Err(Error::Missing) = found { Ok(T::default()) } else { found }
}

fn note(StoredNote { id, text, created, updated }: StoredNote) -> Result<Note, Error> {
    Ok(Note { id: NoteId(id), text, created: time(created)?, updated: time(updated)? })
}

fn time(millis: i64) -> Result<DateTime<Utc>, Error> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| Error::Failed {
        code: "SQLITE_MISMATCH".into(),
        message: format!("{millis} ms is beyond the calendar"),
    })
}
