//! What is rolled out to whom: a component's migrations, and the labels that it may open.

use super::written::{self, Written};
use crate::manifest::faults::{Faults, Source};
use crate::manifest::{self, Manifest};
use anyhow::{Result, anyhow, bail};
use ownbase_database::Label;
use ownbase_database::migration::Migration;
use ownbase_spin_sqlite::Labels;
use std::path::{Path, PathBuf};

/// A component that carries migrations.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its id in the manifest.
    pub(crate) component: String,
    /// The databases that it may open.
    pub(crate) labels: Labels,
    /// Its migrations, as it carries them.
    pub(crate) written: Vec<Written>,
    /// The same, for the runner.
    pub(crate) migrations: &'static [Migration],
}

impl Target {
    /// A component's, which has been checked.
    pub(crate) fn new(component: &str, labels: Labels, written: Vec<Written>) -> Result<Self, String> {
        let migrations = written::keep(&written)?;
        Ok(Self { component: component.to_owned(), labels, written, migrations })
    }

    /// What the component in `file` carries, if it carries migrations; or what is wrong with it, in one line.
    pub(crate) fn of_file(component: &str, labels: &Labels, file: &Path) -> Result<Option<Self>, String> {
        let wrong = |why: String| format!("{} {why}", file.display());
        let wasm = std::fs::read(file)
            .map_err(|error| wrong(format!("cannot be read: {error} (build it, or correct `source`)")))?;
        let Some(written) = written::of_component(&wasm).map_err(wrong)? else { return Ok(None) };
        Self::new(component, labels.clone(), written).map(Some).map_err(wrong)
    }

    /// The newest version.
    pub(crate) fn newest(&self) -> u32 {
        self.migrations.last().map_or(0, |newest| newest.version)
    }

    /// The user's label, if this component may open it. Other databases of a component are no user's.
    pub(crate) fn admits(&self, label: &str) -> Option<Label> {
        Label::parse(label).filter(|_| self.labels.allow(label))
    }
}

/// The targets of a manifest, and the manifest's folder.
pub(crate) fn of_manifest(from: &Path) -> Result<(Vec<Target>, PathBuf)> {
    let (file, folder) = manifest::locate(from);
    let text = manifest::read_text(&file, "say where it is by --from").map_err(anyhow::Error::msg)?;
    let mut faults = Faults::default();
    let manifest = Manifest::parse(&Source::new(manifest::shown_name(&file), &text), &mut faults);
    faults.into_result()?;
    let mut targets = Vec::new();
    for component in manifest.components.into_values() {
        let (Some(source), Some(labels)) = (component.source, component.labels) else { continue };
        let target = Target::of_file(&component.id, &labels, &folder.join(source));
        targets.extend(target.map_err(|why| anyhow!("[component.{}] {why}", component.id))?);
    }
    if targets.is_empty() {
        bail!(
            "no component of {} carries migrations (build one with ownbase-sql's `embed_migrations`)",
            manifest::shown_name(&file)
        );
    }
    check_apart(&targets)?;
    Ok((targets, folder))
}

/// Refuses two components with a database in common: whose migrations it needs could not be told.
fn check_apart(targets: &[Target]) -> Result<()> {
    for (index, one) in targets.iter().enumerate() {
        if let Some(other) = targets.iter().skip(index + 1).find(|other| one.labels.overlap(&other.labels)) {
            let (one, other) = (&one.component, &other.component);
            bail!(
                "[component.{one}] and [component.{other}] both carry migrations and may open the same database \
                 (give them `sqlite_databases` that have none in common)"
            );
        }
    }
    Ok(())
}
