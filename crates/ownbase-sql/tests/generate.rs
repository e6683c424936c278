//! What is generated for one change, as whoever reads the migration sees it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod project;

use ownbase_sql::{Error, Request, generate};
use project::TestProject;

const NOTES: &str = "CREATE TABLE notes (\n    seq INTEGER PRIMARY KEY AUTOINCREMENT,\n    text TEXT NOT NULL\n);\n";
const FAMILY: &str = "\
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE pages (book INTEGER NOT NULL REFERENCES books ON DELETE CASCADE, number INTEGER, PRIMARY KEY (book, number)) WITHOUT ROWID;
CREATE TABLE marks (page INTEGER, book INTEGER, FOREIGN KEY (book, page) REFERENCES pages (book, number) ON DELETE SET NULL);
CREATE TABLE others (id INTEGER PRIMARY KEY);
CREATE INDEX marks_page ON marks (book, page);
CREATE VIEW counts AS SELECT book, count(*) AS pages FROM pages GROUP BY book;
CREATE VIEW long AS SELECT book FROM counts WHERE pages > 100;
CREATE TRIGGER touched AFTER INSERT ON others BEGIN UPDATE books SET title = title WHERE id = new.id; END;
CREATE TRIGGER alone AFTER DELETE ON others BEGIN DELETE FROM others WHERE id = old.id + 1; END;
";

#[test]
fn columns_are_added_in_place() {
    let to = NOTES.replace(
        "NOT NULL\n",
        "NOT NULL,\n    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)), -- on top\n    words AS (length(text)),\n    \
         parent INTEGER REFERENCES notes (seq)\n",
    );
    insta::assert_snapshot!(TestProject::change(NOTES, &to, &[]).unwrap());
}

#[test]
fn plain_columns_are_dropped_in_place() {
    let from = "CREATE TABLE a (b, c, d); CREATE INDEX i ON a (c); CREATE VIEW v AS SELECT b, c FROM a;";
    let to = "CREATE TABLE a (b, d); CREATE VIEW v AS SELECT b FROM a;";
    insta::assert_snapshot!(TestProject::change(from, to, &[]).unwrap());
}

#[test]
fn what_cannot_be_altered_is_made_anew_with_all_that_refers_to_it() {
    let to = FAMILY.replace("title TEXT", "title TEXT NOT NULL DEFAULT 'untitled'");
    insta::assert_snapshot!(TestProject::change(FAMILY, &to, &[]).unwrap());
}

#[test]
fn numbers_given_out_stay_given_out() {
    let to = NOTES.replace("text TEXT", "text TEXT COLLATE NOCASE");
    insta::assert_snapshot!(TestProject::change(NOTES, &to, &[]).unwrap());
}

#[test]
fn tables_are_dropped_after_what_refers_to_them() {
    let to = "CREATE TABLE others (id INTEGER PRIMARY KEY);";
    insta::assert_snapshot!(TestProject::change(FAMILY, to, &[]).unwrap());
}

#[test]
fn a_row_may_refer_to_its_own_table() {
    let from = "CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t (id) ON DELETE RESTRICT, x);";
    let to = from.replace(", x", ", x UNIQUE");
    insta::assert_snapshot!(TestProject::change(from, &to, &[]).unwrap());
}

#[test]
fn a_table_stays_virtual_or_not() {
    let (table, search) = ("CREATE TABLE a (b);", "CREATE VIRTUAL TABLE a USING fts5 (b);");
    let error = TestProject::change(table, search, &[]).unwrap_err().to_string();
    assert_eq!(error, "table a cannot become a virtual one at once: give that another name");
    let text = TestProject::change(search, table, &[]).unwrap();
    assert!(text.contains("DROP TABLE a;\n") && text.contains("CREATE TABLE a (b);"), "{text}");
}

#[test]
fn circles_of_tables_are_filled_where_a_key_can_wait() {
    let from = "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id), x);
        CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id));";
    let to = from.replace(", x", ", x UNIQUE");
    for (from, to) in [(from, to.as_str()), (from, "CREATE TABLE c (d);")] {
        let error = TestProject::change(from, to, &[]).unwrap_err().to_string();
        assert!(error.starts_with("b and a refer to one another") && error.contains("`migration new`"), "{error}");
    }
    let deferred = |sql: &str| sql.replace("REFERENCES b (id)", "REFERENCES b (id) DEFERRABLE INITIALLY DEFERRED");
    let project = TestProject::new(&deferred(from));
    let generated = project.want(&deferred(&to)).generate("second").unwrap();
    assert!(generated.proof.without_rows.is_empty(), "{:?}", generated.proof);
    assert!(generated.proof.cautions.iter().all(|why| why.contains("UNIQUE")), "{:?}", generated.proof);
    TestProject::change(&deferred(from), "CREATE TABLE c (d);", &[]).unwrap();
}

#[test]
fn renames_are_renames() {
    let from = format!("{NOTES}CREATE INDEX by_text ON notes (text); CREATE VIEW v AS SELECT text FROM notes;");
    let to = from.replace("notes", "entries").replace("text TEXT", "body TEXT").replace("(text)", "(body)");
    let to = to.replace("SELECT text", "SELECT body AS text");
    insta::assert_snapshot!(TestProject::change(&from, &to, &["notes=entries", "notes.text=entries.body"]).unwrap());
}

#[test]
fn renaming_is_never_guessed() {
    let project = TestProject::new(NOTES);
    project.want(&NOTES.replace("text TEXT NOT NULL", "body TEXT NOT NULL DEFAULT ''"));
    let error = project.generate("second").unwrap_err().to_string();
    assert!(error.contains("the column notes.text is dropped") && error.contains("--rename OLD=NEW"), "{error}");
}

#[test]
fn every_loss_is_named_and_must_be_allowed() {
    for (from, to, loss) in [
        ("CREATE TABLE a (b); CREATE TABLE c (d);", "CREATE TABLE a (b);", "the table c is dropped"),
        ("CREATE TABLE a (b, c);", "CREATE TABLE a (b);", "the column a.c is dropped"),
        ("CREATE TABLE a (b, c);", "CREATE TABLE a (c, b AS (1));", "a.b becomes generated"),
        ("CREATE TABLE a (b TEXT);", "CREATE TABLE a (b INTEGER);", "a.b are converted from TEXT to INTEGER"),
        ("CREATE TABLE a (b, c UNIQUE);", "CREATE TABLE a (b);", "the column a.c is dropped"),
        (
            "CREATE VIRTUAL TABLE f USING fts5 (a);",
            "CREATE VIRTUAL TABLE f USING fts5 (a, b);",
            "the virtual table f is dropped and made anew",
        ),
        ("CREATE VIRTUAL TABLE f USING fts5 (a);", "CREATE TABLE a (b);", "the table f is dropped"),
    ] {
        let project = TestProject::new(from);
        let error = project.want(to).generate("second").unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
        assert!(error.to_string().contains(loss), "{error}");
        let request = Request { name: "second".into(), allow_data_loss: true, ..Request::default() };
        let generated = project.generate_with(&request).unwrap();
        assert!(generated.losses.iter().any(|line| line.contains(loss)), "{:?}", generated.losses);
    }
}

#[test]
fn what_is_harmless_needs_no_leave() {
    for (from, to) in [
        ("CREATE TABLE a (b INTEGER);", "CREATE TABLE a (b);"),
        ("CREATE TABLE a (b, c AS (b + 1));", "CREATE TABLE a (b);"),
        ("CREATE TABLE a (b, c AS (b + 1));", "CREATE TABLE a (b, c);"),
        ("CREATE TABLE a (b); CREATE VIEW v AS SELECT b FROM a;", "CREATE TABLE a (b);"),
    ] {
        TestProject::new(from).want(to).generate("second").unwrap();
    }
}

#[test]
fn options_and_names_of_constraints_count() {
    let from = "CREATE TABLE a (b INTEGER PRIMARY KEY, c TEXT, CONSTRAINT odd CHECK (b % 2 = 1 OR c > ''));";
    for to in [
        from.replace("));", ")) STRICT;"),
        from.replace("));", ")) WITHOUT ROWID;"),
        from.replace("odd", "uneven"),
        from.replace("KEY,", "KEY AUTOINCREMENT,"),
        from.replace("c TEXT", "c TEXT COLLATE NOCASE"),
        from.replace("c TEXT", "c TEXT DEFAULT 'x'"),
        from.replace("c TEXT", "c TEXT REFERENCES a (b) DEFERRABLE INITIALLY DEFERRED"),
    ] {
        let text = TestProject::change(from, &to, &[]).unwrap();
        assert!(text.contains("ALTER TABLE a RENAME TO old_a") && text.contains("INSERT INTO a (b, c)"), "{text}");
    }
}

#[test]
fn rows_need_a_value_for_a_column_that_must_have_one() {
    let project = TestProject::new(NOTES);
    project.want(&NOTES.replace("NOT NULL\n", "NOT NULL,\n    pinned INTEGER NOT NULL\n"));
    let error = project.generate("second").unwrap_err().to_string();
    assert!(error.starts_with("notes.pinned is NOT NULL without a DEFAULT"), "{error}");
}

#[test]
fn another_spelling_is_no_change() {
    let from =
        "CREATE TABLE a (b INTEGER NOT NULL DEFAULT 0 CHECK (b > 0), c TEXT UNIQUE REFERENCES a (c), PRIMARY KEY (b));";
    let to = "create table \"A\" (\n  [b] integer default (0) not null, -- x\n  c text references A ( C ) on delete no action,\n  \
              primary key (\"b\"), unique (c), check (B>0)\n);";
    let project = TestProject::new(from);
    let request = Request { name: "second".into(), ..Request::default() };
    assert!(generate(&project.want(to).project, &request).unwrap().is_none());
}

#[test]
fn a_constraint_that_rows_may_break_is_told() {
    let project = TestProject::new("CREATE TABLE a (b INTEGER, c TEXT);");
    project.want("CREATE TABLE a (b INTEGER CHECK (b > 3), c TEXT);").generate("second").unwrap();
    project.want("CREATE TABLE a (b INTEGER CHECK (b > 3), c TEXT UNIQUE);");
    let cautions = project.generate("third").unwrap().proof.cautions;
    assert!(cautions.contains("migration 0002: CHECK constraint failed: b > 3"), "{cautions:?}");
    assert!(cautions.contains("migration 0003: UNIQUE constraint failed: a.c"), "{cautions:?}");
}

#[test]
fn so_is_a_text_where_a_rowid_is_wanted() {
    let project = TestProject::new("CREATE TABLE a (b INTEGER);");
    project.want("CREATE TABLE a (b INTEGER PRIMARY KEY);");
    let cautions = project.generate("second").unwrap().proof.cautions;
    assert!(cautions.contains("migration 0002: datatype mismatch"), "{cautions:?}");
}

#[test]
fn what_no_row_can_pass_is_refused() {
    let project = TestProject::new("CREATE TABLE a (b INTEGER NOT NULL CHECK (b > 5));");
    project.want("CREATE TABLE a (b INTEGER NOT NULL CHECK (b < 5));");
    let error = project.generate("second").unwrap_err().to_string();
    assert!(error.contains("migration 0002 failed on every database"), "{error}");
    assert_eq!(std::fs::read_dir(project.project.migrations()).unwrap().count(), 1);
}

#[test]
fn a_rename_must_fit_both_schemas() {
    for (rename, why) in [
        ("note=entries", "--rename note=entries: the migrations make no table note"),
        ("notes=entries", "--rename notes=entries: schema.sql has no table entries"),
        ("notes.txt=notes.body", "--rename notes.txt=notes.body: the migrations make no column txt in notes"),
        ("notes.text=notes.body", "--rename notes.text=notes.body: schema.sql has no column body in notes"),
        ("notes.text=others.text", "--rename notes.text=others.text: a column stays in its table"),
    ] {
        let error = TestProject::change(NOTES, NOTES, &[rename]).unwrap_err().to_string();
        assert_eq!(error, why);
    }
    for rename in ["notes", "notes=a.b", "a.b.c=d.e.f", "=a", "a=", "a.=a.b"] {
        assert!(rename.parse::<ownbase_sql::Rename>().is_err(), "{rename}");
    }
}

#[test]
fn a_faulty_schema_is_told_by_line() {
    for (schema, expected) in [
        ("CREATE TABLE a (b);\n\nCREATE TABEL c (d);", ":3: near \"TABEL\": syntax error"),
        ("CREATE TABLE a (b);\nCREATE INDEX i ON a (c);", ":2: no such column: c"),
        (
            "CREATE TABLE a (b);\nINSERT INTO a VALUES (1);",
            ": holds CREATE statements only, not: INSERT INTO a VALUES (1)",
        ),
        ("CREATE TABLE a (b REFERENCES c);", ": table a refers to c, which is not there"),
        ("CREATE TABLE a (b); CREATE TABLE c (d REFERENCES a (b));", "foreign key mismatch"),
        ("CREATE TABLE _a (b);", "names that begin with _ belong to Ownbase"),
    ] {
        let project = TestProject::empty(schema);
        let error = project.generate("first").unwrap_err().to_string();
        assert!(error.contains("schema.sql") && error.contains(expected), "{error}");
    }
}
