//! The embedding example, run on the component: a bare wasmtime host that answers one request each time it is started.
//!
//! What one run writes the next must read, so it takes a state directory, emptied before. The runtime's tests have
//! compiled the example.

use crate::artifacts;
use crate::repository::Repository;
use anyhow::{Context, bail};
use std::path::Path;
use std::process::Command;

/// No other text of the component's looks like it.
const TEXT: &str = "written by the embedding example";

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let state = repository.target.join("embedding");
    if state.exists() {
        std::fs::remove_dir_all(&state).with_context(|| format!("cannot empty {}", state.display()))?;
    }
    let body = format!("{{\"text\": \"{TEXT}\"}}");
    expect("201", &answer(repository, &state, &["POST", "/john", &body])?)?;
    expect("200", &answer(repository, &state, &["GET", "/john"])?)
}

/// What the example prints: the status, then the body.
fn answer(repository: &Repository, state: &Path, request: &[&str]) -> anyhow::Result<String> {
    let mut example = Command::new(artifacts::host_file(repository, "examples/embed"));
    example.arg(artifacts::component_path(repository)).arg(state).args(request);
    let output = example.output().context("cannot start the embedding example")?;
    if !output.status.success() {
        bail!("the embedding example failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn expect(status: &str, answer: &str) -> anyhow::Result<()> {
    if !answer.starts_with(status) || !answer.contains(TEXT) {
        bail!("expected {status} and the note, got {answer}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_note_both_count() {
        assert!(expect("201", &format!("201 Created {TEXT}")).is_ok());
        assert!(expect("201", &format!("500 Internal Server Error {TEXT}")).is_err());
        assert!(expect("200", "200 OK {\"notes\":[]}").is_err());
    }
}
