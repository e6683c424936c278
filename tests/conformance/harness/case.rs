//! A case: a function, what it needs, and how it becomes a test that runs or is listed as not run.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use libtest_mimic::{Completion, Failed, Trial};

use super::engine::Engine;
use super::home::Home;
use super::server::Server;
use super::site::Site;

/// A case, by what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// A server, shared with other cases at the same time.
    Http(fn(&Site) -> Result<()>),
    /// An engine, to start servers of its own.
    Process(fn(&Engine) -> Result<()>),
    /// An engine and the next build of the application (the second argument).
    Upgrade(fn(&Engine, &Engine) -> Result<()>),
    /// An engine that has a build made to fail.
    Sabotage(fn(&Engine) -> Result<()>),
}

/// A case with its name, `module::function`.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: Run,
}

/// Lists a module's cases, by what they need: `cases! { Http: first, second; Process: third; }`.
macro_rules! cases {
    ($($needs:ident: $($name:ident),+ $(,)?;)+) => {
        /// This module's cases.
        pub(crate) fn cases() -> Vec<$crate::harness::case::Case> {
            use $crate::harness::case::{Case, Run};
            vec![$($(Case {
                name: format!("{}::{}", module_path!().rsplit("::").next().unwrap_or_default(), stringify!($name)),
                run: Run::$needs($name),
            }),+),+]
        }
    };
}
pub(crate) use cases;

/// What the cases are run against.
#[derive(Debug)]
pub(crate) enum Subject {
    /// Somebody's server: only HTTP cases run.
    Site(Site),
    /// An engine, and the server that the HTTP cases share, started by the first of them.
    Engine(Engine, OnceLock<Result<(Server, Home), String>>),
}

impl Subject {
    fn site(&self) -> Result<Site> {
        match self {
            Self::Site(site) => Ok(site.clone()),
            Self::Engine(engine, shared) => {
                let start = || {
                    let home = Home::new()?;
                    Ok((engine.start(&home, &[])?, home))
                };
                let shared = shared.get_or_init(|| start().map_err(|error: anyhow::Error| format!("{error:#}")));
                shared.as_ref().map(|(server, _)| server.site().clone()).map_err(|error| anyhow!("{error}"))
            }
        }
    }

    /// Runs a case, or says why it cannot run.
    fn run(&self, run: Run) -> Result<Completion> {
        match (run, self) {
            (Run::Http(case), _) => case(&self.site()?)?,
            (_, Self::Site(_)) => return Ok(Completion::ignored_with("needs the process, not OWNBASE_URL")),
            (Run::Process(case), Self::Engine(engine, _)) => case(engine)?,
            (Run::Upgrade(case), Self::Engine(engine, _)) => match engine.next_build() {
                Some(next) => case(engine, &next)?,
                None => return Ok(Completion::ignored_with("needs OWNBASE_COMPONENT_NEXT")),
            },
            (Run::Sabotage(case), Self::Engine(engine, _)) if engine.has_sabotage_build() => case(engine)?,
            (Run::Sabotage(_), Self::Engine(..)) => return Ok(Completion::ignored_with("needs OWNBASE_SABOTAGE_BIN")),
        }
        Ok(Completion::Completed)
    }
}

/// The test of `case` against `subject`.
pub(crate) fn trial(case: Case, subject: &Arc<Subject>) -> Trial {
    let subject = Arc::clone(subject);
    Trial::ignorable_test(case.name, move || subject.run(case.run).map_err(|error| Failed::from(explained(&error))))
}

/// An error and its causes, a line each, without the backtrace that anyhow's own form has.
fn explained(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n  because: ")
}
