//! The embedding example, run on the component: a bare wasmtime host that answers one request each time it is started.
//! It calls the component by way of wasi:http, which `ownbase up` does not.
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
    expect("201", TEXT, &answer(repository, &state, &["POST", "/john", &body])?)?;
    expect("200", TEXT, &answer(repository, &state, &["GET", "/john"])?)?;
    expect("400", "\"title\"", &answer(repository, &state, &["POST", "/john", "not json"])?)?;
    expect("404", "\"title\"", &answer(repository, &state, &["GET", "/john/note_abcdefghijklmnop"])?)?;
    expect("200", "\"notes\":[]", &answer(repository, &state, &["GET", "/jane"])?)
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

fn expect(status: &str, text: &str, answer: &str) -> anyhow::Result<()> {
    if !answer.starts_with(status) || !answer.contains(text) {
        bail!("expected {status} and {text}, got {answer}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_text_both_count() {
        assert!(expect("201", TEXT, &format!("201 Created {TEXT}")).is_ok());
        assert!(expect("201", TEXT, &format!("500 Internal Server Error {TEXT}")).is_err());
        assert!(expect("200", TEXT, "200 OK {\"notes\":[]}").is_err());
    }
}
