//! What clients asked of a user and were answered, as a model is asked about it later.
//!
//! Times are counts of one clock that every client of a run turns on by one when it sends and when it has been answered:
//! what was answered before another request was sent came before it. A request whose answer never came has no end.

use std::fmt;

use anyhow::{Result, bail, ensure};

use super::answer::Answer;
use super::note::{Note, note_of, page_of};
use super::request::Request;

/// The end of a request that nobody answered.
pub(crate) const NEVER: u64 = u64::MAX;

/// A request about one user's notes.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Create {
        text: String,
    },
    /// The whole list, or a page of it.
    List {
        after: Option<Cursor>,
        limit: Option<usize>,
    },
    /// With a version: only if the note is not in that one.
    Get {
        id: String,
        unless: Option<Version>,
    },
    /// With a version: only if the note is still in that one.
    Change {
        id: String,
        text: String,
        only: Option<Version>,
    },
    /// The same.
    Remove {
        id: String,
        only: Option<Version>,
    },
    Erase,
}

/// Where a page ended.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    pub(crate) value: String,
    /// The id of the page's last note.
    pub(crate) last: String,
}

/// A note's entity tag, and when the note was last changed, of which the tag stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) tag: String,
    pub(crate) updated: String,
}

/// What was answered, as far as a model has a say in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Note(Note),
    /// With its entity tag.
    Tagged(Note, String),
    /// With the cursor, where more notes follow.
    Page(Vec<Note>, Option<String>),
    /// 304.
    Unchanged,
    /// 404.
    Missing,
    /// 412.
    Changed,
    /// 204.
    Erased,
}

/// A request with its answer, if there was one.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) client: usize,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) ask: Ask,
    pub(crate) said: Option<Said>,
}

impl Ask {
    /// The request, for the user at `path`.
    pub(crate) fn request(&self, path: &str) -> Request {
        let note = |method: &str, id: &str| Request::new(method, &format!("{path}/{id}"));
        let on = |request: Request, header: &str, version: &Option<Version>| match version {
            Some(version) => request.header(header, &version.tag),
            None => request,
        };
        match self {
            Self::Create { text } => Request::new("POST", path).text(text),
            Self::List { after, limit } => {
                let limit = limit.map(|limit| format!("limit={limit}"));
                let cursor = after.as_ref().map(|cursor| format!("cursor={}", cursor.value));
                let query: Vec<String> = limit.into_iter().chain(cursor).collect();
                let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
                Request::new("GET", &format!("{path}{query}"))
            }
            Self::Get { id, unless } => on(note("GET", id), "if-none-match", unless),
            Self::Change { id, text, only } => on(note("PATCH", id).text(text), "if-match", only),
            Self::Remove { id, only } => on(note("DELETE", id), "if-match", only),
            Self::Erase => Request::new("DELETE", path),
        }
    }

    /// What `answer` says to this request.
    ///
    /// # Errors
    /// A status or a form that no state of the notes can explain.
    pub(crate) fn read(&self, answer: &Answer, path: &str) -> Result<Said> {
        match (self, answer.status) {
            (Self::Create { .. }, 201) => {
                let made = note_of(answer)?;
                let location = format!("{path}/{}", made.id);
                ensure!(answer.required("location")? == location, answer.wrong(format_args!("Location: {location}")));
                Ok(Said::Note(made))
            }
            (Self::List { .. }, 200) => {
                let page = page_of(answer)?;
                Ok(Said::Page(page.notes, page.next))
            }
            (Self::Get { .. }, 200) => Ok(Said::Tagged(note_of(answer)?, answer.required("etag")?.to_owned())),
            (Self::Change { .. } | Self::Remove { .. }, 200) => Ok(Said::Note(note_of(answer)?)),
            (Self::Get { unless: Some(_), .. }, 304) => Ok(Said::Unchanged),
            (Self::Get { .. } | Self::Change { .. } | Self::Remove { .. }, 404) => Ok(Said::Missing),
            (Self::Change { only: Some(_), .. } | Self::Remove { only: Some(_), .. }, 412) => Ok(Said::Changed),
            (Self::Erase, 204) => Ok(Said::Erased),
            _ => bail!(answer.wrong("a status that this request can have")),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.begun)?;
        match self.ended {
            NEVER => write!(f, "..]")?,
            ended => write!(f, "..{ended}]")?,
        }
        write!(f, " client {}: {} -> ", self.client, self.ask)?;
        match &self.said {
            Some(said) => said.fmt(f),
            None => f.write_str("no answer"),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |f: &mut fmt::Formatter<'_>, word, version: &Option<Version>| match version {
            Some(version) => write!(f, " {word} of {}", version.updated),
            None => Ok(()),
        };
        match self {
            Self::Create { text } => write!(f, "POST {}", short(text)),
            Self::List { after, limit } => {
                f.write_str("GET the list")?;
                limit.map_or(Ok(()), |limit| write!(f, ", {limit} at most"))?;
                after.as_ref().map_or(Ok(()), |cursor| write!(f, ", after {}", cursor.last))
            }
            Self::Get { id, unless } => write!(f, "GET {id}").and_then(|()| version(f, "unless", unless)),
            Self::Change { id, text, only } => {
                write!(f, "PATCH {id} {}", short(text)).and_then(|()| version(f, "if", only))
            }
            Self::Remove { id, only } => write!(f, "DELETE {id}").and_then(|()| version(f, "if", only)),
            Self::Erase => f.write_str("DELETE the user"),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(note) | Self::Tagged(note, _) => f.write_str(&line_of(note)),
            Self::Page(notes, next) => {
                write!(f, "{}{}", list_of(notes), if next.is_some() { " and more" } else { "" })
            }
            Self::Unchanged => f.write_str("304"),
            Self::Missing => f.write_str("404"),
            Self::Changed => f.write_str("412"),
            Self::Erased => f.write_str("204"),
        }
    }
}

/// What there was, and the requests that followed, in the order in which they were sent.
pub(crate) fn story(before: &[Note], clients: &[&[Event]]) -> String {
    let mut events: Vec<&Event> = clients.iter().copied().flatten().collect();
    events.sort_by_key(|event| event.begun);
    let lines: Vec<String> = events.into_iter().map(|event| format!("\n    {event}")).collect();
    format!("had {}{}", list_of(before), lines.concat())
}

/// Notes in short, for messages.
pub(crate) fn list_of<'a>(notes: impl IntoIterator<Item = &'a Note>) -> String {
    let lines: Vec<String> = notes.into_iter().map(line_of).collect();
    format!("[{}]", lines.join(", "))
}

fn line_of(note: &Note) -> String {
    format!("{} {} of {}", note.id, short(&note.text), note.updated)
}

/// The beginning of a text, which says who wrote it when, and its length.
fn short(text: &str) -> String {
    let beginning: String = text.chars().take(48).collect();
    if beginning.len() == text.len() { format!("{text:?}") } else { format!("{beginning:?}… ({} bytes)", text.len()) }
}
