//! The command as it is typed: what it says, where, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod project;

use std::process::Command;

use project::TestProject;

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);\n";

/// Exit code, stdout and stderr of `migration` with these arguments, in the project's folder.
fn migration(project: &TestProject, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ownbase-migration"));
    let output = command.args(arguments).current_dir(project.root()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn says(project: &TestProject, arguments: &[&str], stdout: &str) {
    let (code, out, err) = migration(project, arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains(stdout), "{out}");
}

#[track_caller]
fn fails(project: &TestProject, arguments: &[&str], code: i32, stderr: &str) {
    let (actual, out, err) = migration(project, arguments);
    assert_eq!((actual, out.as_str()), (code, ""), "{err}");
    assert!(err.starts_with("error: ") && err.contains(stderr), "{err}");
}

#[test]
fn a_project_from_its_first_migration_on() {
    let project = TestProject::empty(NOTES);
    says(&project, &["generate", "create_notes"], "wrote migrations/0001_create_notes.sql\n  proved on ");
    says(&project, &["generate", "again"], "nothing to do: schema.sql is what the migrations make");
    says(&project, &["check"], "schema.sql and the migrations (newest 0001) are one\n  proved on ");
    says(&project, &["release"], "released 0001_create_notes.sql\nno queries/: nothing will tell");
    project.write("queries/notes.sql", "-- name: all\nSELECT id, text FROM notes;");
    says(&project, &["release"], "kept migrations/released/0001/notes.sql");
    says(&project, &["release"], "nothing to do: every migration is released");

    project.want(&NOTES.replace("text TEXT NOT NULL", "body TEXT NOT NULL DEFAULT ''"));
    fails(&project, &["check"], 1, "schema.sql: table notes is another in schema.sql than the migrations make");
    fails(&project, &["generate", "body"], 1, "the column notes.text is dropped\nA column or table with a new name");
    let rename = ["generate", "body", "--rename", "notes.text=notes.body"];
    says(
        &project,
        &rename,
        "compatible with builds of 0002 and later\n  builds of 0001 fail: migrations/released/0001/",
    );
    fails(&project, &["check", "--compatible-with", "1"], 1, "notes.sql:2: query all: no such column: text");
    says(&project, &["new", "tidy_up"], "wrote migrations/0003_tidy_up.sql: write its statements");
    says(&project, &["check"], "(newest 0003)");
    project.want("CREATE TABLE notes (id INTEGER PRIMARY KEY);\n");
    let lossy = ["generate", "numbers_only", "--allow-data-loss"];
    says(&project, &lossy, "as allowed: the column notes.body is dropped");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let project = TestProject::new(NOTES);
    fails(&project, &["generate", "No Name"], 1, "a migration's name is 1 to 100 of a-z, 0-9 and _, not \"No Name\"");
    fails(&project, &["generate"], 2, "<NAME>");
    fails(&project, &["generate", "a", "--rename", "notes"], 2, "write OLD=NEW");
    fails(&project, &["check", "--compatible-with", "0"], 2, "1..=9999");
    fails(&project, &["migrate"], 2, "unrecognized subcommand");
    fails(&project, &["check", "--project", "nowhere"], 1, "cannot read nowhere/schema.sql: ");
    project.want("CREATE TABLE a (\n  b,\n  c TEXT\n  d INTEGER NOT NUL\n);");
    fails(&project, &["generate", "a"], 1, "schema.sql:4: near \"NUL\": syntax error");
    std::fs::remove_dir_all(project.project.migrations()).unwrap();
    project.want(NOTES);
    fails(&project, &["generate", "a"], 1, "cannot read migrations: ");
}
