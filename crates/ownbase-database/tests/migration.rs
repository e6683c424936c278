//! Bringing one user's database up to date, one instance at a time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod instance;

use std::fs;

use instance::{
    CREATE_NOTES, CREATE_TAGS, FIRST, Instance, NOW, SECOND, THIRD, files, john, migrate, run, schema, versions,
};
use ownbase_database::migration::{Access, Migration, Standing, ready, recreate_with, standing};
use ownbase_database::{Checked, Environment, Error, Label, Row, Sql, Statement, UserId, Value};

#[test]
fn a_new_database_records_each_migration() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, SECOND);
    let text = |text: &str| Value::Text(text.into());
    let row = |version, name, checksum| {
        Row(vec![Value::Integer(version), text(name), text(checksum), Value::Integer(1), Value::Integer(NOW.0)])
    };
    assert_eq!(
        run(&files, "SELECT version, name, checksum, compatible_with, applied FROM _migrations").unwrap(),
        [row(1, "create_notes", "11"), row(2, "create_tags", "22")]
    );
    assert_eq!(schema(&files), ["_migrations", "notes", "tags"]);
}

#[test]
fn only_create_makes_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    for access in [Access::Inspect, Access::Open] {
        let instance = Instance::new(&files);
        assert!(!ready(&instance, &john(), FIRST, access).unwrap());
        assert!(!instance.checked().contains(&john()));
    }
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    assert!(ready(&Instance::new(&files), &john(), FIRST, Access::Create).unwrap());
}

#[test]
fn a_database_without_the_table_counts_as_none() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let statement = Statement { sql: Sql::new("CREATE TABLE other (a)"), params: &[] };
    ownbase_database::Database::batch(&files.open(&john()).unwrap(), &[statement]).unwrap();
    for access in [Access::Inspect, Access::Open] {
        assert!(!ready(&Instance::new(&files), &john(), FIRST, access).unwrap());
    }
    assert_eq!(schema(&files), ["other"]);
    migrate(&files, FIRST);
    assert_eq!(schema(&files), ["_migrations", "notes", "other"]);
}

#[test]
fn an_older_database_is_brought_up_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, FIRST);
    let instance = Instance::new(&files);
    assert!(ready(&instance, &john(), THIRD, Access::Inspect).unwrap());
    assert_eq!(versions(&files).unwrap(), [1]);
    assert!(!instance.checked().contains(&john()), "an inspection of an old database must not count as its check");

    assert!(ready(&instance, &john(), THIRD, Access::Open).unwrap());
    assert_eq!(versions(&files).unwrap(), [1, 2, 3]);
    let notes = run(&files, "SELECT text, pinned FROM notes").unwrap();
    assert_eq!(notes, [Row(vec![Value::Text("first".into()), Value::Null])]);
}

#[test]
fn a_warm_request_asks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, FIRST);
    let instance = Instance::new(&files);
    assert!(ready(&instance, &john(), FIRST, Access::Open).unwrap());
    assert_eq!(instance.calls(), 2, "opened and read once");
    for access in [Access::Inspect, Access::Open, Access::Create] {
        assert!(ready(&instance, &john(), FIRST, access).unwrap());
    }
    assert_eq!(instance.calls(), 2);
}

#[test]
fn a_newer_database_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    migrate(&files(&dir), THIRD);
    // The instance that made it has closed it: one file.
    let path = dir.path().join("user-john.db");
    let before = fs::read(&path).unwrap();
    for access in [Access::Inspect, Access::Open, Access::Create] {
        let files = files(&dir);
        let refused = ready(&Instance::new(&files), &john(), SECOND, access);
        assert_eq!(refused, Err(Error::Newer { database: 3, build: 2 }));
        let statement = Statement { sql: Sql::new("DELETE FROM notes"), params: &[] };
        let refused = recreate_with(&Instance::new(&files), &john(), SECOND, statement);
        assert_eq!(refused, Err(Error::Newer { database: 3, build: 2 }));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_ahead_but_compatible_is_used_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, SECOND);
    for access in [Access::Inspect, Access::Open, Access::Create] {
        let instance = Instance::new(&files);
        assert!(ready(&instance, &john(), FIRST, access).unwrap());
        assert_eq!(instance.calls(), 2);
        assert!(instance.checked().contains(&john()));
    }
    assert_eq!(versions(&files).unwrap(), [1, 2]);
}

#[test]
fn where_a_database_stands_is_one_read() {
    static EDITED: &[Migration] = &[CREATE_NOTES, Migration { checksum: "2b", ..CREATE_TAGS }];
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let instance = Instance::new(&files);
    assert_eq!(standing(&instance, &john(), SECOND), Ok(None));
    assert_eq!(instance.calls(), 2);
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);

    migrate(&files, SECOND);
    for (migrations, lacks) in [(FIRST, 0), (SECOND, 0), (THIRD, 1)] {
        let instance = Instance::new(&files);
        let expected = Standing { version: 2, lacks: Ok(lacks) };
        assert_eq!(standing(&instance, &john(), migrations), Ok(Some(expected)));
        assert_eq!(instance.calls(), 2);
        assert!(!instance.checked().contains(&john()));
    }
    assert_eq!(versions(&files).unwrap(), [1, 2]);
    let changed = Error::Changed { version: 2, database: "22".into(), build: "2b".into() };
    let expected = Standing { version: 2, lacks: Err(changed) };
    assert_eq!(standing(&Instance::new(&files), &john(), EDITED), Ok(Some(expected)));

    migrate(&files, THIRD);
    let expected = Standing { version: 3, lacks: Err(Error::Newer { database: 3, build: 2 }) };
    assert_eq!(standing(&Instance::new(&files), &john(), SECOND), Ok(Some(expected)));
}

#[test]
fn another_checksum_is_refused() {
    static EDITED: &[Migration] = &[CREATE_NOTES, Migration { checksum: "2b", ..CREATE_TAGS }];
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, SECOND);
    for access in [Access::Inspect, Access::Open, Access::Create] {
        let refused = ready(&Instance::new(&files), &john(), EDITED, access);
        assert_eq!(refused, Err(Error::Changed { version: 2, database: "22".into(), build: "2b".into() }));
    }
}

#[test]
fn a_failing_migration_leaves_the_version_before() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    migrate(&files, FIRST);
    run(&files, "INSERT INTO notes VALUES ('first')").unwrap();
    // The second would succeed and the third does not: neither is applied.
    let instance = Instance::new(&files);
    match ready(&instance, &john(), THIRD, Access::Open) {
        Err(Error::Migration { version: 3, source }) => assert!(matches!(*source, Error::Constraint(_)), "{source}"),
        other => panic!("{other:?}"),
    }
    assert!(!instance.checked().contains(&john()));
    assert_eq!(versions(&files).unwrap(), [1]);
    assert_eq!(schema(&files), ["_migrations", "notes"]);

    run(&files, "DELETE FROM notes WHERE rowid = 2").unwrap();
    assert!(ready(&instance, &john(), THIRD, Access::Open).unwrap());
}

#[test]
fn a_migration_that_fails_at_creation_leaves_nothing() {
    static BROKEN: &[Migration] = &[Migration { statements: &[Sql::new("DROP TABLE missing")], ..CREATE_NOTES }];
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let failed = ready(&Instance::new(&files), &john(), BROKEN, Access::Create);
    assert_eq!(failed, Err(Error::Migration { version: 1, source: Box::new(Error::Missing) }));
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_is_passing_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    for error in [Error::Busy, Error::Full, Error::TimedOut] {
        let instance = Instance::failing(&files, error.clone());
        assert_eq!(ready(&instance, &john(), FIRST, Access::Create), Err(error));
        assert!(!instance.checked().contains(&john()));
    }
}

#[test]
fn an_application_without_migrations_has_databases_too() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    assert!(!ready(&Instance::new(&files), &john(), &[], Access::Inspect).unwrap());
    migrate(&files, &[]);
    assert!(ready(&Instance::new(&files), &john(), &[], Access::Open).unwrap());
}

#[test]
fn what_is_checked_is_bounded() {
    let checked = Checked::default();
    let label = |number: usize| Label::from(&UserId::parse(&number.to_string()).unwrap());
    for number in 0..=Checked::CAPACITY {
        checked.remember(&label(number));
        assert!(checked.contains(&label(number)));
    }
    let kept = (0..=Checked::CAPACITY).filter(|number| checked.contains(&label(*number))).count();
    assert!((1..=Checked::CAPACITY).contains(&kept), "{kept}");
}
