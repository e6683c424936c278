//! A full manifest, and everything that can be wrong with one: the whole fault text each time.

#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;

const GOOD: &str = r#"
spin_manifest_version = 2

[application]
name = "notes"
version = "0.1.0"
description = "Notes"
authors = ["a@example.com"]

[application.tool.other]
level = 3

[application.trigger.http]
base = ""

[variables]
greeting = { default = "Hello" }
api_key = { required = true, secret = true }

[[trigger.http]]
route = "/..."
component = "notes"

[[trigger.http]]
id = "inline"
route = "/status"
component = { source = "status.wasm" }
executor = { type = "http" }

[component.notes]
source = "target/notes.wasm"
description = "The service"
sqlite_databases = ["users"]
environment = { MODE = "test" }
variables = { text = "{{ greeting }}, you" }
allowed_outbound_hosts = []
files = []
targets = ["spin-up:4.1"]
[component.notes.build]
command = ["make", "make wasm"]
workdir = "sub"
watch = ["src/**/*.rs"]
[component.notes.tool.ownbase]
sqlite_databases = ["user-*"]
[component.notes.tool.lint]
anything = true
[component.notes.profile.debug]
source = "debug.wasm"
"#;

/// The whole fault text of a manifest, or "" where there is none.
fn faults_of(text: &str) -> String {
    let mut faults = Faults::default();
    Manifest::parse(&Source::new("spin.toml", text), &mut faults);
    faults.into_result().err().map(|faults| faults.to_string()).unwrap_or_default()
}

fn good() -> Manifest {
    let mut faults = Faults::default();
    let manifest = Manifest::parse(&Source::new("spin.toml", GOOD), &mut faults);
    faults.into_result().unwrap();
    manifest
}

/// The one fault that replacing `from` by `to` in the good manifest brings.
#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "the good manifest lacks {from:?}");
    assert_eq!(faults_of(&GOOD.replace(from, to)), expected);
}

#[test]
fn a_full_manifest_is_understood() {
    let manifest = good();
    assert_eq!(manifest.variables["greeting"].as_deref(), Some("Hello"));
    assert_eq!(manifest.variables["api_key"], None);
    let triggers: Vec<_> = manifest.triggers.iter().map(|(route, id)| (route.text(), id.as_str())).collect();
    assert_eq!(triggers, [("/...", "notes"), ("/status", "inline-component2")]);
    let notes = &manifest.components["notes"];
    assert_eq!(notes.source.as_deref(), Some(Path::new("target/notes.wasm")));
    assert_eq!(notes.environment, [("MODE".to_owned(), "test".to_owned())]);
    let labels = notes.labels.as_ref().unwrap();
    assert!(labels.allow("users") && labels.allow("user-john") && !labels.allow("settings"));
    let build = notes.build.as_ref().unwrap();
    assert_eq!(build.commands, ["make", "make wasm"]);
    assert_eq!(build.workdir.as_deref(), Some(Path::new("sub")));
    assert_eq!(manifest.components["inline-component2"].source.as_deref(), Some(Path::new("status.wasm")));
}

#[test]
fn what_is_not_toml_has_one_fault() {
    assert_eq!(faults_of("a = [1,"), "spin.toml:1: unclosed array, expected `]` (correct the TOML)");
}

#[test]
fn versions_other_than_2_are_refused() {
    let version = "spin_manifest_version = 2";
    check(version, "spin_manifest_version = 3", "spin.toml:1: spin_manifest_version 3 is not supported (write 2)");
    check(version, "", "spin.toml:1: `spin_manifest_version = 2` is missing (add it as the first line)");
    check(
        version,
        "spin_version = \"1\"",
        "spin.toml:1: this is a manifest of version 1 (convert it to `spin_manifest_version = 2`)",
    );
    check(
        version,
        "spin_manifest_version = \"2\"",
        "2 faults keep the application from starting\n  spin.toml:2: `spin_manifest_version` must be an integer\n  spin.toml:1: `spin_manifest_version = 2` is missing (add it as the first line)",
    );
}

#[test]
fn a_misspelt_key_is_named_with_its_likely_meaning() {
    check(
        "source = \"target/notes.wasm\"",
        "sorce = \"target/notes.wasm\"",
        "2 faults keep the application from starting\n  \
         spin.toml:30: [component.notes] `source` is missing (write the path of the component's wasm file)\n  \
         spin.toml:31: [component.notes] `sorce` is not a known key (did you mean `source`?)",
    );
    check(
        "[variables]\ngreeting",
        "[varables]\n[variables]\ngreeting",
        "spin.toml:16: `varables` is not a known key (did you mean `variables`?)",
    );
    check(
        "route = \"/status\"",
        "route = \"/status\"\nmiddleware = 1",
        "spin.toml:27: [[trigger.http]] `middleware` is not a known key (remove it, or correct its name)",
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let source = "source = \"target/notes.wasm\"";
    for (key, why) in [
        (
            "files = [\"a\"]",
            "`files` is not supported: a component sees no files here (embed them, or serve them from elsewhere)",
        ),
        (
            "allowed_outbound_hosts = [\"https://*\"]",
            "`allowed_outbound_hosts` is not supported: outbound connections are denied here (remove the hosts, or run this component under Spin)",
        ),
        (
            "allowed_http_hosts = [\"x\"]",
            "`allowed_http_hosts` is not supported: outbound connections are denied here (remove the hosts, or run this component under Spin)",
        ),
        (
            "key_value_stores = [\"default\"]",
            "`key_value_stores` is not supported: there are no key-value stores here (keep the values in a database)",
        ),
        (
            "ai_models = [\"llama\"]",
            "`ai_models` is not supported: there are no models here (remove them, or run this component under Spin)",
        ),
        (
            "dependencies = { \"a:b\" = \"1\" }",
            "`dependencies` is not supported: components are not composed here (compose them into one wasm file first)",
        ),
    ] {
        let name = key.split(' ').next().unwrap();
        let without = GOOD.replace(&format!("{name} = []\n"), "");
        let text = without.replace(source, &format!("{source}\n{key}"));
        assert_eq!(faults_of(&text), format!("spin.toml:32: [component.notes] {why}"));
    }
}

#[test]
fn sources_that_must_be_fetched_are_refused() {
    for source in [
        "{ url = \"https://x/y.wasm\", digest = \"sha256:0\" }",
        "{ registry = \"r\", package = \"a:b\", version = \"1\" }",
    ] {
        check(
            "\"target/notes.wasm\"",
            source,
            "spin.toml:31: [component.notes] `source` is not supported: Ownbase fetches nothing (download the component and write the path of its file)",
        );
    }
}

#[test]
fn triggers_are_checked() {
    let route = "route = \"/status\"";
    check(
        route,
        "route = { private = true }",
        "spin.toml:26: [[trigger.http]] `route` is not supported: private routes are for calls between components, which are denied here (write a path)",
    );
    check(
        route,
        "",
        "spin.toml:24: [[trigger.http]] `route` is missing (write the paths that it serves, as in \"/...\")",
    );
    check(
        route,
        "route = \"/*\"",
        "spin.toml:24: [[trigger.http]] route \"/*\" matches the same paths as one before it (remove one)",
    );
    check(
        route,
        "route = \"/a/.../b\"",
        "spin.toml:24: [[trigger.http]] route \"/a/.../b\": `...` can only stand at the end",
    );
    check(
        "component = \"notes\"",
        "component = \"note\"",
        "spin.toml:20: [[trigger.http]] there is no [component.note] (known: notes)",
    );
    check(
        "{ type = \"http\" }",
        "{ type = \"wagi\" }",
        "spin.toml:28: [trigger.http.executor] type \"wagi\" is not supported (a component must export wasi:http's handler)",
    );
    check(
        "executor = { type = \"http\" }",
        "static_response = { body = \"x\" }",
        "spin.toml:28: [[trigger.http]] `static_response` is not supported: a component must answer (write one that does)",
    );
    check(
        "[component.notes]\n",
        "[[trigger.redis]]\nchannel = \"x\"\n[component.notes]\n",
        "spin.toml:30: [trigger] `redis` is not supported: Ownbase serves HTTP only (remove the trigger, or run it under Spin)",
    );
    check(
        "base = \"\"",
        "base = \"/v1\"",
        "spin.toml:14: [application.trigger.http] `base` is not supported: write the prefix into each route",
    );
}

#[test]
fn names_and_values_are_checked() {
    check(
        "api_key = { required = true, secret = true }",
        "api_key = { secret = true }",
        "spin.toml:18: [variables.api_key] needs either a `default` or `required = true`, not both",
    );
    check(
        "greeting = {",
        "Greeting = {",
        "spin.toml:17: [variables.Greeting] a variable's name must be in lower case (rename it)",
    );
    check(
        "\"{{ greeting }}, you\"",
        "\"{{ greeting\"",
        "spin.toml:30: [component.notes] variable `text`: `{{` is never closed (write `{{ name }}`)",
    );
    check(
        "environment = { MODE = \"test\" }",
        "environment = { MODE = 1 }",
        "spin.toml:34: [component.notes] `environment` must be a table of strings",
    );
    check(
        "sqlite_databases = [\"users\"]",
        "sqlite_databases = [\"user-*\"]",
        "spin.toml:30: [component.notes] `sqlite_databases`: \"user-*\" is no label (Spin wants kebab-case or snake_case; patterns go into [component.notes.tool.ownbase])",
    );
    check(
        "workdir = \"sub\"",
        "workdir = \"/sub\"",
        "spin.toml:39: [component.notes.build] `workdir` must be relative to the manifest's folder",
    );
    check("name = \"notes\"\n", "", "spin.toml:4: [application] `name` is missing (give the application a name)");
}

#[test]
fn a_bad_pattern_is_refused() {
    let faults = faults_of(&GOOD.replace("[\"user-*\"]", "[\"../*\"]"));
    assert!(
        faults.starts_with("spin.toml:43: [component.notes.tool.ownbase] `sqlite_databases`: \"../*\""),
        "{faults}"
    );
}

proptest::proptest! {
    /// Whatever stands in the file, reading it ends in faults, never in a panic.
    #[test]
    fn no_text_makes_the_reader_panic(cut in 0..GOOD.len(), junk in "[\\PC\n]{0,12}") {
        let mut text = GOOD.to_owned();
        text.insert_str(cut, &junk);
        faults_of(&text);
    }
}
