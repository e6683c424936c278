//! Rules on any text: length and names of files, module documentation, white space, things left undone.

use super::rust_text::has_word;
use super::tree::{File, Finding, Tree};

/// A longer file has more than one job.
const MAX_LINES: usize = 300;
/// Names that say nothing of what is inside.
const VAGUE: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];
/// Put together here, so that this file does not break its own rule.
const UNDONE: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let ours = tree.files.iter().filter(|file| !is_copied(file));
    ours.flat_map(|file| [source(file), white_space(file), undone(file)].into_iter().flatten()).collect()
}

/// Interfaces and licences stay as their authors wrote them; cargo writes its lock file.
fn is_copied(file: &File) -> bool {
    file.path.contains("/wit/deps/") || file.path.starts_with("LICENSE") || file.name() == "Cargo.lock"
}

fn source(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.path.ends_with(".rs") && !file.path.ends_with(".js") {
        return findings;
    }
    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        findings.push(file.finding(lines, format!("{lines} lines, more than {MAX_LINES}: split it by job")));
    }
    if let Some(name) = file.path.split(['/', '.']).find(|name| VAGUE.contains(name)) {
        findings.push(file.finding(1, format!("`{name}` says nothing of what is inside: name it by its job")));
    }
    if file.path.ends_with(".rs") && !file.text.starts_with("//! ") {
        findings.push(file.finding(1, "begin the module with a `//!` comment: what it is, its limits"));
    }
    findings
}

fn white_space(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.split('\n').enumerate() {
        if line.ends_with(char::is_whitespace) {
            findings.push(file.finding(index + 1, "white space at the end of the line"));
        } else if line.contains('\t') {
            findings.push(file.finding(index + 1, "a tab: use spaces"));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(file.finding(file.text.lines().count(), "no line feed at the end of the file"));
    }
    findings
}

fn undone(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let undone = lines.filter(|(_, line)| UNDONE.iter().any(|word| has_word(line, word)));
    undone.map(|(index, _)| file.finding(index + 1, "something left undone: do it, or file an issue")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::shown;
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        shown(&check(&Tree::of(&[(path, text)])))
    }

    #[test]
    fn a_good_file_passes() {
        assert!(findings("src/lib.rs", "//! What it is.\n\nfn f() {}\n").is_empty());
        assert!(findings("README.md", "# Any\n").is_empty());
        assert!(findings("empty.md", "").is_empty());
    }

    #[test]
    fn files_are_short() {
        let long = format!("//! Long.\n{}", "\n".repeat(MAX_LINES - 1));
        assert!(findings("src/lib.rs", &long).is_empty());
        let longer = long + "\n";
        assert_eq!(findings("src/lib.rs", &longer), ["src/lib.rs:301: 301 lines, more than 300: split it by job"]);
        assert!(findings("notes.md", &longer).is_empty());
    }

    #[test]
    fn names_say_something() {
        for path in ["src/utils.rs", "src/common/page.rs", "src/helpers.js"] {
            assert!(findings(path, "//! A.\n")[0].contains("says nothing"), "{path}");
        }
        assert!(findings("src/commonplace.rs", "//! A.\n").is_empty());
    }

    #[test]
    fn modules_are_documented_first() {
        assert!(findings("src/lib.rs", "use std::fmt;\n")[0].contains("src/lib.rs:1: begin the module"));
        assert!(findings("src/lib.rs", "//!\n")[0].contains("begin the module"));
    }

    #[test]
    fn white_space_is_seen() {
        assert_eq!(findings("a.toml", "a \n"), ["a.toml:1: white space at the end of the line"]);
        assert_eq!(findings("a.toml", "a\r\n"), ["a.toml:1: white space at the end of the line"]);
        assert_eq!(findings("a.toml", "b\n\ta\n"), ["a.toml:2: a tab: use spaces"]);
        assert_eq!(findings("a.toml", "b\na"), ["a.toml:2: no line feed at the end of the file"]);
    }

    #[test]
    fn things_undone_are_seen() {
        for word in UNDONE {
            assert_eq!(findings("a.sql", &format!("\n-- {word}: b\n")).len(), 1);
        }
        assert!(findings("a.sql", "-- TODOS\n").is_empty());
    }

    #[test]
    fn what_others_wrote_is_left_alone() {
        assert!(findings("crates/a/wit/deps/b/c.wit", "a \n").is_empty());
        assert!(findings("LICENSE-MIT", "a ").is_empty());
    }
}
