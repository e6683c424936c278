//! An application's migrations as its component carries them: a custom section of JSON, written by `ownbase-sql`.
//!
//! The section lies in a core module within the component, and there may be one. What it says is checked as far as the
//! runner relies on it: numbers without gaps, checksums, a `compatible_with` that is no later number. Limits: 1,024 sets
//! of migrations in the life of a process, since the runner's statements live as long as the process does.

use ownbase_database::Sql;
use ownbase_database::migration::Migration;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use wasmparser::{Parser, Payload};

/// The section's name, as `ownbase-sql` writes it.
const SECTION: &str = "ownbase:migrations";
/// As many as a folder of migrations may hold.
const MAX_MIGRATIONS: usize = 9_999;
/// Sets that are kept: a server meets one for each build that is rolled out while it runs.
const MAX_SETS: usize = 1_024;

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    /// 1, 2, 3, …
    pub(crate) version: u32,
    /// `create_notes`.
    pub(crate) name: String,
    /// SHA-256 of its file, in lower-case hex.
    pub(crate) checksum: String,
    /// Builds whose newest migration is this or later work with a database that has it.
    pub(crate) compatible_with: u32,
    /// In order.
    pub(crate) statements: Vec<String>,
}

/// The migrations that a component carries, or `None`; the error is what is wrong with it, in one line.
pub(crate) fn of_component(wasm: &[u8]) -> Result<Option<Vec<Written>>, String> {
    let mut found = None;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| {
            let words: Vec<&str> = error.message().split_whitespace().collect();
            format!("is no WebAssembly component: {}", words.join(" "))
        })?;
        let Payload::CustomSection(section) = payload else { continue };
        if section.name() != SECTION {
            continue;
        }
        let written = serde_json::from_slice(section.data())
            .map_err(|error| format!("has a section {SECTION} that cannot be read: {error}"))?;
        if found.replace(written).is_some() {
            return Err(format!("has more than one section {SECTION} (compose it of one service)"));
        }
    }
    found.map(checked).transpose()
}

/// The migrations, if the runner can rely on them.
pub(crate) fn checked(written: Vec<Written>) -> Result<Vec<Written>, String> {
    if written.is_empty() || written.len() > MAX_MIGRATIONS {
        return Err(format!("has {} migrations, not 1 to {MAX_MIGRATIONS}", written.len()));
    }
    for (migration, expected) in written.iter().zip(1..) {
        let Written { version, checksum, compatible_with, .. } = migration;
        if *version != expected {
            return Err(format!("has migration {version} where {expected} was expected"));
        }
        if checksum.len() != 64 || !checksum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!("has a migration {version} whose checksum is none"));
        }
        if compatible_with > version {
            return Err(format!("has a migration {version} that is compatible with the later {compatible_with} only"));
        }
    }
    Ok(written)
}

/// The same for the runner, whose statements are constants: kept for the life of the process, each set once.
pub(crate) fn keep(written: &[Written]) -> Result<&'static [Migration], String> {
    static KEPT: Mutex<Vec<&'static [Migration]>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.iter().find(|known| are_same(known, written)) {
        return Ok(known);
    }
    if kept.len() == MAX_SETS {
        return Err(format!("{MAX_SETS} different builds were rolled out here already (restart the server)"));
    }
    let migrations: Vec<Migration> = written.iter().map(migration).collect();
    let migrations: &'static [Migration] = migrations.leak();
    kept.push(migrations);
    Ok(migrations)
}

fn are_same(kept: &[Migration], written: &[Written]) -> bool {
    kept.len() == written.len()
        && kept.iter().zip(written).all(|(kept, written)| {
            let same_statements =
                || kept.statements.iter().map(|sql| sql.plain()).eq(written.statements.iter().map(String::as_str));
            (kept.version, kept.compatible_with) == (written.version, written.compatible_with)
                && (kept.name, kept.checksum) == (&*written.name, &*written.checksum)
                && same_statements()
        })
}

fn migration(written: &Written) -> Migration {
    let keep = |text: &String| -> &'static str { text.clone().leak() };
    let statements: Vec<Sql> = written.statements.iter().map(|sql| Sql::new(keep(sql))).collect();
    Migration {
        version: written.version,
        name: keep(&written.name),
        checksum: keep(&written.checksum),
        compatible_with: written.compatible_with,
        statements: statements.leak(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(version: u32, compatible_with: u32) -> Written {
        let (name, statements) = ("a".to_owned(), vec![format!("CREATE TABLE t{version} (a)")]);
        Written { version, name, checksum: "0".repeat(64), compatible_with, statements }
    }

    fn component(sections: &[&str]) -> Vec<u8> {
        let sections: String = sections
            .iter()
            .map(|json| format!("(core module (@custom \"{SECTION}\" \"{}\"))", json.escape_default()))
            .collect();
        wat::parse_str(format!("(component (core module (@custom \"other\" \"x\")) {sections})")).unwrap()
    }

    #[test]
    fn migrations_are_found_in_a_module_of_the_component() {
        let migrations = vec![written(1, 1), written(2, 1)];
        let json = serde_json::to_string(&migrations).unwrap();
        assert_eq!(of_component(&component(&[&json])), Ok(Some(migrations)));
        assert_eq!(of_component(&component(&[])), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let json = serde_json::to_string(&[written(1, 1)]).unwrap();
        for (wasm, expected) in [
            (component(&[&json, &json]), "more than one section"),
            (component(&["[{\"version\": 1}]"]), "cannot be read: missing field"),
            (component(&["[]"]), "has 0 migrations"),
            (b"\0asm".to_vec(), "is no WebAssembly component"),
            (b"text".to_vec(), "is no WebAssembly component"),
        ] {
            let error = of_component(&wasm).unwrap_err();
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_runner_is_given_only_what_it_can_rely_on() {
        let bad_checksum = Written { checksum: "A".repeat(64), ..written(1, 1) };
        for (set, expected) in [
            (vec![written(2, 2)], "where 1 was expected"),
            (vec![written(1, 1), written(3, 3)], "where 2 was expected"),
            (vec![written(1, 2)], "compatible with the later 2"),
            (vec![bad_checksum], "checksum is none"),
        ] {
            assert!(checked(set).unwrap_err().contains(expected), "{expected}");
        }
    }

    #[test]
    fn a_set_is_kept_once() {
        let (one, two) = ([written(1, 1)], [written(1, 1), written(2, 2)]);
        let kept = keep(&one).unwrap();
        assert!(std::ptr::eq(kept, keep(&one.clone()).unwrap()));
        let other = keep(&two).unwrap();
        assert_eq!((other.len(), other[1].statements[0].plain()), (2, "CREATE TABLE t2 (a)"));
        let edited = [Written { statements: vec!["x".to_owned()], ..written(1, 1) }];
        assert!(!std::ptr::eq(kept, keep(&edited).unwrap()));
    }
}
