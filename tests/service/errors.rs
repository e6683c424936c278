//! Every error of the API that a client can cause. Nothing is stored when one is answered.

use bytes::Bytes;

use crate::client::{request, with_header};
use crate::world::World;

/// Sends `body` as a new note and as a change of one, and checks that it is refused and changes nothing.
#[track_caller]
fn check_body(body: impl Into<Bytes>, status: u16) {
    let (world, body) = (World::new(), body.into());
    assert_eq!(world.send(request("POST", "/john", body.clone())).status(), status);
    assert!(!world.has_files(), "a refused body makes no database");

    let note = world.create("/john", "kept");
    let before = world.get("/john");
    assert_eq!(world.send(request("POST", "/john", body.clone())).status(), status, "and once it is there");
    assert_eq!(world.send(request("PATCH", &note, body)).status(), status);
    assert_eq!(world.get("/john").body(), before.body());
}

#[test]
fn a_body_that_is_no_object_with_a_text_is_400() {
    for body in ["", "null", "1", r#""text""#, r#"["text"]"#, "{", "{}", r#"{"text":1}"#, r#"{"text":"a"} b"#] {
        check_body(body, 400);
    }
    check_body(&b"{\"text\":\"\xff\"}"[..], 400);
}

#[test]
fn a_text_that_is_empty_or_too_long_is_422() {
    check_body(r#"{"text":""}"#, 422);
    check_body("{\"text\":\" \\t\\n\u{2003}\"}", 422);
    check_body(format!(r#"{{"text":"{}"}}"#, "a".repeat(65_537)), 422);
    check_body(format!(r#"{{"text":"{}é"}}"#, "a".repeat(65_535)), 422);
}

#[test]
fn a_body_over_128_kib_is_413_whatever_it_says() {
    let padded = |length: usize| r#"{"text":"a"}"#.to_owned() + &" ".repeat(length - 12);
    check_body(padded(131_073), 413);
    check_body(" ".repeat(131_073), 413);
    assert_eq!(World::new().send(request("POST", "/john", padded(131_072))).status(), 201);
}

#[test]
fn a_content_type_that_is_not_json_is_415() {
    let world = World::new();
    let post = |media_type, body| with_header(request("POST", "/john", body), "content-type", media_type);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        assert_eq!(world.send(post(media_type, r#"{"text":"a"}"#)).status(), 415, "{media_type}");
    }
    let twice = with_header(post("application/json", r#"{"text":"a"}"#), "content-type", "text/plain");
    assert_eq!(world.send(twice).status(), 415);
    assert!(!world.has_files());
    for media_type in ["application/json", "APPLICATION/JSON;charset=utf-8", "application/vnd.api+json"] {
        assert_eq!(world.send(post(media_type, r#"{"text":"a"}"#)).status(), 201, "{media_type}");
    }
    assert_eq!(world.send(with_header(request("GET", "/john", ""), "content-type", "text/plain")).status(), 200);
}

#[test]
fn a_user_id_that_is_none_is_400() {
    let world = World::new();
    let too_long = format!("/{}", "a".repeat(129));
    let longer_when_decoded = format!("/{}%c3%a9", "a".repeat(127));
    let paths = [
        "//",
        "//x",
        "/.",
        "/..",
        "/%2e",
        "/%2E%2e",
        "/../x",
        "/%",
        "/%4",
        "/%zz",
        "/%ff",
        "/%c3",
        "/%00",
        "/a%0ab",
        "/%7f",
        "/%c2%80",
        &too_long,
        &longer_when_decoded,
    ];
    for path in paths {
        for method in ["GET", "POST", "DELETE", "PUT", "OPTIONS"] {
            assert_eq!(world.send(request(method, path, r#"{"text":"a"}"#)).status(), 400, "{method} {path}");
        }
    }
    assert!(!world.has_files());
    for path in ["/...", "/%2e%2e%2e", "/a%20b", "/%25", "/+", &format!("/{}", "a".repeat(128))] {
        assert_eq!(world.post(path, "a").status(), 201, "{path}");
    }
}

#[test]
fn a_page_that_cannot_be_is_400() {
    let world = World::new();
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit",
        "limit=1&limit=2",
        "cursor=",
        "cursor=x",
        "cursor=1",
        "cursor=AAAAAAAAAAE&cursor=AAAAAAAAAAE",
    ] {
        assert_eq!(world.get(&format!("/john?{query}")).status(), 400, "{query}");
    }
    assert_eq!(world.get("/john?x=1&x=2&Limit=0").status(), 200);
}

#[test]
fn what_is_not_there_is_404() {
    let world = World::new();
    let note = world.create("/john", "a");
    let other = "/john/note_aaaaaaaaaaaaaaaa";
    for path in [other, "/john/x", "/john/%ff", "/john/", "/john/a/b", &format!("{note}/"), &format!("{note}x")] {
        for method in ["GET", "HEAD", "PATCH", "DELETE"] {
            assert_eq!(world.send(request(method, path, r#"{"text":"b"}"#)).status(), 404, "{method} {path}");
        }
    }
    assert_eq!(world.get("/john").texts(), ["a"]);
}

#[test]
fn a_method_that_a_path_has_not_is_405_and_told_which_it_has() {
    let world = World::new();
    let note = world.create("/john", "a");
    let cases = [
        ("/", "GET, HEAD, OPTIONS", &["POST", "PUT", "PATCH", "DELETE", "TRACE"][..]),
        ("/john", "GET, HEAD, POST, DELETE, OPTIONS", &["PUT", "PATCH", "TRACE", "BREW"]),
        (&note, "GET, HEAD, PATCH, DELETE, OPTIONS", &["PUT", "POST", "get"]),
        ("/john/no-note", "GET, HEAD, PATCH, DELETE, OPTIONS", &["PUT", "POST"]),
    ];
    for (path, allow, methods) in cases {
        for method in methods {
            let answer = world.send(request(method, path, r#"{"text":"b"}"#));
            assert_eq!((answer.status(), answer.header("allow")), (405, Some(allow)), "{method} {path}");
        }
    }
}

#[test]
fn the_first_fault_in_order_is_the_one_answered() {
    let world = World::new();
    let send = |method, path, media_type, body: &str| {
        world.send(with_header(request(method, path, body.to_owned()), "content-type", media_type)).status()
    };
    let long = " ".repeat(131_073);
    assert_eq!(send("PUT", "/..", "text/plain", &long), 400, "the path first");
    assert_eq!(send("PUT", "/john", "text/plain", &long), 405, "then the method");
    assert_eq!(send("POST", "/john", "text/plain", &long), 413, "then the length");
    assert_eq!(send("POST", "/john", "text/plain", "{}"), 415, "then the type");
    assert_eq!(send("POST", "/john", "application/json", r#"{"text":" "}x"#), 400, "then the form");
    assert_eq!(
        send("PATCH", "/john/note_aaaaaaaaaaaaaaaa", "application/json", r#"{"text":" "}"#),
        422,
        "then the text"
    );
    assert_eq!(
        send("PATCH", "/john/note_aaaaaaaaaaaaaaaa", "application/json", r#"{"text":"a"}"#),
        404,
        "then the note"
    );
}
