//! Rules on Cargo.toml: which of our crates may lean on which, versions and lints in one place, folders named as packages.

use super::tree::{File, Finding, Tree};
use toml::{Table, Value};

/// Where a package stands: what it may lean on, itself in tests aside.
struct Layer {
    package: &'static str,
    /// Our crates that may go into what it builds.
    may: &'static [&'static str],
    /// Our crates that its build script may use.
    build: &'static [&'static str],
    /// Crates of others that would make it know too much.
    never: &'static [&'static str],
}

const LAYERS: [Layer; 10] = [
    Layer { package: "notes", may: &["ownbase-database"], build: &["ownbase-sql"], never: &["rusqlite", "tokio"] },
    Layer { package: "notes-native", may: &["notes", "ownbase-database"], build: &[], never: &["wasmtime"] },
    Layer { package: "notes-worker", may: &["notes", "ownbase-database"], build: &[], never: &["rusqlite", "tokio"] },
    Layer {
        package: "ownbase",
        may: &["ownbase-database", "ownbase-spin-sqlite", "ownbase-sql"],
        build: &[],
        never: &["rusqlite"],
    },
    Layer { package: "ownbase-database", may: &[], build: &[], never: &["tokio", "wasmtime"] },
    Layer { package: "ownbase-spin-sqlite", may: &[], build: &[], never: &["clap", "hyper", "toml"] },
    Layer { package: "ownbase-sql", may: &[], build: &[], never: &["tokio", "wasmtime"] },
    Layer { package: "ownbase-worker-build", may: &[], build: &[], never: &["tokio", "wasmtime"] },
    Layer { package: "tasks", may: &["ownbase-database"], build: &["ownbase-sql"], never: &["rusqlite", "tokio"] },
    Layer { package: "xtask", may: &[], build: &[], never: &[] },
];

/// All that xtask may be compiled with.
const XTASK: [&str; 7] = ["anyhow", "clap", "fastrand", "serde", "serde_json", "svg", "toml"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().filter(|file| file.name() == "Cargo.toml");
    manifests.flat_map(manifest).collect()
}

fn manifest(file: &File) -> Vec<Finding> {
    let table = match file.text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return vec![file.finding(1, format!("no TOML: {}", error.message()))],
    };
    let Some(name) = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str) else {
        return vec![file.finding(1, "no package: every Cargo.toml here has one")];
    };
    let mut findings = Vec::new();
    if let Some(folder) = file.path.rsplit('/').nth(1)
        && folder != name
    {
        findings.push(file.finding_at("name", format!("package {name} in a folder {folder}: give both one name")));
    }
    if table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) != Some(true) {
        findings.push(file.finding_at("[lints]", "the workspace's lints are not taken: `lints.workspace = true`"));
    }
    let Some(layer) = LAYERS.iter().find(|layer| layer.package == name) else {
        findings.push(file.finding(1, format!("say in xtask/src/tidy/manifests.rs where {name} stands")));
        return findings;
    };
    for dependency in dependencies(&table) {
        for why in faults(layer, &dependency) {
            findings.push(file.finding_at(dependency.name, why));
        }
    }
    findings
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Test,
}

pub(crate) struct Dependency<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    value: &'a Value,
}

/// The dependencies of a manifest, those for one target included.
pub(crate) fn dependencies(table: &Table) -> Vec<Dependency<'_>> {
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(|targets| targets.values());
    let tables = std::iter::once(table).chain(targets.filter_map(Value::as_table));
    let kinds = [("dependencies", Kind::Normal), ("build-dependencies", Kind::Build), ("dev-dependencies", Kind::Test)];
    let sections = tables.flat_map(|table| kinds.map(|(key, kind)| (table.get(key), kind)));
    sections
        .filter_map(|(section, kind)| Some((section?.as_table()?, kind)))
        .flat_map(|(section, kind)| section.iter().map(move |(name, value)| Dependency { name, kind, value }))
        .collect()
}

fn faults(layer: &Layer, dependency: &Dependency<'_>) -> Vec<String> {
    let Dependency { name, kind, value } = *dependency;
    let mut faults = Vec::new();
    if value.is_str() || value.get("version").is_some() {
        faults.push(format!("the version of {name} belongs into the workspace's dependencies"));
    }
    let package = layer.package;
    let is_ours = LAYERS.iter().any(|other| other.package == name);
    let allowed = match kind {
        Kind::Normal => layer.may.contains(&name),
        Kind::Build => layer.build.contains(&name),
        Kind::Test => name == package || layer.may.contains(&name) || layer.build.contains(&name),
    };
    if is_ours && !allowed {
        faults.push(format!("{package} must not lean on {name}: dependencies point one way"));
    }
    if kind == Kind::Normal && layer.never.contains(&name) {
        faults.push(format!("{package} must not know {name}"));
    }
    if package == "xtask" && !XTASK.contains(&name) {
        faults.push(format!("{name} in xtask, which is compiled before all else: keep it quick"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::tree::shown;
    use super::*;

    fn findings(path: &str, package: &str, rest: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{package}\"\n[lints]\nworkspace = true\n{rest}\n");
        shown(&check(&Tree::of(&[(path, &text)])))
    }

    /// The one finding in a manifest of `package` with these lines.
    fn finding(package: &str, rest: &str) -> String {
        let found = findings(&format!("crates/{package}/Cargo.toml"), package, rest);
        assert_eq!(found.len(), 1, "{package}: {rest}: {found:?}");
        found.concat()
    }

    #[test]
    fn a_good_manifest_passes() {
        let rest =
            "[dependencies]\nownbase-database.workspace = true\n[build-dependencies]\nownbase-sql.workspace = true";
        assert!(findings("Cargo.toml", "notes", rest).is_empty());
        let rest = "[dev-dependencies]\nownbase-database = { path = \".\", features = [\"a\"] }";
        assert!(findings("crates/ownbase-database/Cargo.toml", "ownbase-database", rest).is_empty());
    }

    #[test]
    fn dependencies_point_one_way() {
        let one_way = |package, dependency| {
            assert!(finding(package, dependency).contains("must not lean on"), "{package}: {dependency}");
        };
        one_way("ownbase-spin-sqlite", "[dependencies]\nownbase-database.workspace = true");
        one_way("ownbase-database", "[dev-dependencies]\nnotes.workspace = true");
        one_way("notes", "[dependencies]\nownbase-sql.workspace = true");
        one_way("notes", "[target.'cfg(unix)'.dependencies]\nownbase.workspace = true");
        one_way("ownbase-sql", "[build-dependencies]\nownbase-database.workspace = true");
    }

    #[test]
    fn a_layer_knows_only_what_it_must() {
        let found = finding("ownbase-spin-sqlite", "[dependencies]\nhyper.workspace = true");
        assert_eq!(found, "crates/ownbase-spin-sqlite/Cargo.toml:6: ownbase-spin-sqlite must not know hyper");
        assert!(finding("xtask", "[dependencies]\nregex.workspace = true").contains("keep it quick"));
    }

    #[test]
    fn versions_stand_in_one_place() {
        assert!(finding("notes-native", "[dependencies]\naxum = \"1\"").contains("the version of axum"));
        assert!(finding("notes-native", "[dependencies]\naxum = { version = \"1\" }").contains("the version of axum"));
    }

    #[test]
    fn lints_are_the_workspace_s() {
        let text = "[package]\nname = \"xtask\"\n";
        assert!(shown(&check(&Tree::of(&[("xtask/Cargo.toml", text)]))).concat().contains("lints"));
    }

    #[test]
    fn folders_are_named_as_packages() {
        assert!(findings("crates/native/Cargo.toml", "notes-native", "").concat().contains("one name"));
    }

    #[test]
    fn a_new_package_is_given_its_place() {
        assert!(finding("novel", "").contains("where novel stands"));
        assert!(shown(&check(&Tree::of(&[("a/Cargo.toml", "= 1")]))).concat().contains("no TOML"));
    }
}
