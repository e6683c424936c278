//! Every row of the API's table, when all goes well.

use bytes::Bytes;
use http::Request;

use crate::client::{request, with_header};
use crate::world::World;

const MARCH_2025: i64 = 1_742_744_538_760;

#[test]
fn a_note_is_created_shown_changed_and_deleted() {
    let world = World::new();
    world.set_clock(MARCH_2025);
    let created = world.post("/john", "Buy groceries");
    assert_eq!(created.status(), 201);
    let id = created.note()["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), Some(format!("/john/{id}").as_str()));
    assert!(
        id.strip_prefix("note_").is_some_and(|letters| {
            letters.len() == 16 && letters.bytes().all(|letter| letter.is_ascii_lowercase())
        })
    );
    let time = r#""2025-03-23T15:42:18.760Z""#;
    let note = format!(r#"{{"note":{{"id":"{id}","text":"Buy groceries","created":{time},"updated":{time}}}}}"#);
    assert_eq!(created.body(), &note, "members in this order, times in this form");

    let path = format!("/john/{id}");
    assert_eq!((world.get(&path).status(), world.get(&path).body()), (200, &Bytes::from(note)));

    world.set_clock(MARCH_2025 + 1240);
    let changed = world.patch(&path, "Buy wine");
    assert_eq!(changed.status(), 200);
    let time = r#""created":"2025-03-23T15:42:18.760Z","updated":"2025-03-23T15:42:20.000Z""#;
    let note = format!(r#"{{"note":{{"id":"{id}","text":"Buy wine",{time}}}}}"#);
    assert_eq!(changed.body(), &note);
    assert_eq!(world.get(&path).body(), &note);

    let deleted = world.delete(&path);
    assert_eq!((deleted.status(), deleted.body()), (200, &Bytes::from(note)));
    assert_eq!(world.get(&path).status(), 404);
    assert_eq!(world.get("/john").body(), r#"{"notes":[]}"#);
}

#[test]
fn a_list_has_the_oldest_first_whatever_the_clock_says() {
    let world = World::new();
    for (clock, text) in [(3000, "a"), (1000, "b"), (2000, "c")] {
        world.set_clock(clock);
        world.create("/john", text);
    }
    let list = world.get("/john");
    assert_eq!((list.status(), list.texts()), (200, vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(list.json().as_object().unwrap().len(), 1, "no next where nothing follows");
    assert_eq!(list.header("link"), None);
    assert_eq!(
        list.json()["notes"][1],
        world.get(&format!("/john/{}", list.json()["notes"][1]["id"].as_str().unwrap())).note()
    );
}

#[test]
fn updated_moves_on_even_if_the_clock_steps_back() {
    let world = World::new();
    world.set_clock(MARCH_2025);
    let path = world.create("/john", "a");
    world.set_clock(MARCH_2025 - 5000);
    assert_eq!(world.patch(&path, "b").note()["updated"], "2025-03-23T15:42:18.761Z");
    assert_eq!(world.patch(&path, "b").note()["updated"], "2025-03-23T15:42:18.762Z");
    assert_eq!(world.get(&path).note()["created"], "2025-03-23T15:42:18.760Z");
}

#[test]
fn a_text_is_kept_as_it_was_sent() {
    let world = World::new();
    for text in [" a\n", "\0", "e\u{301} and \u{e9}", "😀 \"quoted\" \\ </script>", "'; DROP TABLE notes; --"] {
        let path = world.create("/john", text);
        assert_eq!(world.get(&path).note()["text"], text);
    }
    let longest = "é".repeat(32_768);
    let path = world.create("/john", &longest);
    assert_eq!(world.get(&path).note()["text"], longest);
    assert_eq!(world.patch(&path, &longest).status(), 200);
}

#[test]
fn erasing_a_user_leaves_nothing_and_a_later_post_starts_afresh() {
    let world = World::new();
    let old = world.create("/john", "old");
    assert_eq!(world.delete("/john").status(), 204);
    assert!(!world.has_files());
    assert_eq!(world.get("/john").body(), r#"{"notes":[]}"#);
    assert_eq!(world.get(&old).status(), 404);
    world.create("/john", "new");
    assert_eq!(world.get("/john").texts(), ["new"]);
}

#[test]
fn the_service_says_what_it_is() {
    let answer = World::new().get("/");
    assert_eq!(answer.status(), 200);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(answer.body(), &format!(r#"{{"service":"ownbase","version":"{version}","schema":1}}"#));
}

#[test]
fn head_is_answered_as_get() {
    let world = World::new();
    let note = world.create("/john", "a");
    for path in ["/", "/john", "/john?limit=1", &note, "/john/x", "/%zz", "/john?limit=0"] {
        let (head, get) = (world.send(request("HEAD", path, "")), world.get(path));
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(head.response.headers(), get.response.headers(), "{path}");
    }
}

#[test]
fn options_lists_the_methods_of_any_path() {
    let world = World::new();
    let cases = [
        ("/", "GET, HEAD, OPTIONS"),
        ("/john", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("/john/note_jxqegmbonzvdstpy", "GET, HEAD, PATCH, DELETE, OPTIONS"),
    ];
    for (path, allow) in cases {
        let answer = world.send(request("OPTIONS", path, ""));
        assert_eq!((answer.status(), answer.header("allow")), (204, Some(allow)), "{path}");
    }
    assert_eq!(world.send(request("OPTIONS", "/john/a/b", "")).status(), 404);
}

#[test]
fn location_encodes_what_is_not_unreserved() {
    let world = World::new();
    for (user, encoded) in
        [("a%2fb", "a%2Fb"), ("Zo%C3%AB", "Zo%C3%AB"), ("a.b_c~d-E9", "a.b_c~d-E9"), ("a'b+c", "a%27b%2Bc")]
    {
        let location = world.create(&format!("/{user}"), "a");
        assert!(location.starts_with(&format!("/{encoded}/note_")), "{location}");
        assert_eq!(world.get(&location).note()["text"], "a");
    }
}

#[test]
fn a_request_without_an_id_is_answered_without_one() {
    let world = World::new();
    let bare = |path| Request::get(path).body(Bytes::new()).unwrap();
    assert_eq!(world.send(bare("/")).header("x-request-id"), None);
    assert_eq!(world.send(bare("/john/x")).json().get("request_id"), None);
}

#[test]
fn a_made_up_request_id_takes_the_place_of_the_clients() {
    let world = World::new();
    let mut request = with_header(request("GET", "/", ""), "x-request-id", "a second one");
    notes::identify(&mut request, &world);
    let first = request.headers()["x-request-id"].clone();
    assert!(first.len() == 32 && request.headers().get_all("x-request-id").iter().count() == 1);
    notes::identify(&mut request, &world);
    assert_ne!(first, request.headers()["x-request-id"]);
}
