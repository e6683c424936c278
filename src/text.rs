//! A note's text, parsed from a request's body.
//!
//! The body is a JSON object (RFC 8259) with a string `text`; members that nobody knows are passed over, and of
//! members given twice the last counts, as JavaScript has it. The text is stored as sent, white space included.
//!
//! Limits: the text has 1 to 65,536 bytes of UTF-8, and something other than white space (Unicode) in it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::problem::Problem;

/// The longest text of a note, in bytes of UTF-8.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Takes the text out of the body of a `POST` or `PATCH`.
pub(crate) fn parse(request: &Request<Bytes>) -> Result<String, Problem> {
    if !says_json(request.headers()) {
        return Err(Problem::NotJsonType);
    }
    // Checked at once for the whole body, so that no stray byte hides in a member that is passed over.
    let body = std::str::from_utf8(request.body()).map_err(|_| Problem::NotUtf8)?;
    let Body { text } = serde_json::from_str(body).map_err(Problem::NotJson)?;
    let Some(Value::String(text)) = text else { return Err(Problem::NoText) };
    if text.trim().is_empty() {
        return Err(Problem::EmptyText);
    }
    if text.len() > MAX_TEXT_BYTES { Err(Problem::LongText) } else { Ok(text) }
}

/// Whether no `Content-Type` contradicts that the body is JSON: `application/json` or `…/…+json`.
fn says_json(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_TYPE).iter().all(|value| {
        let essence = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let is_json_based = |(rest, end): (&[u8], &[u8; 5])| rest.contains(&b'/') && end.eq_ignore_ascii_case(b"+json");
        essence.eq_ignore_ascii_case(b"application/json") || essence.split_last_chunk().is_some_and(is_json_based)
    })
}

/// The one member that matters. Not derived: a derived struct would also read an array, and refuse a member given
/// twice.
struct Body {
    text: Option<Value>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Member {
    Text,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Body, A::Error> {
        let mut text = None;
        while let Some(name) = members.next_key()? {
            match name {
                Member::Text => text = Some(members.next_value()?),
                Member::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Body { text })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn text(body: impl Into<Bytes>) -> Result<String, Problem> {
        parse(&Request::new(body.into()))
    }

    fn with_type(media_type: &str) -> Result<String, Problem> {
        let mut request = Request::new(Bytes::from(r#"{"text":"a"}"#));
        request.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        parse(&request)
    }

    #[test]
    fn an_object_with_a_text_is_read() {
        let cases = [
            (r#"{"text": "Buy groceries"}"#, "Buy groceries"),
            (r#" {"text":" kept as sent\n"} "#, " kept as sent\n"),
            (r#"{"a":[{"text":1}],"text":"b","c":null}"#, "b"),
            (r#"{"text":1,"text":"the last counts"}"#, "the last counts"),
            (r#"{"te\u0078t":"\u00e9\ud83d\ude00\u0000"}"#, "é😀\0"),
        ];
        for (body, expected) in cases {
            assert_eq!(text(body).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn anything_but_an_object_with_a_text_is_refused() {
        for body in
            ["", "null", "[]", r#"["a"]"#, r#""a""#, "{", r#"{"text":"a"}x"#, r#"{"text":"\ud800"}"#, "{text:1}"]
        {
            assert!(matches!(text(body), Err(Problem::NotJson(_))), "{body}");
        }
        for body in ["{}", r#"{"Text":"a"}"#, r#"{"text":null}"#, r#"{"text":["a"]}"#, r#"{"text":"a","text":1}"#] {
            assert!(matches!(text(body), Err(Problem::NoText)), "{body}");
        }
        assert!(matches!(text(&b"{\"text\":\"a\",\"b\":\"\xff\"}"[..]), Err(Problem::NotUtf8)));
    }

    #[test]
    fn a_text_has_something_in_it_and_an_end() {
        for blank in [r#"{"text":""}"#, r#"{"text":" \t\r\n"}"#, r#"{"text":"\u00a0\u2003\u3000"}"#] {
            assert!(matches!(text(blank), Err(Problem::EmptyText)), "{blank}");
        }
        let of_length = |length| text(format!(r#"{{"text":"{}"}}"#, "é".repeat(length / 2)));
        assert_eq!(of_length(MAX_TEXT_BYTES).unwrap().len(), 65_536);
        assert!(matches!(of_length(MAX_TEXT_BYTES + 2), Err(Problem::LongText)));
    }

    #[test]
    fn the_content_type_may_be_missing_but_not_something_else() {
        for good in ["application/json", "Application/JSON ; charset=utf-8", "application/merge-patch+json", "a/b+JSON"]
        {
            assert!(with_type(good).is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/jsonx", "+json", "json", "", "multipart/form-data", "text/plain;a=+json"]
        {
            assert!(matches!(with_type(bad), Err(Problem::NotJsonType)), "{bad}");
        }
    }

    #[test]
    fn deep_nesting_overflows_no_stack() {
        let deep = "[".repeat(60_000) + &"]".repeat(60_000);
        assert_eq!(text(format!(r#"{{"a":{deep},"text":"b"}}"#)).unwrap(), "b");
        assert!(matches!(text(format!(r#"{{"text":{deep}}}"#)), Err(Problem::NotJson(_))));
    }

    proptest! {
        #[test]
        fn every_string_comes_out_as_it_went_in(sent in "\\PC{0,50}\\S[\\x00-\\x20]{0,5}") {
            let body = serde_json::json!({ "text": sent, "more": 1 }).to_string();
            prop_assert_eq!(text(body).unwrap(), sent);
        }

        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = text(body);
        }
    }
}
