//! Where a request belongs, as engines ask that keep every database in a place of its own.

use std::ops::ControlFlow;

use notes::Place;
use ownbase_database::{Label, UserId};

use crate::client::request;
use crate::world::World;

const NOTE: &str = "note_aaaaaaaaaaaaaaaa";

#[track_caller]
fn place(method: &str, path: &str) -> Place {
    match notes::locate(&request(method, path, "")) {
        ControlFlow::Continue(place) => place,
        ControlFlow::Break(answer) => panic!("{method} {path} was answered: {answer:?}"),
    }
}

#[test]
fn all_ways_to_write_a_user_id_lead_to_one_place() {
    let label = |segment| Label::from(&UserId::parse(segment).unwrap());
    for (path, user) in [
        ("/john", "john"),
        ("/joh%6e", "john"),
        ("/%6A%6f%68%6E?limit=1", "john"),
        ("/John", "John"),
        ("/Zo%c3%ab", "Zo%C3%AB"),
        ("/a%2Fb", "a%2Fb"),
    ] {
        assert_eq!(place("POST", path).label, label(user), "{path}");
    }
    assert_eq!(place("GET", &format!("/joh%6E/{NOTE}")).label, label("john"));
}

#[test]
fn only_the_end_of_a_user_erases() {
    assert!(place("DELETE", "/john").erases);
    for (method, path) in [("GET", "/john"), ("POST", "/john"), ("DELETE", &format!("/john/{NOTE}"))] {
        assert!(!place(method, path).erases, "{method} {path}");
    }
}

#[test]
fn what_is_about_no_database_is_answered_as_if_one_had_been_asked() {
    let world = World::new();
    for (method, path, body) in [
        ("GET", "/", String::new()),
        ("PUT", "/", String::new()),
        ("OPTIONS", "/john", String::new()),
        ("PUT", "/john", String::new()),
        ("GET", "/%zz", String::new()),
        ("GET", "/john?limit=0", String::new()),
        ("GET", "/john/no-note", String::new()),
        ("POST", "/john", " ".repeat(131_073)),
    ] {
        let request = request(method, path, body);
        let ControlFlow::Break(answer) = notes::locate(&request) else { panic!("{method} {path} has a place") };
        let expected = world.send(request).response;
        assert_eq!(answer.status(), expected.status(), "{method} {path}");
        assert_eq!(answer.headers(), expected.headers(), "{method} {path}");
        assert_eq!(answer.body(), expected.body(), "{method} {path}");
    }
}
