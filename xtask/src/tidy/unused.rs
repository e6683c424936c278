//! Rules on what nobody uses: dependencies that no code names, modules that no module declares. The compiler sees
//! neither.

use super::manifests::{Kind, dependencies};
use super::rust_text::has_word;
use super::tree::{File, Finding, Tree};
use toml::{Table, Value};

/// Dependencies that stand in a manifest only to set a feature: package and dependency.
const FOR_A_FEATURE: [(&str, &str); 1] = [("notes", "getrandom")];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().filter(|file| file.name() == "Cargo.toml");
    let parsed: Vec<_> = manifests.filter_map(|file| Some((file, file.text.parse::<Table>().ok()?))).collect();
    let mut findings: Vec<_> = parsed.iter().flat_map(|(file, table)| unnamed(tree, file, table)).collect();
    findings.extend(parsed.iter().flat_map(|(file, table)| unshared(file, table, &parsed)));
    findings.extend(tree.rust().filter(|file| is_orphan(tree, file)).map(|file| {
        let why = "no module declares this one: it is never compiled";
        file.finding(1, why)
    }));
    findings
}

/// A package's dependencies that its code does not name.
fn unnamed(tree: &Tree, manifest: &File, table: &Table) -> Vec<Finding> {
    let package = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let folder = manifest.path.trim_end_matches("Cargo.toml");
    // The root package's folder holds the other packages too.
    let own = if folder.is_empty() { vec!["src/", "tests/", "build.rs"] } else { vec![folder] };
    let files = tree.rust().filter(|file| own.iter().any(|start| file.path.starts_with(start)));
    let code: Vec<String> = files.flat_map(File::code_and_tests).map(|(_, code)| code).collect();
    let is_named = |name: &str| code.iter().any(|line| has_word(line, &name.replace('-', "_")));
    let unused = dependencies(table).into_iter().filter(|dependency| {
        let for_a_feature = FOR_A_FEATURE.iter().any(|known| (Some(known.0), known.1) == (package, dependency.name));
        let is_itself = dependency.kind == Kind::Test && Some(dependency.name) == package;
        !is_named(dependency.name) && !for_a_feature && !is_itself
    });
    unused
        .map(|dependency| manifest.finding_at(dependency.name, format!("no code names {}", dependency.name)))
        .collect()
}

/// The workspace's dependencies that no package takes.
fn unshared(manifest: &File, table: &Table, all: &[(&File, Table)]) -> Vec<Finding> {
    let shared = table.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    let names = shared.into_iter().flat_map(Table::keys);
    let is_taken =
        |name: &String| all.iter().flat_map(|(_, table)| dependencies(table)).any(|taken| taken.name == name);
    let unused = names.filter(|name| !is_taken(name));
    unused.map(|name| manifest.finding_at(name, format!("no package takes {name}"))).collect()
}

/// Whether a file under a `src/` folder is no crate's root and in no module's declaration.
fn is_orphan(tree: &Tree, file: &File) -> bool {
    let Some((folder, name)) = file.path.rsplit_once('/') else { return false };
    let in_source = folder == "src" || folder.ends_with("/src") || folder.contains("src/");
    let module = name.trim_end_matches(".rs");
    let parents: &[String] = if folder == "src" || folder.ends_with("/src") {
        &["lib", "main"].map(|root| format!("{folder}/{root}.rs"))
    } else {
        &[format!("{folder}.rs")]
    };
    let declaration = format!("mod {module}");
    let declares = |parent: &File| parent.code_and_tests().iter().any(|(_, code)| has_word(code, &declaration));
    in_source
        && !parents.contains(&file.path)
        && !tree.rust().any(|other| parents.contains(&other.path) && declares(other))
}

#[cfg(test)]
mod tests {
    use super::super::tree::shown;
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        shown(&check(&Tree::of(files)))
    }

    #[test]
    fn dependencies_are_named() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nform_urlencoded.workspace = true\nspin-sdk = \"7\"\n";
        let code = "use spin_sdk::http; // form_urlencoded";
        let found = findings(&[("crates/a/Cargo.toml", manifest), ("crates/a/src/lib.rs", code)]);
        assert_eq!(found, ["crates/a/Cargo.toml:4: no code names form_urlencoded"]);
        let elsewhere = ("crates/b/src/lib.rs", "use form_urlencoded;");
        assert_eq!(findings(&[("crates/a/Cargo.toml", manifest), ("crates/a/src/lib.rs", code), elsewhere]).len(), 1);
        let used = "use spin_sdk::http; form_urlencoded::parse(x)";
        assert!(findings(&[("crates/a/Cargo.toml", manifest), ("crates/a/src/lib.rs", used)]).is_empty());
    }

    #[test]
    fn shared_dependencies_are_taken() {
        let root = "[workspace.dependencies]\nanyhow = \"1\"\nhttp = \"1\"\n";
        let member = "[package]\nname = \"a\"\n[target.'cfg(unix)'.dev-dependencies]\nhttp.workspace = true\n";
        let files = [("Cargo.toml", root), ("crates/a/Cargo.toml", member), ("crates/a/src/lib.rs", "use http::Uri;")];
        assert_eq!(findings(&files), ["Cargo.toml:2: no package takes anyhow"]);
    }

    #[test]
    fn modules_are_declared() {
        let files = |root| [("src/lib.rs", root), ("src/page.rs", "mod cursor;"), ("src/page/cursor.rs", "")];
        assert!(findings(&files("mod page;")).is_empty());
        assert!(findings(&files("pub(crate) mod page;")).is_empty());
        assert_eq!(
            findings(&files("// mod page;")),
            ["src/page.rs:1: no module declares this one: it is never compiled"]
        );
        assert!(findings(&[("crates/a/src/main.rs", ""), ("crates/a/tests/http.rs", "")]).is_empty());
    }
}
