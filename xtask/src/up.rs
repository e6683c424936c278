//! `cargo xtask up`: from a clone to a served application.
//!
//! The server takes this process's place, so that a signal meant for it reaches it and nothing outlives it. Relative
//! paths among the arguments stay relative to the directory in which they were typed.

pub(crate) mod workerd;

use crate::repository::{Repository, become_};
use crate::{artifacts, setup};
use anyhow::bail;
use std::process::Command;

/// What serves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Engine {
    Ownbase,
    Workerd,
}

pub(crate) fn run(repository: &Repository, arguments: &[String]) -> anyhow::Result<()> {
    let (engine, arguments) = choose(arguments)?;
    match engine {
        Engine::Ownbase => ownbase(repository, &arguments),
        Engine::Workerd => workerd::run(repository, &arguments),
    }
}

/// Takes `--engine NAME`, or `--engine=NAME`, out of the arguments, of which all others are the engine's own.
fn choose(arguments: &[String]) -> anyhow::Result<(Engine, Vec<String>)> {
    let mut engine = Engine::Ownbase;
    let mut others = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let name = match argument.strip_prefix("--engine") {
            Some("") => arguments.next().map(String::as_str),
            Some(rest) if rest.starts_with('=') => rest.get(1..),
            _ => {
                others.push(argument.clone());
                continue;
            }
        };
        engine = match name {
            Some("ownbase") => Engine::Ownbase,
            Some("workerd") => Engine::Workerd,
            name => bail!("--engine is ownbase or workerd, not {}", name.unwrap_or("nothing")),
        };
    }
    Ok((engine, others))
}

fn ownbase(repository: &Repository, arguments: &[String]) -> anyhow::Result<()> {
    setup::ensure(&[setup::COMPONENT])?;
    eprintln!("building the component (about a minute the first time) …");
    artifacts::component(repository)?;
    eprintln!("building ownbase (about five minutes the first time, wasmtime is most of it) …");
    artifacts::host(repository)?;
    let mut server = Command::new(artifacts::host_path(repository));
    server.args(["up", "--from"]).arg(repository.root.join("spin.toml")).args(arguments);
    become_(server)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn chosen(arguments: &[&str]) -> (Engine, Vec<String>) {
        choose(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_engine_may_stand_anywhere() {
        let listen = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        assert_eq!(chosen(&["--listen", "127.0.0.1:0"]), (Engine::Ownbase, listen.clone()));
        assert_eq!(chosen(&["--engine", "workerd", "--listen", "127.0.0.1:0"]), (Engine::Workerd, listen.clone()));
        assert_eq!(chosen(&["--listen", "127.0.0.1:0", "--engine=workerd"]), (Engine::Workerd, listen));
        assert_eq!(chosen(&["--engine", "ownbase"]), (Engine::Ownbase, vec![]));
        assert_eq!(chosen(&["--engines"]), (Engine::Ownbase, vec!["--engines".to_owned()]));
    }

    #[test]
    fn other_engines_are_refused() {
        for arguments in [vec!["--engine".to_owned(), "v8".to_owned()], vec!["--engine".to_owned()]] {
            assert!(choose(&arguments).unwrap_err().to_string().starts_with("--engine is ownbase or workerd"));
        }
    }
}
