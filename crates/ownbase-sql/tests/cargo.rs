//! What `cargo build` says of `examples/tasks`, whole and broken. For real, since the last word is rustc's.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of the example in a workspace of its own.
struct Project {
    dir: tempfile::TempDir,
    root: PathBuf,
}

impl Project {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let (shared, _) = manifest.split_once("[profile.").unwrap();
        let (_, shared) = shared.split_once("[workspace.package]").unwrap();
        let shared = shared.replace("path = \"", &format!("path = \"{}/", root.display()));
        let workspace = format!("[workspace]\nmembers = [\"tasks\"]\nresolver = \"3\"\n[workspace.package]{shared}");
        fs::write(dir.path().join("Cargo.toml"), workspace).unwrap();
        fs::copy(root.join("Cargo.lock"), dir.path().join("Cargo.lock")).unwrap();
        let project = Self { dir, root };
        for file in ["Cargo.toml", "build.rs", "src/main.rs", "migrations/0001_create_tasks.sql"] {
            project.write(file, &project.original(file));
        }
        for file in ["queries/lists.sql", "queries/tasks.sql"] {
            project.write(file, &project.original(file));
        }
        project
    }

    fn original(&self, file: &str) -> String {
        fs::read_to_string(self.root.join("examples/tasks").join(file)).unwrap()
    }

    fn write(&self, file: &str, content: &str) {
        let path = self.dir.path().join("tasks").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Builds, and returns what cargo complained of; nothing where it succeeded.
    fn build(&self) -> String {
        // Beside everything else that was built, so that little needs to be compiled again.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--offline", "--quiet", "--target-dir"]).arg(target).current_dir(self.dir.path());
        let output = cargo.env_remove("RUST_BACKTRACE").output().unwrap();
        if output.status.success() { String::new() } else { String::from_utf8(output.stderr).unwrap() }
    }
}

#[test]
fn cargo_build_fails_on_what_is_broken_and_on_what_nobody_uses() {
    let project = Project::new();
    assert_eq!(project.build(), "");

    let rename = "ALTER TABLE tasks RENAME COLUMN title TO what;\nALTER TABLE lists RENAME TO folders;\n";
    project.write("migrations/0002_rename.sql", rename);
    let stderr = project.build();
    for fault in [
        "queries/lists.sql:3:13: no such table: lists",
        "queries/lists.sql:8:8: no such table: lists",
        "queries/tasks.sql:4:26: table tasks has no column named title",
        "queries/tasks.sql:9:43: no such column: title",
        "queries/tasks.sql:14:67: no such table: lists",
    ] {
        assert!(stderr.contains(fault), "{fault} is not in:\n{stderr}");
    }
    project.write("migrations/0002_rename.sql", "");

    let lonely = "\n-- name: lonely :many\n-- Nobody asks.\nSELECT title FROM tasks;\n";
    project.write("queries/tasks.sql", &(project.original("queries/tasks.sql") + lonely));
    let stderr = project.build();
    assert!(stderr.contains("error: function `lonely` is never used"), "{stderr}");

    let unread =
        project.original("queries/tasks.sql").replace("SELECT tasks.id, title", "SELECT tasks.id, list, title");
    project.write("queries/tasks.sql", &unread);
    let stderr = project.build();
    assert!(stderr.contains("error: field `list` is never read"), "{stderr}");
}
