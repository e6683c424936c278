//! Conditional requests: `ETag`, `If-None-Match`, `If-Match`.

use std::thread;

use http::Request;

use crate::client::{request, with_header};
use crate::world::World;

fn etag(world: &World, path: &str) -> String {
    world.get(path).header("etag").unwrap().to_owned()
}

fn get_if_none_match(path: &str, value: &str) -> Request<bytes::Bytes> {
    with_header(request("GET", path, ""), "if-none-match", value)
}

fn patch_if_match(path: &str, text: &str, value: &str) -> Request<bytes::Bytes> {
    let body = serde_json::json!({ "text": text }).to_string();
    with_header(request("PATCH", path, body), "if-match", value)
}

fn delete_if_match(path: &str, value: &str) -> Request<bytes::Bytes> {
    with_header(request("DELETE", path, ""), "if-match", value)
}

#[test]
fn a_notes_tag_is_strong_and_changes_with_the_note() {
    let world = World::new();
    world.set_clock(1_742_744_538_760);
    let path = world.create("/john", "a");
    assert_eq!(etag(&world, &path), "\"1742744538760-1\"");
    assert_eq!(etag(&world, &path), "\"1742744538760-1\"");
    world.patch(&path, "a");
    assert_eq!(etag(&world, &path), "\"1742744538761-1\"", "the clock stood still, the tag did not");
}

#[test]
fn a_note_that_the_client_has_is_not_sent_again() {
    let world = World::new();
    let path = world.create("/john", "a");
    let tag = etag(&world, &path);
    for known in [tag.clone(), format!("W/{tag}"), "*".into(), format!("\"x\", {tag}"), format!("W/\"a,b\",,W/{tag} ")]
    {
        for method in ["GET", "HEAD"] {
            let answer = world.send(with_header(request(method, &path, ""), "if-none-match", &known));
            assert_eq!((answer.status(), answer.header("etag")), (304, Some(&*tag)), "{method} {known}");
        }
    }
    let two_lines = with_header(get_if_none_match(&path, "\"x\""), "if-none-match", &tag);
    assert_eq!(world.send(two_lines).status(), 304);

    for unknown in ["\"x\"", "", "W/\"x\", \"y\"", tag.trim_matches('"'), "x*"] {
        let answer = world.send(get_if_none_match(&path, unknown));
        assert_eq!((answer.status(), answer.header("etag")), (200, Some(&*tag)), "{unknown}");
    }
    world.patch(&path, "b");
    assert_eq!(world.send(get_if_none_match(&path, &tag)).note()["text"], "b");
    assert_eq!(world.send(get_if_none_match("/john/note_aaaaaaaaaaaaaaaa", "*")).status(), 404);
    assert_eq!(world.send(get_if_none_match("/john", "*")).status(), 200, "a list has no tag");
}

#[test]
fn a_change_is_made_only_to_the_note_that_the_client_means() {
    let world = World::new();
    let path = world.create("/john", "a");
    let old = etag(&world, &path);
    assert_eq!(world.send(patch_if_match(&path, "b", &old)).status(), 200);
    let tag = etag(&world, &path);

    for wrong in [&old, "\"x\"", "", &format!("W/{tag}"), tag.trim_matches('"')] {
        let patch = world.send(patch_if_match(&path, "c", wrong));
        assert_eq!(patch.status(), 412, "{wrong}");
        assert_eq!(world.send(delete_if_match(&path, wrong)).status(), 412, "{wrong}");
        assert_eq!((world.get(&path).note()["text"].as_str(), etag(&world, &path)), (Some("b"), tag.clone()));
    }
    assert_eq!(world.send(patch_if_match(&path, "c", &format!("{old} , {tag}"))).note()["text"], "c");
    assert_eq!(world.send(patch_if_match(&path, "d", "*")).note()["text"], "d");
    let tag = etag(&world, &path);
    assert_eq!(world.send(delete_if_match(&path, &tag)).note()["text"], "d");
}

#[test]
fn a_condition_on_a_note_that_is_not_there_is_404() {
    let world = World::new();
    for path in ["/nobody/note_aaaaaaaaaaaaaaaa".to_owned(), world.create("/john", "a").replace("note_", "note_x")] {
        for condition in ["*", "\"x\""] {
            assert_eq!(world.send(patch_if_match(&path, "b", condition)).status(), 404);
            assert_eq!(world.send(delete_if_match(&path, condition)).status(), 404);
        }
    }
    assert_eq!(world.get("/john").texts(), ["a"]);
}

#[test]
fn of_many_changes_with_one_tag_exactly_one_is_made() {
    const RIVALS: usize = 8;
    let world = World::new();
    let path = world.create("/john", "start");
    for round in 0..20 {
        let tag = etag(&world, &path);
        let start = std::sync::Barrier::new(RIVALS);
        let rival = |index: usize| {
            start.wait();
            // Every other rival names a second tag; in the last round one deletes.
            let tags = [tag.clone(), format!("\"0-1\", {tag}")][index % 2].clone();
            match (round, index) {
                (19, 7) => world.send(delete_if_match(&path, &tags)).status(),
                _ => world.send(patch_if_match(&path, &format!("{round} {index}"), &tags)).status(),
            }
        };
        let statuses: Vec<u16> = thread::scope(|scope| {
            let rival = &rival;
            let rivals: Vec<_> = (0..RIVALS).map(|index| scope.spawn(move || rival(index))).collect();
            rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 412, 404].contains(status)), "{statuses:?}");
        if let Some(winner) = statuses.iter().position(|status| *status == 200)
            && world.get(&path).status() == 200
        {
            assert_eq!(world.get(&path).note()["text"], format!("{round} {winner}"));
        }
    }
}

#[test]
fn a_note_changed_between_look_and_change_is_412_or_404() {
    let world = World::new();
    let path = world.create("/john", "a");
    // Another instance gets in after the note was looked at: a second look must find that out.
    let meanwhile = |sql, method, text: &str| {
        let (other, theirs) =
            (world.another(), request(method, &path, serde_json::json!({ "text": text }).to_string()));
        world.before(sql, move || assert_eq!(other.send(theirs).status(), 200));
    };
    let tag = etag(&world, &path);
    meanwhile("UPDATE", "PATCH", "theirs");
    assert_eq!(world.send(patch_if_match(&path, "ours", &tag)).status(), 412);

    let tag = etag(&world, &path);
    meanwhile("DELETE", "PATCH", "theirs again");
    assert_eq!(world.send(delete_if_match(&path, &tag)).status(), 412);
    assert_eq!(world.get(&path).note()["text"], "theirs again");

    let tag = etag(&world, &path);
    meanwhile("UPDATE", "DELETE", "");
    assert_eq!(world.send(patch_if_match(&path, "ours", &tag)).status(), 404);
}
