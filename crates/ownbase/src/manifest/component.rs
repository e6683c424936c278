//! `[component.<id>]`: what Spin knows of a component, as far as Ownbase runs it.
//!
//! What Ownbase does not offer (files, outbound network, key-value stores, models, dependencies, remote sources) is
//! refused by name when it is asked for; an empty list asks for nothing. Keys that concern only Spin's own commands
//! (`targets`, `profile`, `build.watch`) are passed over, as are the tables of other tools.

use super::faults::Faults;
use super::names;
use super::section::Section;
use super::template::Template;
use ownbase_spin_sqlite::Labels;
use std::path::PathBuf;

/// One component, ready to be loaded or built.
#[derive(Debug)]
pub(crate) struct Component {
    /// Its name in the manifest.
    pub(crate) id: String,
    /// The wasm file, relative to the manifest's folder; `None` only beside a fault.
    pub(crate) source: Option<PathBuf>,
    /// Environment variables of the guest.
    pub(crate) environment: Vec<(String, String)>,
    /// What `spin:variables` answers, by name.
    pub(crate) variables: Vec<(String, Template)>,
    /// The databases that it may open: `sqlite_databases` of the component and of its tool table; `None` only beside a
    /// fault.
    pub(crate) labels: Option<Labels>,
    /// How to build it, where the manifest says so.
    pub(crate) build: Option<Build>,
}

/// `[component.<id>.build]`.
#[derive(Debug)]
pub(crate) struct Build {
    /// Shell commands, run one after the other.
    pub(crate) commands: Vec<String>,
    /// Where they run, relative to the manifest's folder.
    pub(crate) workdir: Option<PathBuf>,
}

/// Reads one component; every fault in it goes to `faults`.
pub(super) fn read(id: String, mut section: Section<'_>, faults: &mut Faults) -> Component {
    if let Err(why) = names::kebab(&id) {
        section.fault(None, format!("a component's name {why} (rename it)"), faults);
    }
    let component = Component {
        source: source(&mut section, faults),
        environment: section.string_table("environment", faults),
        variables: variables(&mut section, faults),
        labels: labels(&id, &mut section, faults),
        build: build(&id, &mut section, faults),
        id,
    };
    refuse_what_is_missing(&mut section, faults);
    section.ignore(&["description", "targets", "profile"]);
    section.finish(faults);
    component
}

fn source(section: &mut Section<'_>, faults: &mut Faults) -> Option<PathBuf> {
    if section.is_table("source") {
        let why = "Ownbase fetches nothing (download the component and write the path of its file)";
        section.refuse("source", why, faults);
        return None;
    }
    section.required("source", "write the path of the component's wasm file", faults).map(PathBuf::from)
}

fn variables(section: &mut Section<'_>, faults: &mut Faults) -> Vec<(String, Template)> {
    let mut variables = Vec::new();
    for (name, text) in section.string_table("variables", faults) {
        if let Err(why) = names::variable(&name) {
            section.fault(None, format!("variable `{name}` {why} (rename it)"), faults);
        }
        match Template::parse(&text) {
            Ok(template) => variables.push((name, template)),
            Err(why) => section.fault(None, format!("variable `{name}`: {why}"), faults),
        }
    }
    variables
}

/// What Spin's own list names, and the patterns of `[component.<id>.tool.ownbase]`; other tools' tables are theirs.
fn labels(id: &str, section: &mut Section<'_>, faults: &mut Faults) -> Option<Labels> {
    let mut labels = section.strings("sqlite_databases", faults);
    for label in labels.iter().filter(|label| names::kebab(label).is_err() && names::snake(label).is_err()) {
        let hint = format!("Spin wants kebab-case or snake_case; patterns go into [component.{id}.tool.ownbase]");
        section.fault(None, format!("`sqlite_databases`: \"{label}\" is no label ({hint})"), faults);
    }
    if let Some(mut tools) = section.section("tool", &format!("[component.{id}.tool]"), faults) {
        let name = format!("[component.{id}.tool.ownbase]");
        if let Some(mut ours) = tools.section("ownbase", &name, faults) {
            let patterns = ours.strings("sqlite_databases", faults);
            if let Err(error) = Labels::new(&patterns) {
                ours.fault(None, format!("`sqlite_databases`: {error}"), faults);
            }
            labels.extend(patterns);
            ours.finish(faults);
        }
    }
    // A name that is no label has its fault already.
    Labels::new(labels).ok()
}

fn build(id: &str, section: &mut Section<'_>, faults: &mut Faults) -> Option<Build> {
    let mut build = section.section("build", &format!("[component.{id}.build]"), faults)?;
    let commands = build.string_or_strings("command", faults);
    if commands.is_empty() {
        build.fault(None, "`command` is missing (write the shell command that builds the component)".into(), faults);
    }
    let workdir = build.string("workdir", faults).map(PathBuf::from);
    if workdir.as_ref().is_some_and(|workdir| workdir.has_root()) {
        build.fault(None, "`workdir` must be relative to the manifest's folder".into(), faults);
    }
    build.ignore(&["watch"]);
    build.finish(faults);
    Some(Build { commands, workdir })
}

fn refuse_what_is_missing(section: &mut Section<'_>, faults: &mut Faults) {
    let files = "a component sees no files here (embed them, or serve them from elsewhere)";
    let network = "outbound connections are denied here (remove the hosts, or run this component under Spin)";
    let keys = "there are no key-value stores here (keep the values in a database)";
    let composed = "components are not composed here (compose them into one wasm file first)";
    section.refuse("files", files, faults);
    section.refuse("exclude_files", files, faults);
    section.refuse("allowed_outbound_hosts", network, faults);
    section.refuse("allowed_http_hosts", network, faults);
    section.refuse("key_value_stores", keys, faults);
    section.refuse("ai_models", "there are no models here (remove them, or run this component under Spin)", faults);
    section.refuse("dependencies", composed, faults);
    section.refuse("dependencies_inherit_configuration", composed, faults);
}
