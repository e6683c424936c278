//! Lists of notes, in pages.
//!
//! A page ends after `limit` notes (1 to 1,000; without one it has no such end), and in any case before it carries
//! more than 8 MiB of text. It also ends before 16 MiB of JSON, which only texts full of escapes or some 130,000 tiny
//! notes reach, so that an instance of 64 MiB can make any page. Where notes follow, it names the next page's cursor.
//!
//! A cursor is a place in the order of notes: the `seq` of the last note shown, in base64url without padding
//! (RFC 4648, section 5). It stays right whatever is created or deleted meanwhile, the note it was made from included.
//! It is not secret and not signed, since it opens nothing but the user's own list.
//!
//! Notes are fetched in chunks of 128 (8 MiB of text at the most), so memory stays bounded however many there are.

use std::fmt;

use form_urlencoded::parse;
use ownbase_database::Database;

use crate::json::{self, NOTE_BYTES};
use crate::notes;
use crate::problem::Problem;

const MAX_LIMIT: usize = 1000;

/// The most text that a list carries, in bytes. One note has 65,536, so each page has one at least.
const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// The longest body of a list, in bytes. One note has at most six times its text, every byte as `\u0000`.
const MAX_JSON_BYTES: usize = 16 * 1024 * 1024;

/// Room that is made for a text beforehand.
const USUAL_TEXT_BYTES: usize = 64;

/// Rows fetched by one statement at the most.
const CHUNK: usize = 128;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Page {
    /// How many notes at the most.
    pub(crate) limit: Option<usize>,
    /// Where the page before ended.
    pub(crate) cursor: Option<Cursor>,
}

impl Page {
    /// Parses a query. Parameters of other names are passed over.
    pub(crate) fn parse(query: &str) -> Result<Self, Problem> {
        let mut page = Self::default();
        for (name, value) in parse(query.as_bytes()) {
            match &*name {
                "limit" => once(&mut page.limit, limit(&value)).ok_or(Problem::Limit)?,
                "cursor" => once(&mut page.cursor, Cursor::parse(&value)).ok_or(Problem::Cursor)?,
                _ => {}
            }
        }
        Ok(page)
    }
}

/// Sets `slot`; `None` if there is no value to set, or one is set already.
fn once<T>(slot: &mut Option<T>, value: Option<T>) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value?);
    Some(())
}

fn limit(value: &str) -> Option<usize> {
    // `parse` alone would take a sign.
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|limit| digits && (1..=MAX_LIMIT).contains(limit))
}

/// A place in the order of notes: after the note whose `seq` this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor(i64);

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Cursor {
    /// Eight bytes are eleven letters of six bits, the last two bits unused.
    const LETTERS: usize = 11;

    fn parse(text: &str) -> Option<Self> {
        if text.len() != Self::LETTERS {
            return None;
        }
        let bits = text.bytes().try_fold(0_u128, |bits, letter| {
            let six = BASE64URL.iter().position(|&known| known == letter)?;
            Some(bits << 6 | six as u128)
        })?;
        // Only the one spelling that we make ourselves; a negative `seq` does not fit and fails too.
        let seq = i64::try_from(bits >> 2).ok()?;
        (bits & 3 == 0).then_some(Self(seq))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from(self.0.cast_unsigned()) << 2;
        (0..Self::LETTERS).rev().try_for_each(|place| {
            let six = (bits >> (6 * place)) & 63;
            fmt::Write::write_char(f, char::from(BASE64URL[six as usize]))
        })
    }
}

/// A list, ready to be sent.
#[derive(Debug, PartialEq)]
pub(crate) struct List {
    /// `{"notes": […]}`, with a `next` where there is one.
    pub(crate) json: Vec<u8>,
    /// Where the next page begins, if notes follow.
    pub(crate) next: Option<Cursor>,
}

/// Reads `page` from the database, straight into the JSON of the answer.
pub(crate) fn read(database: &impl Database, page: Page) -> Result<List, Problem> {
    let mut json = br#"{"notes":["#.to_vec();
    let next = write_notes(database, page, &mut json)?;
    json.push(b']');
    if let Some(cursor) = next {
        json.extend_from_slice(format!(r#","next":"{cursor}""#).as_bytes());
    }
    json.push(b'}');
    Ok(List { json, next })
}

fn write_notes(database: &impl Database, page: Page, json: &mut Vec<u8>) -> Result<Option<Cursor>, Problem> {
    /// Room for what follows the last note: `],"next":"AAAAAAAAAAA"}`.
    const TAIL_BYTES: usize = 24;

    let start = json.len();
    let mut after = page.cursor.map_or(0, |cursor| cursor.0);
    let mut left = page.limit.unwrap_or(usize::MAX);
    let mut text_bytes = 0;
    loop {
        // One more than is wanted tells whether any follow.
        let asked = left.saturating_add(1).min(CHUNK);
        let chunk = notes::list(database, after, asked)?;
        let is_last = chunk.len() < asked;
        json.reserve(chunk.len() * (NOTE_BYTES + USUAL_TEXT_BYTES));
        for row in chunk {
            let (seq, note) = row?;
            let end = json.len();
            if end > start {
                json.push(b',');
            }
            json::push_note(json, &note);
            text_bytes += note.text.len();
            if left == 0 || text_bytes > MAX_TEXT_BYTES || json.len() + TAIL_BYTES > MAX_JSON_BYTES {
                json.truncate(end);
                return Ok(Some(Cursor(after)));
            }
            after = seq;
            left -= 1;
        }
        if is_last {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_says_which_page() {
        let after_7 = Some(Cursor(7));
        let cases = [
            ("", Page::default()),
            ("limit=1", Page { limit: Some(1), cursor: None }),
            ("cursor=AAAAAAAAAAc&limit=1000", Page { limit: Some(1000), cursor: after_7 }),
            ("x=1&x=2&limit=010&Limit=0&limit%00=0", Page { limit: Some(10), cursor: None }),
            ("%6cimit=2&curso%72=AAAAAAAAAA%63", Page { limit: Some(2), cursor: after_7 }),
        ];
        for (query, expected) in cases {
            assert_eq!(Page::parse(query).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn a_malformed_or_repeated_parameter_is_refused() {
        for limit in ["0", "1001", "-1", "%2B1", "+1", "1.0", "1e2", "", "ten", "99999999999999999999", "%D9%A1"] {
            assert!(matches!(Page::parse(&format!("limit={limit}")), Err(Problem::Limit)), "{limit}");
        }
        // A letter too few or many, padding, base64's other alphabet, stray bits, a negative place.
        for cursor in ["", "AAAAAAAAAA", "AAAAAAAAAAcA", "AAAAAAAAAAc=", "AAAAAAAAA+c", "AAAAAAAAAAd", "gAAAAAAAAAA"] {
            assert!(matches!(Page::parse(&format!("cursor={cursor}")), Err(Problem::Cursor)), "{cursor}");
        }
        assert!(matches!(Page::parse("limit"), Err(Problem::Limit)));
        assert!(matches!(Page::parse("limit=1&limit=1"), Err(Problem::Limit)));
        assert!(matches!(Page::parse("cursor=AAAAAAAAAAc&cursor=AAAAAAAAAAc"), Err(Problem::Cursor)));
    }

    #[test]
    fn a_cursor_is_base64url_of_eight_bytes() {
        assert_eq!(Cursor(0).to_string(), "AAAAAAAAAAA");
        assert_eq!(Cursor(7).to_string(), "AAAAAAAAAAc");
        assert_eq!(Cursor(i64::MAX).to_string(), "f_________8");
        assert_eq!(Cursor(0x0102_0304_0506_0708).to_string(), "AQIDBAUGBwg");
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(seq in 0..=i64::MAX) {
            prop_assert_eq!(Cursor::parse(&Cursor(seq).to_string()), Some(Cursor(seq)));
        }

        #[test]
        fn a_cursor_has_one_spelling(text in "[A-Za-z0-9_-]{11}") {
            if let Some(cursor) = Cursor::parse(&text) {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }

        #[test]
        fn no_query_makes_it_panic(query in "\\PC{0,60}") {
            let _ = Page::parse(&query);
        }
    }
}
