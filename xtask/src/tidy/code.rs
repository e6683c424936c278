//! Rules on Rust code: nothing that panics, no test switched off, `unsafe` only where it is listed.

use super::rust_text::has_word;
use super::tree::{Finding, Tree};

/// What ends a thread where an error could be answered.
const PANICS: [&str; 6] = [".unwrap()", ".expect(", "panic!", "todo!", "unimplemented!", "dbg!"];
/// Where ending is the answer, each with its reason.
const MAY_PANIC: [(&str, &str); 2] = [
    ("crates/ownbase-database/src/engine/rusqlite.rs", "no randomness: names that can be guessed are worse than none"),
    ("crates/ownbase-database/src/engine/spin/component.rs", "the same"),
];
/// The files that may allow `unsafe` code, each with its reason.
const UNSAFE: [(&str, &str); 4] = [
    ("crates/ownbase/src/instance/whole/bindings.rs", "what wasmtime's bindgen writes"),
    ("crates/ownbase-spin-sqlite/src/bindings.rs", "what wasmtime's bindgen writes"),
    ("crates/ownbase-sql/src/embed.rs", "the custom section that it writes"),
    ("src/spin/whole.rs", "what wit-bindgen writes"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let may_panic = MAY_PANIC.iter().any(|(path, _)| *path == file.path);
        for (line, code) in file.code().into_iter().filter(|_| !may_panic) {
            if let Some(word) = PANICS.iter().find(|word| has_call(&code, word)) {
                findings.push(file.finding(line, format!("`{word}` outside a test: return an error")));
            }
        }
        for (line, code) in file.code_and_tests() {
            if code.contains("#[ignore") {
                findings.push(file.finding(line, "a test that never runs: mend it or remove it"));
            }
            let allows = has_word(&code, "unsafe_code") && (has_word(&code, "allow") || has_word(&code, "expect"));
            if allows && !UNSAFE.iter().any(|(path, _)| *path == file.path) {
                findings.push(
                    file.finding(line, "`unsafe_code` allowed in a file that xtask/src/tidy/code.rs does not list"),
                );
            }
        }
    }
    findings
}

/// Methods are found anywhere, macros only by their whole name.
fn has_call(code: &str, call: &str) -> bool {
    match call.strip_suffix('!') {
        Some(name) => has_word(code, name) && code.contains(call),
        None => code.contains(call),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::shown;
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        shown(&check(&Tree::of(&[(path, text)])))
    }

    #[test]
    fn panics_are_for_tests() {
        for call in ["x.unwrap();", "x.expect(\"y\");", "panic!();", "todo!();", "unimplemented!();", "dbg!(x);"] {
            assert_eq!(findings("src/lib.rs", &format!("\n{call}\n")).len(), 1, "{call}");
            assert!(findings("src/lib.rs", &format!("#[cfg(test)]\nmod tests {{ {call} }}")).is_empty(), "{call}");
            assert!(findings("tests/http.rs", call).is_empty(), "{call}");
            assert!(findings("src/lib.rs", &format!("/// {call}\n")).is_empty(), "{call}");
        }
        assert!(findings("src/lib.rs", "x.unwrap_or(y); x.unwrap_err(); no_panic!();").is_empty());
    }

    #[test]
    fn exceptions_are_listed() {
        for (path, _) in MAY_PANIC {
            assert!(findings(path, "x.expect(\"y\");").is_empty(), "{path}");
        }
    }

    #[test]
    fn every_test_runs() {
        assert_eq!(findings("tests/http.rs", "#[test]\n#[ignore = \"slow\"]\n").len(), 1);
        assert_eq!(findings("src/lib.rs", "#[cfg(test)]\nmod tests {\n#[ignore]\n}").len(), 1);
    }

    #[test]
    fn unsafe_code_is_listed() {
        let expected = "a.rs:1: `unsafe_code` allowed in a file that xtask/src/tidy/code.rs does not list";
        assert_eq!(findings("a.rs", "#![allow(unsafe_code)]"), [expected]);
        assert_eq!(findings("a.rs", "#[expect(unsafe_code, reason = \"b\")]"), [expected]);
        assert!(findings("a.rs", "#![deny(unsafe_code)]").is_empty());
        for (path, _) in UNSAFE {
            assert!(findings(path, "#![allow(unsafe_code)]").is_empty());
        }
    }
}
