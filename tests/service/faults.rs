//! Errors that a database gives, and what the client is told of them.

use notes::Failure;
use ownbase_database::Error;

use crate::client::request;
use crate::world::World;

/// Every kind of request meets `error`; each answers `status` and the words `says`.
fn check_fault(error: Error, status: u16, says: &str) {
    let world = World::new();
    let note = world.create("/john", "kept");
    for part in ["FROM notes", "INTO notes", "UPDATE notes", "erase"] {
        world.fail(part, error.clone());
    }
    for answer in world.ask_everything("/john", &note) {
        assert_eq!(answer.status(), status, "{error:?}");
        assert!(answer.detail().contains(says), "{}", answer.detail());
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(!body.contains("SELECT") && !body.contains("/var") && !body.contains("SQLITE"), "{body}");
        assert_eq!(answer.header("retry-after"), matches!(error, Error::Busy).then_some("1"), "{error:?}");
        assert_eq!(answer.response.extensions().get(), Some(&notes::Cause(error.to_string())));
    }
    assert_eq!(world.another().get("/john").texts(), ["kept"]);
}

#[test]
fn a_busy_database_is_503_and_worth_another_try() {
    check_fault(Error::Busy, 503, "busy");
}

#[test]
fn a_full_database_is_507() {
    check_fault(Error::Full, 507, "full");
}

#[test]
fn a_statement_past_its_time_is_504() {
    check_fault(Error::TimedOut, 504, "time limit");
}

#[test]
fn any_other_error_is_500_and_says_nothing() {
    let message = "SELECT 'secret' FROM /var/lib/x.db".to_owned();
    check_fault(Error::Failed { code: "SQLITE_IOERR".into(), message }, 500, "could not be carried out");
}

#[test]
fn a_first_access_that_fails_is_answered_by_prepare() {
    let world = World::new();
    world.fail("_migrations", Error::Busy);
    for answer in [world.get("/john"), world.post("/john", "a"), world.delete("/john")] {
        assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("1")));
    }
    assert!(!world.has_files());
}

#[test]
fn a_database_that_is_erased_again_and_again_is_503() {
    let world = World::new();
    world.create("/john", "a");
    world.fail("INTO notes", Error::Missing);
    let answer = world.post("/john", "b");
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("1")));
}

#[test]
fn an_id_that_is_taken_is_drawn_again_but_not_for_ever() {
    let world = World::new();
    world.push_random(&[0; 25]);
    assert!(world.create("/john", "first").ends_with("/note_aaaaaaaaaaaaaaaa"));
    // The same letters come up three times, then others.
    world.push_random(&[0; 75]);
    let second = world.create("/john", "second");
    assert!(!second.ends_with("/note_aaaaaaaaaaaaaaaa"));
    world.push_random(&[0; 100]);
    let stuck = world.post("/john", "third");
    assert_eq!((stuck.status(), stuck.detail().contains("UNIQUE")), (500, false));
    assert_eq!(world.get("/john").texts(), ["first", "second"]);
}

#[test]
fn a_stored_time_beyond_the_calendar_is_500() {
    use ownbase_database::{Database, Sql};
    let world = World::new();
    let note = world.create("/john", "a");
    world.database("john").query(Sql::new("UPDATE notes SET created = 9000000000000000"), &[]).unwrap();
    for answer in [world.get("/john"), world.get(&note)] {
        assert_eq!(answer.status(), 500);
    }
}

#[test]
fn what_never_reached_the_service_is_told_in_its_form() {
    for (failure, status, detail) in [
        (Failure::Malformed("invalid uri character".into()), 400, "the request is malformed: invalid uri character"),
        (Failure::Engine(Error::Full), 507, "the database is full, or the server has no room left"),
        (Failure::Engine(Error::Busy), 503, "the database is busy"),
    ] {
        let answer = notes::failed(failure, request("GET", "/", "").headers());
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["x-request-id"], "id of this request");
        let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!((problem["status"].as_u64(), problem["detail"].as_str()), (Some(status.into()), Some(detail)));
    }
}
