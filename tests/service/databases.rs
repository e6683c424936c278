//! Whose database is whose, who makes one, and what happens to one that is gone, old, new or strange.

use std::thread;

use ownbase_database::{Database, Error, Sql, Value};

use crate::client::request;
use crate::world::World;

#[test]
fn only_a_valid_post_makes_a_database() {
    let world = World::new();
    let note = "/john/note_aaaaaaaaaaaaaaaa";
    assert_eq!(world.get("/john").body(), r#"{"notes":[]}"#);
    assert_eq!(world.get("/john?limit=5").body(), r#"{"notes":[]}"#);
    assert_eq!(world.get(note).status(), 404);
    assert_eq!(world.patch(note, "a").status(), 404);
    assert_eq!(world.delete(note).status(), 404);
    assert_eq!(world.delete("/john").status(), 204);
    for method in ["HEAD", "OPTIONS", "PUT"] {
        world.send(request(method, "/john", ""));
    }
    assert_eq!(world.post("/john", " ").status(), 422);
    assert!(!world.has_files());
    world.create("/john", "a");
    assert!(world.has_files());
}

#[test]
fn users_never_see_each_other() {
    let users = [
        "john",
        "John",
        "JOHN",
        "john.",
        "john%20",
        "john%00".trim_end_matches("%00"),
        "a%2Fb",
        "a%2fb%2f",
        "a~2fb",
        "a%7e2fb",
        "~4a",
        "%4a",
        "J",
        "...",
        "%2e.%2e",
        "users",
        "user-john",
        "john-wal",
        "john.db",
        "john?x=1",
        "%C3%A9",
        "e%CC%81",
        "%E2%84%AA",
        "k",
        "K",
        "%EF%BC%A1",
        "A",
        "_migrations",
        "%3F",
        "%23",
        "%25",
    ];
    let world = World::new();
    let decoded: Vec<Vec<u8>> = users
        .iter()
        .map(|user| percent_encoding::percent_decode_str(user.split('?').next().unwrap()).collect())
        .collect();
    for (user, id) in users.iter().zip(&decoded) {
        world.create(&format!("/{user}"), &format!("of {}", id.escape_ascii()));
    }
    for (user, id) in users.iter().zip(&decoded) {
        let mine = world.get(&format!("/{user}"));
        let spellings = decoded.iter().filter(|other| *other == id).count();
        assert_eq!(mine.texts(), vec![format!("of {}", id.escape_ascii()); spellings], "{user}");
        // One user's note is nobody else's, whatever is done to it.
        let note = mine.json()["notes"][0]["id"].as_str().unwrap().to_owned();
        for (other, other_id) in users.iter().zip(&decoded).filter(|(_, other_id)| *other_id != id) {
            let path = format!("/{}/{note}", other.split('?').next().unwrap());
            let statuses =
                [world.get(&path), world.patch(&path, "x"), world.delete(&path)].map(|answer| answer.status());
            assert_eq!(statuses, [404; 3], "{other_id:?} at a note of {id:?}");
        }
    }
    world.delete("/john");
    assert_eq!((world.get("/john").texts().len(), world.get("/John").texts().len()), (0, 1));
}

#[test]
fn a_user_erased_by_another_instance_is_one_without_notes() {
    let world = World::new();
    let other = world.another();
    let note = world.create("/john", "old");
    let erase = || assert_eq!(other.delete("/john").status(), 204);

    erase();
    assert_eq!(world.get("/john").body(), r#"{"notes":[]}"#);
    assert_eq!(world.get(&note).status(), 404);
    assert_eq!(world.patch(&note, "a").status(), 404);
    assert_eq!(world.delete(&note).status(), 404);
    assert_eq!(world.delete("/john").status(), 204);
    assert!(!world.has_files(), "none of these makes it again");

    world.create("/john", "before");
    erase();
    world.create("/john", "after");
    assert_eq!(world.get("/john").texts(), ["after"]);
    assert_eq!(other.get("/john").texts(), ["after"]);
}

#[test]
fn posts_and_erases_at_once_lose_nothing_that_they_should_not() {
    let world = World::new();
    thread::scope(|scope| {
        for writer in 0..4 {
            let world = world.another();
            scope.spawn(move || (0..25).for_each(|note| insist(&world, &format!("{writer} {note}"))));
        }
        let world = world.another();
        scope.spawn(move || (0..25).for_each(|_| assert_eq!(world.delete("/john").status(), 204)));
    });
    // What is left is whole: each writer's notes from some point on, in order.
    let texts = world.get("/john").texts();
    for writer in 0..4 {
        let own: Vec<usize> = texts
            .iter()
            .filter_map(|text| text.strip_prefix(&format!("{writer} ")))
            .map(|note| note.parse().unwrap())
            .collect();
        assert_eq!(own, (25 - own.len()..25).collect::<Vec<_>>());
    }
}

/// Who is erased anew at every attempt is told that the database is busy, and tries again.
fn insist(world: &World, text: &str) {
    let answer = world.post("/john", text);
    if answer.status() != 201 {
        assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("1")));
        insist(world, text);
    }
}

#[test]
fn many_first_requests_at_once_make_one_database() {
    for _ in 0..5 {
        let world = World::new();
        thread::scope(|scope| {
            for index in 0..16 {
                let world = world.another();
                scope.spawn(move || match index % 4 {
                    0 => assert_eq!(world.get("/john").status(), 200),
                    _ => drop(world.create("/john", "a")),
                });
            }
        });
        assert_eq!(world.get("/john").texts().len(), 12);
        let migrations = world.database("john").query(Sql::new("SELECT version FROM _migrations"), &[]).unwrap();
        assert_eq!(migrations.len(), 1);
    }
}

#[test]
fn a_database_from_the_future_is_refused_and_left_as_it_is() {
    let world = World::new();
    let note = world.create("/john", "kept");
    let database = world.database("john");
    let migrate = |version, compatible_with| {
        let sql = Sql::new("INSERT INTO _migrations VALUES (?1, 'next', 'abc', ?2, 0)");
        database.query(sql, &[Value::Integer(version), Value::Integer(compatible_with)]).unwrap()
    };
    // One that this build still works with.
    migrate(2, 1);
    assert_eq!(world.another().get("/john").texts(), ["kept"]);

    migrate(3, 3);
    let world = world.another();
    for answer in world.ask_everything("/john", &note) {
        assert_eq!((answer.status(), answer.header("retry-after")), (503, None));
        assert!(
            answer.detail().contains("migration 3") && answer.detail().contains("newest is 1"),
            "{}",
            answer.detail()
        );
    }
    let texts = database.query(Sql::new("SELECT text FROM notes"), &[]).unwrap();
    assert_eq!(texts[0].0, [Value::Text("kept".into())]);
}

#[test]
fn a_database_with_another_migration_of_the_same_number_is_refused() {
    let world = World::new();
    world.create("/john", "kept");
    let database = world.database("john");
    database.query(Sql::new("UPDATE _migrations SET checksum = 'abc'"), &[]).unwrap();
    let world = world.another();
    for answer in [world.get("/john"), world.post("/john", "b"), world.delete("/john")] {
        assert_eq!(answer.status(), 503);
        assert!(answer.detail().contains("checksum abc"), "{}", answer.detail());
    }
    assert_eq!(database.query(Sql::new("SELECT text FROM notes"), &[]).unwrap().len(), 1);
}

#[test]
fn a_migration_that_fails_is_503_and_makes_nothing() {
    let world = World::new();
    let message = "CREATE TABLE secret".to_owned();
    world.fail("CREATE TABLE notes", Error::Failed { code: "SQLITE_ERROR".into(), message });
    let answer = world.post("/john", "a");
    assert_eq!(answer.status(), 503);
    assert!(answer.detail().contains("version 1") && !answer.detail().contains("secret"), "{}", answer.detail());
    assert!(!world.has_files());
}

#[test]
fn a_database_that_cannot_be_migrated_can_still_be_erased() {
    let world = World::new();
    world.create("/john", "a");
    // As if the migration had yet to be applied: it cannot be, since its table is there.
    world.database("john").query(Sql::new("DELETE FROM _migrations"), &[]).unwrap();
    let world = world.another();
    assert_eq!(world.get("/john").status(), 503);
    assert_eq!(world.delete("/john").status(), 204);
    assert_eq!(world.get("/john").body(), r#"{"notes":[]}"#);
}

#[test]
fn a_warm_request_asks_the_database_once() {
    let world = World::new();
    let note = world.create("/john", "a");
    world.fail("_migrations", Error::Busy);
    assert_eq!(world.get("/john").status(), 200);
    assert_eq!(world.get(&note).status(), 200);
    assert_eq!(world.post("/john", "b").status(), 201);
    assert_eq!(world.another().get("/john").status(), 200, "faults are this world's own");
}
