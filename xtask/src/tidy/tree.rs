//! The repository's text files in memory, and what is found in them.
//!
//! Read from the disk rather than from git, so that a file is checked before it is added. Paths are relative to the
//! root and written with `/` everywhere. Files that are not UTF-8 are passed over.

use super::rust_text;
use anyhow::Context;
use std::fmt;
use std::path::Path;

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 6] = [".git", ".ownbase", ".ownbase-workerd", ".wrangler", "node_modules", "target"];

pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A broken rule.
#[derive(Debug)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    why: String,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// Whether there is such a file, or a folder with a file in it.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        path.is_empty() || self.files.iter().any(|file| file.path == path || file.path.starts_with(&inside))
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect() }
    }
}

fn read_folder(root: &Path, folder: &str, files: &mut Vec<File>) -> anyhow::Result<()> {
    let full = root.join(folder);
    for entry in std::fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            read_folder(root, &path, files)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(std::fs::read(entry.path())?)
        {
            files.push(File { path, text });
        }
    }
    Ok(())
}

impl File {
    /// The file's name without its folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether the whole file belongs to a test.
    pub(crate) fn is_test(&self) -> bool {
        let folders = ["tests/", "benches/"];
        folders.iter().any(|folder| self.path.starts_with(folder) || self.path.contains(&format!("/{folder}")))
            || self.name() == "tests.rs"
    }

    /// The lines of Rust that are neither comment, literal nor test, counted from 1.
    pub(crate) fn code(&self) -> Vec<(usize, String)> {
        if self.is_test() {
            return Vec::new();
        }
        numbered(&rust_text::without_tests(&rust_text::without_literals(&self.text)))
    }

    /// As [`File::code`], tests included.
    pub(crate) fn code_and_tests(&self) -> Vec<(usize, String)> {
        numbered(&rust_text::without_literals(&self.text))
    }

    /// A finding on the first line that begins with `start`, or on the first of all.
    pub(crate) fn finding_at(&self, start: &str, why: impl Into<String>) -> Finding {
        let line = self.text.lines().position(|line| line.trim_start().starts_with(start)).unwrap_or(0);
        self.finding(line + 1, why)
    }

    pub(crate) fn finding(&self, line: usize, why: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, why: why.into() }
    }
}

fn numbered(text: &str) -> Vec<(usize, String)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned())).collect()
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.why)
    }
}

#[cfg(test)]
pub(crate) fn shown(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(Finding::to_string).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_on_disk_is_read_without_what_is_built_or_fetched() {
        let root = std::env::temp_dir().join(format!("ownbase-tidy-{}", std::process::id()));
        for (path, bytes) in [
            ("src/lib.rs", b"//! Text\n".as_slice()),
            (".ci/run", b"#!/bin/sh\n"),
            ("picture.png", &[0xff, 0xfe]),
            ("target/debug/built.rs", b""),
            ("crates/worker/node_modules/fetched.js", b""),
        ] {
            let file = root.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        let tree = Tree::read(&root).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".ci/run", "src/lib.rs"]);
        assert!(tree.exists("src") && tree.exists("src/lib.rs") && !tree.exists("sr"));
    }

    #[test]
    fn tests_are_told_by_their_place() {
        let is_test = |path| Tree::of(&[(path, "")]).files[0].is_test();
        assert!(is_test("tests/conformance/main.rs") && is_test("crates/a/tests/b.rs") && is_test("src/page/tests.rs"));
        assert!(!is_test("src/latests/page.rs") && !is_test("xtask/src/test.rs"));
    }
}
