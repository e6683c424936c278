//! Conditional requests (RFC 9110, section 13) by strong entity tags.
//!
//! A note's tag is `"<updated>-<schema>"`: when it last changed, and the newest migration of the build that shows it.
//! No hash is needed, since `updated` grows with every change.
//!
//! `If-None-Match` is compared weakly and counts for `GET` and `HEAD` of a note alone; `If-Match` is compared
//! strongly and counts for `PATCH` and `DELETE` of a note alone. Both may be a list, over any number of header lines.
//! An entry that is not a tag matches nothing. Dates are not looked at.

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ownbase_database::{Database, Error};

use crate::notes::{self, Note, NoteId};
use crate::problem::Problem;

/// A note's entity tag, quotes included.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tag(String);

impl Tag {
    /// The tag of `note` as it stands.
    pub(crate) fn of(note: &Note) -> Self {
        Self(format!("\"{}-{}\"", note.updated.timestamp_millis(), crate::schema()))
    }

    /// Whether the client says by `If-None-Match` that it has this very note (a 304 is due).
    pub(crate) fn is_known(&self, headers: &HeaderMap) -> bool {
        is_any(headers, header::IF_NONE_MATCH)
            || tags(headers, header::IF_NONE_MATCH).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == self.0)
    }

    /// Whether `If-Match` names this tag.
    fn is_demanded(&self, headers: &HeaderMap) -> bool {
        tags(headers, header::IF_MATCH).any(|tag| tag == self.0)
    }

    /// As the value of an `ETag` header.
    pub(crate) fn value(&self) -> Result<HeaderValue, Problem> {
        HeaderValue::try_from(&self.0).map_err(Problem::internal)
    }
}

/// Changes the note `id` by `change`, if `If-Match` allows it. `change` gets the `updated` at which the note must
/// still stand, or `None` for any, and says `None` where there is no such note.
///
/// Of any number of requests that carry the same tag, one finds the note as it must be: the statement itself compares.
pub(crate) fn change(
    database: &impl Database,
    id: &NoteId,
    headers: &HeaderMap,
    change: impl Fn(Option<DateTime<Utc>>) -> Result<Option<Note>, Error>,
) -> Result<Note, Problem> {
    // `*` asks only that there be such a note, as every change does.
    if !headers.contains_key(header::IF_MATCH) || is_any(headers, header::IF_MATCH) {
        return change(None)?.ok_or(Problem::NoSuchNote);
    }
    // Comes round again only where another request changed the note in between. Since `updated` grows, every tag in
    // the list can let it pass once at most.
    loop {
        let current = notes::get(database, id)?.ok_or(Problem::NoSuchNote)?;
        if !Tag::of(&current).is_demanded(headers) {
            return Err(Problem::Changed);
        }
        if let Some(changed) = change(Some(current.updated))? {
            return Ok(changed);
        }
    }
}

/// Whether the header is the one word `*`.
fn is_any(headers: &HeaderMap, name: HeaderName) -> bool {
    let mut lines = headers.get_all(name).iter();
    lines.next().is_some_and(|value| value.as_bytes().trim_ascii() == b"*") && lines.next().is_none()
}

/// The entries of a list of tags. Commas inside a tag split it too, which is harmless: a tag holds no quote, so none
/// of its pieces has one at either end, as all of ours have.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use headers::{ETag, HeaderMapExt, IfMatch, IfNoneMatch};
    use proptest::prelude::*;

    use super::*;

    /// What stands between the commas of a list: tags good, weak and foreign, with commas inside, and what is no tag.
    fn entry() -> impl Strategy<Value = String> {
        let ours = prop_oneof![Just("\"5-1\"".to_owned()), Just("W/\"5-1\"".to_owned())];
        let others = prop_oneof!["\"[0-9,a-z-]{0,6}\"", "W/\"[0-9-]{0,4}\"", "[*a-z0-9/-]{0,4}"];
        prop_oneof![1 => ours, 3 => others]
    }

    fn list() -> impl Strategy<Value = String> {
        let entries = proptest::collection::vec(("[ \t]{0,2}", entry(), "[ \t]{0,2}"), 0..5);
        let lists = entries.prop_map(|entries| {
            entries.into_iter().map(|(before, entry, after)| before + &entry + &after).collect::<Vec<_>>().join(",")
        });
        // A server hands header values over trimmed.
        prop_oneof![1 => Just("*".to_owned()), 9 => lists].prop_map(|list| list.trim().to_owned())
    }

    fn headers(name: HeaderName, lines: &[String]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), HeaderValue::try_from(line).unwrap())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn lists_are_compared_as_the_headers_crate_does(lines in proptest::collection::vec(list(), 1..3)) {
            let tag = Tag("\"5-1\"".to_owned());
            let theirs: ETag = tag.0.parse().unwrap();

            let none_match = headers(header::IF_NONE_MATCH, &lines);
            let passes = none_match.typed_get::<IfNoneMatch>().unwrap().precondition_passes(&theirs);
            prop_assert_eq!(tag.is_known(&none_match), !passes);

            let if_match = headers(header::IF_MATCH, &lines);
            let passes = if_match.typed_get::<IfMatch>().unwrap().precondition_passes(&theirs);
            prop_assert_eq!(is_any(&if_match, header::IF_MATCH) || tag.is_demanded(&if_match), passes);
        }
    }

    #[test]
    fn bytes_beyond_ascii_match_nothing_and_do_no_harm() {
        let tag = Tag("\"5-1\"".to_owned());
        let mut headers = HeaderMap::new();
        headers.append(header::IF_NONE_MATCH, HeaderValue::from_bytes(b"\"\xff\"").unwrap());
        assert!(!tag.is_known(&headers));
        headers.append(header::IF_NONE_MATCH, HeaderValue::from_static("\"5-1\""));
        assert!(tag.is_known(&headers));
    }
}
