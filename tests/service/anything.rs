//! Requests that nobody foresaw: whatever comes, there is an answer, and it keeps the contract.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::World;

fn bytes(of: impl Strategy<Value = u8>, most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(of, 0..most)
}

fn method() -> impl Strategy<Value = Method> {
    let known = prop::sample::select(vec!["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT", "CONNECT"]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[!-~]{1,8}"]
        .prop_filter_map("no method", |method| Method::from_bytes(method.as_bytes()).ok())
}

/// Pieces that mean something, glued together anyhow, and bytes that mean nothing.
fn path() -> impl Strategy<Value = PathAndQuery> {
    let pieces = prop::sample::select(vec![
        "/",
        "//",
        "john",
        "..",
        "%2e",
        "%",
        "%zz",
        "%ff",
        "%00",
        "%C3%A9",
        "~",
        "note_aaaaaaaaaaaaaaaa",
        "note_",
        "?",
        "&",
        "=",
        "limit",
        "cursor",
        "limit=2",
        "cursor=AAAAAAAAAAE",
        "%2F",
        "+",
        "*",
        "\u{e9}",
    ]);
    let piece = prop_oneof![4 => pieces.prop_map(|piece| piece.as_bytes().to_vec()), 1 => bytes(any::<u8>(), 4)];
    vec(piece, 0..8)
        .prop_filter_map("no path", |pieces| PathAndQuery::try_from([b"/", &*pieces.concat()].concat()).ok())
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let name =
        prop::sample::select(vec!["x-request-id", "content-type", "if-match", "if-none-match", "content-length"]);
    let good = prop::sample::select(vec!["application/json", "*", "\"1-1\"", "W/\"1-1\", \"2-1\"", "7", "\""]);
    let value = prop_oneof![good.prop_map(|value| value.as_bytes().to_vec()), bytes(any::<u8>(), 20)];
    vec((name, value), 0..4)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec!["{", "}", "\"text\"", ":", "\"a\"", ",", "[", "]", "1", "null", "\\u", " "]);
    prop_oneof![
        3 => Just(br#"{"text":"a"}"#.to_vec()),
        2 => vec(pieces, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => bytes(any::<u8>(), 60),
        1 => Just(vec![b'['; 100_000]),
        1 => Just(vec![b' '; notes::MAX_BODY_BYTES + 1]),
    ]
}

#[test]
fn no_request_makes_it_panic_and_every_answer_keeps_the_contract() {
    let world = World::new();
    world.create("/john", "kept");
    let mut runner = TestRunner::new(ProptestConfig::with_cases(3000));
    let requests = (method(), path(), headers(), body());
    let result = runner.run(&requests, |(method, path, headers, body)| {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        let answer = world.send(request);
        prop_assert!(answer.status() < 500, "{}", answer.status());
        Ok(())
    });
    result.unwrap();
}
