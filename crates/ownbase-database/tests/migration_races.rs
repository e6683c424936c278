//! Databases that change between the moment they are read and the moment they are migrated.
#![allow(clippy::unwrap_used)]

mod instance;

use std::sync::{Arc, Barrier};

use instance::{
    CREATE_NOTES, CREATE_TAGS, FIRST, Instance, SECOND, THIRD, files, john, migrate, run, schema, versions,
};
use ownbase_database::engine::rusqlite::Files;
use ownbase_database::migration::{Access, Migration, ready, recreate_with};
use ownbase_database::{Database, Environment, Error, Sql, Statement};

const INSERT: Statement<'static> = Statement { sql: Sql::new("INSERT INTO notes VALUES ('new')"), params: &[] };

/// More than any caller can be expected to wait for.
const FOR_EVER: usize = usize::MAX;

fn erase(files: &Arc<Files>) {
    files.erase(&john()).unwrap();
}

fn notes(files: &Files) -> usize {
    run(files, "SELECT text FROM notes").unwrap().len()
}

#[test]
fn first_requests_that_arrive_at_once_migrate_once() {
    const REQUESTS: usize = 32;
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let files = files(&dir);
        let start = Barrier::new(REQUESTS);
        std::thread::scope(|scope| {
            for _ in 0..REQUESTS {
                scope.spawn(|| {
                    let instance = Instance::new(&files);
                    start.wait();
                    assert!(ready(&instance, &john(), SECOND, Access::Create).unwrap());
                    files.open(&john()).unwrap().batch(&[INSERT]).unwrap();
                });
            }
        });
        assert_eq!(versions(&files).unwrap(), [1, 2]);
        // One row by the first migration.
        assert_eq!(notes(&files), 1 + REQUESTS);
        erase(&files);
    }
}

#[test]
fn the_loser_of_a_race_finds_the_database_ready() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let loser = Instance::intruded(&files, 1, |files| migrate(files, SECOND));
    assert!(ready(&loser, &john(), SECOND, Access::Create).unwrap());
    assert_eq!(versions(&files).unwrap(), [1, 2]);
    assert_eq!(notes(&files), 1);
}

#[test]
fn the_loser_to_an_older_build_goes_on_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let loser = Instance::intruded(&files, 1, |files| migrate(files, FIRST));
    assert!(ready(&loser, &john(), SECOND, Access::Create).unwrap());
    assert_eq!(versions(&files).unwrap(), [1, 2]);
    assert_eq!(notes(&files), 1);
}

#[test]
fn the_loser_to_a_build_that_it_cannot_follow_is_refused() {
    static LATER: &[Migration] = &[CREATE_NOTES, Migration { compatible_with: 2, ..CREATE_TAGS }];
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let loser = Instance::intruded(&files, 1, |files| migrate(files, LATER));
    let refused = ready(&loser, &john(), FIRST, Access::Create);
    assert_eq!(refused, Err(Error::Newer { database: 2, build: 1 }));
}

#[test]
fn an_erased_database_is_not_migrated_from_the_middle() {
    for (access, exists) in [(Access::Open, false), (Access::Create, true)] {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        migrate(&files, FIRST);
        // The second migration alone would succeed on an empty database.
        let instance = Instance::intruded(&files, 1, erase);
        assert_eq!(ready(&instance, &john(), SECOND, access), Ok(exists));
        assert_eq!(versions(&files), exists.then(|| vec![1, 2]));
        assert_eq!(dir.path().join("user-john.db").exists(), exists);
    }
}

#[test]
fn a_database_erased_and_made_anew_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, FIRST);
    let instance = Instance::intruded(&files, 1, |files| {
        erase(files);
        // By somebody who knows no migrations.
        migrate(files, &[]);
    });
    assert!(ready(&instance, &john(), SECOND, Access::Open).unwrap());
    assert_eq!(versions(&files).unwrap(), [1, 2]);
    assert_eq!(schema(&files), ["_migrations", "notes", "tags"]);
}

#[test]
fn whoever_always_loses_is_told_to_try_again() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, FIRST);
    // Each time it has read one version there are none, and the other way round.
    let instance = Instance::intruded(&files, FOR_EVER, |files| match versions(files) {
        Some(versions) if versions == [1] => {
            erase(files);
            migrate(files, &[]);
        }
        _ => {
            erase(files);
            migrate(files, FIRST);
        }
    });
    assert_eq!(ready(&instance, &john(), SECOND, Access::Open), Err(Error::Busy));
}

#[test]
fn a_statement_that_finds_the_user_erased_takes_the_migrations_along() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let instance = Instance::new(&files);
    ready(&instance, &john(), SECOND, Access::Create).unwrap();
    erase(&files);
    assert_eq!(files.open(&john()).unwrap().query(INSERT.sql, &[]), Err(Error::Missing));

    recreate_with(&instance, &john(), SECOND, INSERT).unwrap();
    assert_eq!(versions(&files).unwrap(), [1, 2]);
    assert_eq!(notes(&files), 2);
    assert!(instance.checked().contains(&john()));
}

#[test]
fn a_user_who_came_back_by_a_newer_build_is_no_longer_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let instance = Instance::new(&files);
    ready(&instance, &john(), SECOND, Access::Create).unwrap();
    erase(&files);
    migrate(&files, THIRD);
    let refused = Error::Newer { database: 3, build: 2 };
    assert_eq!(recreate_with(&instance, &john(), SECOND, INSERT), Err(refused.clone()));
    assert_eq!(ready(&instance, &john(), SECOND, Access::Open), Err(refused));
}

#[test]
fn a_statement_is_run_once_whoever_migrates_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let instance = Instance::intruded(&files, 1, |files| migrate(files, SECOND));
    recreate_with(&instance, &john(), SECOND, INSERT).unwrap();
    assert_eq!(notes(&files), 2);
}

#[test]
fn a_statement_is_stored_whoever_erases_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, SECOND);
    let instance = Instance::intruded(&files, 1, erase);
    recreate_with(&instance, &john(), SECOND, INSERT).unwrap();
    assert_eq!(versions(&files).unwrap(), [1, 2]);
    assert_eq!(notes(&files), 2);
}

#[test]
fn a_user_erased_and_back_before_the_next_look_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, SECOND);
    // What it reads is the same each time, and yet its statement found nothing.
    let instance = Instance::intruded(&files, 3, erase).then(|files| migrate(files, SECOND));
    recreate_with(&instance, &john(), SECOND, INSERT).unwrap();
    assert_eq!(notes(&files), 2);

    erase(&files);
    migrate(&files, FIRST);
    let instance = Instance::intruded(&files, 3, erase).then(|files| migrate(files, FIRST));
    assert_eq!(ready(&instance, &john(), SECOND, Access::Open), Ok(true));
    assert_eq!(versions(&files).unwrap(), [1, 2]);
}

#[test]
fn a_database_that_lacks_what_it_should_have_is_said_to() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, SECOND);
    run(&files, "DROP TABLE notes").unwrap();
    assert_eq!(recreate_with(&Instance::new(&files), &john(), SECOND, INSERT), Err(Error::Missing));
    assert_eq!(ready(&Instance::new(&files), &john(), THIRD, Access::Open), Err(Error::Missing));
    assert_eq!(versions(&files).unwrap(), [1, 2]);
}

#[test]
fn a_statement_that_fails_takes_its_migrations_back() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let null = Statement { sql: Sql::new("INSERT INTO notes VALUES (NULL)"), params: &[] };
    let failed = recreate_with(&Instance::new(&files), &john(), SECOND, null);
    assert_eq!(failed, Err(Error::Constraint("NOT NULL constraint failed: notes.text".into())));
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}
