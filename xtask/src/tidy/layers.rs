//! The architecture's invariants: what a part of the code must not know.

use super::rust_text::has_word;
use super::tree::{File, Finding, Tree};

/// What does I/O or tells the time; `src/` gets both from its environment.
const OUTSIDE: [&str; 8] = ["env", "fs", "io", "net", "os", "process", "thread", "time"];
/// What belongs to one engine.
const ENGINES: [&str; 6] = ["spin_sdk", "rusqlite", "wasm_bindgen", "worker", "wasmtime", "axum"];
/// Our libraries, as code names them.
const OURS: [&str; 3] = ["ownbase_database", "ownbase_spin_sqlite", "ownbase_sql"];
/// The statuses that are no error; problem.rs alone names the others.
const NO_ERRORS: [&str; 4] = ["OK", "CREATED", "NO_CONTENT", "NOT_MODIFIED"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(|file| [service(file), runtime(file), black_box(file)].into_iter().flatten()).collect()
}

/// The service is pure: spin.rs and its folder alone stand between it and an engine; problem.rs alone knows how errors
/// look.
fn service(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.path.starts_with("src/") || file.path == "src/spin.rs" || file.path.starts_with("src/spin/") {
        return findings;
    }
    for (line, code) in file.code() {
        if let Some(module) = OUTSIDE.iter().find(|module| names_std(&code, module)) {
            findings.push(file.finding(line, format!("std::{module} in the service: it does no I/O and has no clock")));
        }
        if let Some(engine) = ENGINES.iter().find(|engine| has_word(&code, engine)) {
            findings.push(file.finding(line, format!("`{engine}` in the service: only src/spin knows an engine")));
        }
        if has_word(&code, "ownbase_database::engine") {
            findings.push(file.finding(line, "an engine in the service: only src/spin knows one"));
        }
        if ["Sql::new", "Sql::create"].iter().any(|make| has_word(&code, make)) {
            findings.push(
                file.finding(line, "a statement in the code: give it a name in queries/, where SQLite checks it"),
            );
        }
        if code.contains("Utc::now") || code.contains("Local::now") {
            findings.push(file.finding(line, "a clock in the service: ask the environment"));
        }
        if file.path != "src/problem.rs" && names_error(&code) {
            findings.push(file.finding(line, "the status of an error: only src/problem.rs names one"));
        }
    }
    findings
}

/// One file decides what SQL a guest may run, and one turns labels into files.
fn runtime(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.path.starts_with("crates/ownbase-spin-sqlite/src/") {
        return findings;
    }
    for (line, code) in file.code() {
        if file.name() != "policy.rs" && code.to_lowercase().contains("authorizer") {
            findings.push(file.finding(line, "the authorizer: only policy.rs decides what SQL may run"));
        }
        let is_files = file.name() == "files.rs" || file.path.contains("/src/files/");
        if !is_files && has_word(&code, "fs") {
            findings.push(file.finding(line, "the file system: labels reach it through files.rs only"));
        }
    }
    findings
}

/// The conformance tests see what a client sees, so that they hold for every engine.
fn black_box(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.path.starts_with("tests/conformance/") {
        return findings;
    }
    for (line, code) in file.code_and_tests() {
        if has_word(&code, "use notes") || OURS.iter().any(|package| has_word(&code, package)) {
            findings.push(file.finding(line, "a crate of ours in the conformance tests: they speak HTTP only"));
        }
    }
    findings
}

fn names_error(code: &str) -> bool {
    code.match_indices("StatusCode::").any(|(at, path)| {
        let name = code[at + path.len()..].split(|c: char| !c.is_alphanumeric() && c != '_').next();
        name.is_some_and(|name| !NO_ERRORS.contains(&name))
    })
}

/// Whether a line of code names a module of the standard library, by its path or in a group of imports.
fn names_std(code: &str, module: &str) -> bool {
    let grouped = code.trim_start().trim_start_matches("pub ").starts_with("use std::{");
    has_word(code, &format!("std::{module}")) || grouped && has_word(code, module)
}

#[cfg(test)]
mod tests {
    use super::super::tree::shown;
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        shown(&check(&Tree::of(&[(path, text)])))
    }

    #[test]
    fn the_service_does_nothing_by_itself() {
        for code in ["use std::fs;", "std::thread::sleep(x)", "use std::{fmt, time::Instant};", "chrono::Utc::now()"] {
            assert_eq!(findings("src/notes.rs", code).len(), 1, "{code}");
            assert!(findings("src/spin.rs", code).is_empty(), "{code}");
            assert!(findings("src/spin/exchange.rs", code).is_empty(), "{code}");
            assert!(findings("src/notes.rs", &format!("// {code}")).is_empty(), "{code}");
            assert!(findings("src/notes.rs", &format!("#[cfg(test)]\nmod tests {{ {code} }}")).is_empty(), "{code}");
        }
        assert!(findings("src/notes.rs", "use std::fmt; let time = env.now();").is_empty());
    }

    #[test]
    fn the_service_knows_no_engine() {
        for code in ["use spin_sdk::http;", "use ownbase_database::engine::spin::Spin;", "rusqlite::Connection"] {
            assert_eq!(findings("src/lib.rs", code).len(), 1, "{code}");
        }
        assert!(findings("src/lib.rs", "#[cfg(target_os = \"wasi\")]\nmod spin;").is_empty());
    }

    #[test]
    fn the_service_s_statements_stand_in_files() {
        for code in
            ["const GET: Sql = Sql::new(\"SELECT 1\");", "Sql::create(a, b)", "database.query(Sql::new(x), &[])"]
        {
            assert_eq!(findings("src/notes.rs", code).len(), 1, "{code}");
            assert!(findings("crates/ownbase-database/src/migration.rs", code).is_empty(), "{code}");
        }
        assert!(findings("src/notes.rs", "queries::get(database, id)").is_empty());
    }

    #[test]
    fn problems_alone_have_error_statuses() {
        for code in ["(StatusCode::NOT_FOUND, x)", "StatusCode::from_u16(404)", "StatusCode::OK, StatusCode::GONE"] {
            assert_eq!(findings("src/notes.rs", code).len(), 1, "{code}");
        }
        assert!(findings("src/problem.rs", "StatusCode::NOT_FOUND").is_empty());
        assert!(findings("src/notes.rs", "StatusCode::CREATED; StatusCode::NOT_MODIFIED").is_empty());
        assert!(findings("crates/ownbase/src/server.rs", "StatusCode::NOT_FOUND").is_empty());
    }

    #[test]
    fn conformance_is_seen_from_outside() {
        for code in ["use notes::handle;", "ownbase_database::Label::from(x)"] {
            assert_eq!(findings("tests/conformance/paging.rs", code).len(), 1, "{code}");
            assert!(findings("tests/service.rs", code).is_empty(), "{code}");
        }
        assert!(findings("tests/conformance/paging.rs", "let notes = list(user);").is_empty());
    }

    #[test]
    fn the_policy_alone_has_the_authorizer() {
        let code = "connection.authorizer(Some(f));";
        assert_eq!(findings("crates/ownbase-spin-sqlite/src/connection.rs", code).len(), 1);
        assert!(findings("crates/ownbase-spin-sqlite/src/policy.rs", code).is_empty());
    }

    #[test]
    fn labels_become_files_in_one_place() {
        for code in ["use std::fs;", "rustix::fs::fsync(x)", "use std::{fs, path::Path};"] {
            assert_eq!(findings("crates/ownbase-spin-sqlite/src/databases.rs", code).len(), 1, "{code}");
            assert!(findings("crates/ownbase-spin-sqlite/src/files.rs", code).is_empty(), "{code}");
            assert!(findings("crates/ownbase-spin-sqlite/src/files/kept.rs", code).is_empty(), "{code}");
            assert!(findings("crates/ownbase/src/build.rs", code).is_empty(), "{code}");
        }
    }
}
