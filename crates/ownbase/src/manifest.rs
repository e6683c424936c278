//! The application's manifest, `spin.toml`, in Spin's format of version 2.
//!
//! Reads what Spin reads and runs what Ownbase can: HTTP triggers, components from local files, SQLite databases,
//! variables. Anything else, and any key that Spin does not know, is refused by name. All faults of a file are
//! gathered before anything starts. A file of more than 1 MiB is refused unread.

pub(crate) mod component;
pub(crate) mod faults;
mod names;
pub(crate) mod route;
pub(crate) mod section;
mod template;

use component::Component;
use faults::{Faults, Source};
use route::Pattern;
use section::Section;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes; far above any manifest that people write.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a manifest says, as far as it could be understood.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// `[variables]`: application variables and their defaults, `None` for those that must be given.
    pub(crate) variables: BTreeMap<String, Option<String>>,
    /// `[[trigger.http]]`: routes and the ids of their components, in the manifest's order.
    pub(crate) triggers: Vec<(Pattern, String)>,
    /// `[component.*]`, by id, inline ones included.
    pub(crate) components: BTreeMap<String, Component>,
}

/// The manifest's file and its folder, for what `--from` names: the file, or a folder with a spin.toml.
pub(crate) fn locate(from: &Path) -> (PathBuf, PathBuf) {
    let file = if from.is_dir() { from.join("spin.toml") } else { from.to_owned() };
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    (file, folder)
}

/// A file's name as faults show it.
pub(crate) fn shown_name(file: &Path) -> String {
    file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Reads a text file that an operator wrote, up to 1 MiB; the error is one line.
pub(crate) fn read_text(path: &Path, hint: &str) -> Result<String, String> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_FILE_BYTES => {
            return Err(format!("{shown} is larger than 1 MiB (is it the right file?)"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("{shown} does not exist ({hint})"));
        }
        _ => {}
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error} ({hint})"))
}

impl Manifest {
    /// Understands as much of the text as it can and adds every fault; with faults the result is not fit to be run.
    pub(crate) fn parse(source: &Source<'_>, faults: &mut Faults) -> Self {
        let mut manifest = Self::default();
        let Some(mut root) = Section::root(source, faults) else { return manifest };
        check_version(&mut root, faults);
        match root.section("application", "[application]", faults) {
            Some(section) => check_application(section, faults),
            None => root.fault(None, "[application] is missing (add it, with a `name`)".into(), faults),
        }
        for (name, section) in root.named_sections("variables", faults) {
            let default = variable(&name, section, faults);
            manifest.variables.insert(name, default);
        }
        for (id, section) in root.named_sections("component", faults) {
            manifest.components.insert(id.clone(), component::read(id, section, faults));
        }
        match root.section("trigger", "[trigger]", faults) {
            Some(section) => manifest.triggers(section, faults),
            None => root.fault(None, "no trigger (add [[trigger.http]] with a `route`)".into(), faults),
        }
        root.finish(faults);
        manifest
    }

    fn triggers(&mut self, mut triggers: Section<'_>, faults: &mut Faults) {
        for other in ["redis", "mqtt", "sqs", "cron", "command"] {
            triggers.refuse(other, "Ownbase serves HTTP only (remove the trigger, or run it under Spin)", faults);
        }
        let http = triggers.sections("http", "[[trigger.http]]", faults);
        if http.is_empty() {
            triggers.fault(None, "no HTTP trigger (add [[trigger.http]] with a `route`)".into(), faults);
        }
        triggers.finish(faults);
        for section in http {
            self.trigger(section, faults);
        }
    }

    fn trigger(&mut self, mut section: Section<'_>, faults: &mut Faults) {
        let pattern = route(&mut section, faults);
        let component = self.triggered_component(&mut section, faults);
        if let (Some(pattern), Some(component)) = (pattern, component) {
            if self.triggers.iter().any(|(known, _)| known.is_same(&pattern)) {
                let what = format!("route \"{}\" matches the same paths as one before it (remove one)", pattern.text());
                section.fault(None, what, faults);
            }
            self.triggers.push((pattern, component));
        }
        if let Some(mut executor) = section.section("executor", "[trigger.http.executor]", faults) {
            match executor.string("type", faults).as_deref() {
                None | Some("http" | "spin") => executor.finish(faults),
                Some(other) => {
                    let what =
                        format!("type \"{other}\" is not supported (a component must export wasi:http's handler)");
                    executor.fault(None, what, faults);
                }
            }
        }
        section.refuse("static_response", "a component must answer (write one that does)", faults);
        let composed = "components are not composed here (compose them into one wasm file first)";
        section.refuse("components", composed, faults);
        section.refuse("dependencies", composed, faults);
        section.ignore(&["id"]);
        section.finish(faults);
    }

    /// The id of a trigger's component; one written inline gets an id of its own.
    fn triggered_component(&mut self, section: &mut Section<'_>, faults: &mut Faults) -> Option<String> {
        if section.is_table("component") {
            let id = format!("inline-component{}", self.triggers.len() + 1);
            let inline = section.section("component", &format!("[component.{id}]"), faults)?;
            self.components.insert(id.clone(), component::read(id.clone(), inline, faults));
            return Some(id);
        }
        let id = section.required("component", "name one of [component.*]", faults)?;
        if !self.components.contains_key(&id) {
            let known: Vec<&str> = self.components.keys().map(String::as_str).collect();
            let what = format!("there is no [component.{id}] (known: {})", known.join(", "));
            section.fault(None, what, faults);
        }
        Some(id)
    }
}

fn check_version(root: &mut Section<'_>, faults: &mut Faults) {
    match root.integer("spin_manifest_version", faults) {
        Some(2) => {}
        Some(other) => {
            let what = format!("spin_manifest_version {other} is not supported (write 2)");
            root.fault(None, what, faults);
        }
        None if root.has("spin_version") => {
            root.ignore(&["spin_version"]);
            root.fault(
                None,
                "this is a manifest of version 1 (convert it to `spin_manifest_version = 2`)".into(),
                faults,
            );
        }
        None => root.fault(None, "`spin_manifest_version = 2` is missing (add it as the first line)".into(), faults),
    }
}

fn check_application(mut section: Section<'_>, faults: &mut Faults) {
    section.required("name", "give the application a name", faults);
    section.ignore(&["version", "description", "authors", "targets", "tool"]);
    // Settings of trigger types that the application does not use hurt nobody.
    if let Some(mut triggers) = section.section("trigger", "[application.trigger]", faults)
        && let Some(mut http) = triggers.section("http", "[application.trigger.http]", faults)
    {
        http.refuse("base", "write the prefix into each route", faults);
        http.finish(faults);
    }
    section.finish(faults);
}

fn variable(name: &str, mut section: Section<'_>, faults: &mut Faults) -> Option<String> {
    if let Err(why) = names::variable(name) {
        section.fault(None, format!("a variable's name {why} (rename it)"), faults);
    }
    let default = section.string("default", faults);
    let required = section.boolean("required", faults);
    if required == default.is_some() {
        section.fault(None, "needs either a `default` or `required = true`, not both".into(), faults);
    }
    section.ignore(&["description", "secret"]);
    section.finish(faults);
    default
}

fn route(section: &mut Section<'_>, faults: &mut Faults) -> Option<Pattern> {
    if section.is_table("route") {
        let why = "private routes are for calls between components, which are denied here (write a path)";
        section.refuse("route", why, faults);
        return None;
    }
    let text = section.required("route", "write the paths that it serves, as in \"/...\"", faults)?;
    match Pattern::parse(&text) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            section.fault(None, format!("route \"{text}\": {why}"), faults);
            None
        }
    }
}

#[cfg(test)]
mod tests;
