//! A migration that renames something, without the queries.

use std::fs;
use std::path::Path;

use crate::faults_of;

#[test]
fn the_service_s_queries_notice_every_renamed_column_and_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dir = tempfile::tempdir().unwrap();
    fs::copy(root.join("migrations/0001_create_notes.sql"), dir.path().join("0001_create_notes.sql")).unwrap();
    let queries = root.join("queries");
    assert_eq!(faults_of(dir.path(), &queries), Vec::<String>::new());
    for column in ["seq", "id", "text", "created", "updated"] {
        let rename = format!("ALTER TABLE notes RENAME COLUMN {column} TO {column}_;");
        fs::write(dir.path().join("0002_rename.sql"), rename).unwrap();
        let faults = faults_of(dir.path(), &queries);
        let expected = |fault: &&String| {
            fault.contains("notes.sql:") && fault.contains(&format!("column: {column}"))
                || fault.contains(&format!("column named {column}"))
        };
        let of_column = faults.iter().filter(expected).count();
        assert_eq!(of_column, if column == "seq" { 1 } else { 5 }, "{column}: {faults:#?}");
    }
    fs::write(dir.path().join("0002_rename.sql"), "ALTER TABLE notes RENAME TO memos;").unwrap();
    assert_eq!(faults_of(dir.path(), &queries).len(), 5);
}
