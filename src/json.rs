//! A note as JSON (RFC 8259), written straight into the body of an answer.
//!
//! Written here and not derived, because most of what a list costs in the component is this: member names and times need
//! no look for letters to escape, and a text without any is found to be one eight bytes at a time. Where there are some,
//! serde_json writes the text.

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};

use crate::notes::Note;

/// What a note takes but for its text, if that needs no escapes.
pub(crate) const NOTE_BYTES: usize = 114;

/// Appends a note, members in the order of the API.
pub(crate) fn push_note(json: &mut Vec<u8>, note: &Note) {
    json.extend_from_slice(br#"{"id":"#);
    push_text(json, note.id.as_str());
    json.extend_from_slice(br#","text":"#);
    push_text(json, &note.text);
    json.extend_from_slice(br#","created":""#);
    push_time(json, note.created);
    json.extend_from_slice(br#"","updated":""#);
    push_time(json, note.updated);
    json.extend_from_slice(br#""}"#);
}

fn push_text(json: &mut Vec<u8>, text: &str) {
    if has_escapes(text.as_bytes()) {
        // A vector takes all that is written to it, and a text always becomes JSON.
        let _ = serde_json::to_writer(json, text);
    } else {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    }
}

/// Whether there is a control character, a quote or a backslash.
fn has_escapes(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES << 7;

    let (words, rest) = text.as_chunks::<8>();
    words.iter().any(|word| {
        let word = u64::from_le_bytes(*word);
        // The lowest byte that is less than `limit` sets its high bit; where there is none, no bit is set.
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
        let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        below(word, 0x20) | is(b'"') | is(b'\\') != 0
    }) || rest.iter().any(|byte| matches!(byte, ..0x20 | b'"' | b'\\'))
}

/// Appends a time in UTC, with three decimals always: `2025-03-23T15:42:18.760Z` (RFC 3339).
fn push_time(json: &mut Vec<u8>, time: DateTime<Utc>) {
    let Ok(year @ 0..=9999) = u32::try_from(time.year()) else {
        return json.extend_from_slice(time.to_rfc3339_opts(SecondsFormat::Millis, true).as_bytes());
    };
    // Asked for a part of itself, a time in a zone works out its local time first.
    let (local, mut text) = (time.naive_utc(), *b"yyyy-mm-ddThh:mm:ss.mmmZ");
    let parts = [
        (0..4, year),
        (5..7, local.month()),
        (8..10, local.day()),
        (11..13, local.hour()),
        (14..16, local.minute()),
        (17..19, local.second()),
        (20..23, time.timestamp_subsec_millis()),
    ];
    for (place, mut number) in parts {
        for digit in text[place].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    json.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::notes::NoteId;

    fn written(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut json = Vec::new();
        push(&mut json);
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn a_note_is_shown_as_the_api_says() {
        let time = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        let note = Note {
            id: NoteId::parse("note_jxqegmbonzvdstpy").unwrap(),
            text: "Buy groceries".into(),
            created: time(1_742_744_538_760),
            updated: time(1_742_744_539_000),
        };
        let json = written(|json| push_note(json, &note));
        insta::assert_snapshot!(json, @r#"{"id":"note_jxqegmbonzvdstpy","text":"Buy groceries","created":"2025-03-23T15:42:18.760Z","updated":"2025-03-23T15:42:19.000Z"}"#);
        assert_eq!(json.len(), note.text.len() + NOTE_BYTES);
    }

    #[test]
    fn each_letter_is_found_to_need_an_escape_or_not_wherever_it_stands() {
        for place in 0..17 {
            for letter in '\0'..'\u{100}' {
                let mut text = ["x"; 17].concat();
                text.replace_range(place..=place, &letter.to_string());
                assert_eq!(written(|json| push_text(json, &text)), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn texts_are_written_as_serde_json_does(text in any::<String>(), plain in "[ -~]{0,40}") {
            for text in [text.clone() + &plain, plain + &text] {
                prop_assert_eq!(written(|json| push_text(json, &text)), serde_json::to_string(&text).unwrap());
            }
        }

        #[test]
        fn times_are_written_as_chrono_does(
            millis in prop_oneof![0..=4_102_444_800_000_i64, -99_000_000_000_000..=999_000_000_000_000_i64],
        ) {
            let time = DateTime::from_timestamp_millis(millis).unwrap();
            prop_assert_eq!(
                written(|json| push_time(json, time)),
                time.to_rfc3339_opts(SecondsFormat::Millis, true)
            );
        }
    }
}
