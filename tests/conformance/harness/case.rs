//! A case: a function, what it needs, and how it becomes a test that runs or is listed as not run.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use libtest_mimic::{Completion, Failed, Trial};

use super::engine::{Engine, EngineName};
use super::home::Home;
use super::server::Server;
use super::site::Site;
use super::transport::Protocol;

/// A case, by what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// A server, shared with other cases at the same time.
    Http(fn(&Site) -> Result<()>),
    /// The same, to be sent the bytes of HTTP/1.1.
    Http1(fn(&Site) -> Result<()>),
    /// An engine, to start servers of its own.
    Process(fn(&Engine) -> Result<()>),
    /// An engine and the next build of the application (the second argument).
    Upgrade(fn(&Engine, &Engine) -> Result<()>),
    /// An engine, and its build made to fail (the second argument).
    Sabotage(fn(&Engine, &Engine) -> Result<()>),
}

/// A case with its name, `module::function`.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: Run,
    /// The one engine that it makes sense on, and why.
    pub(crate) only: Option<(EngineName, &'static str)>,
}

/// Lists a module's cases, by what they need, and where they make sense on one engine alone, why:
/// `cases! { Http: first, second; Process on Ownbase ("it has the flags"): third; }`.
macro_rules! cases {
    ($($needs:ident $(on $engine:ident ($reason:literal))?: $($name:ident),+ $(,)?;)+) => {
        /// This module's cases.
        pub(crate) fn cases() -> Vec<$crate::harness::case::Case> {
            use $crate::harness::case::{Case, Run};
            let module = module_path!().rsplit("::").next().unwrap_or_default();
            let mut cases = Vec::new();
            $(
                #[allow(unused_mut, unused_assignments, reason = "most cases make sense on every engine")]
                let mut only = None;
                $(only = Some(($crate::harness::engine::EngineName::$engine, $reason));)?
                $(cases.push(Case { name: format!("{module}::{}", stringify!($name)), run: Run::$needs($name), only });)+
            )+
            cases
        }
    };
}
pub(crate) use cases;

/// What the cases are run against, and how it is asked.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) target: Target,
    pub(crate) protocol: Protocol,
}

/// What answers.
#[derive(Debug)]
pub(crate) enum Target {
    /// Somebody's server: only HTTP cases run.
    Site(Site),
    /// An engine, and the server that the HTTP cases share, started by the first of them.
    Engine(Engine, OnceLock<Result<Box<(Server, Home)>, String>>),
}

impl Subject {
    fn site(&self) -> Result<Site> {
        let site = match &self.target {
            Target::Site(site) => Ok(site.clone()),
            Target::Engine(engine, shared) => {
                let start = || {
                    let home = Home::new(engine)?;
                    Ok(Box::new((engine.start(&home, &[])?, home)))
                };
                let shared = shared.get_or_init(|| start().map_err(|error: anyhow::Error| format!("{error:#}")));
                shared.as_ref().map(|shared| shared.0.site().clone()).map_err(|error| anyhow!("{error}"))
            }
        };
        Ok(site?.over(self.protocol))
    }

    /// Why `case` makes no sense here.
    fn objection(&self, case: &Case) -> Option<String> {
        let (name, reason) = case.only?;
        match (&self.target, case.run) {
            (Target::Engine(engine, _), _) if engine.name() == name => None,
            // What one engine's own server does differently, every other server is held to.
            (Target::Site(_), Run::Http(_) | Run::Http1(_)) if name == EngineName::Ownbase => None,
            _ => Some(format!("{name} only: {reason}")),
        }
    }

    /// Runs a case, or says why it cannot run.
    fn run(&self, case: &Case) -> Result<Completion> {
        if let Some(objection) = self.objection(case) {
            return Ok(Completion::ignored_with(objection));
        }
        match (case.run, &self.target) {
            (Run::Http(run), _) => run(&self.site()?)?,
            (Run::Http1(_), _) if self.protocol != Protocol::Http1 => {
                return Ok(Completion::ignored_with("speaks HTTP/1.1 itself, byte by byte"));
            }
            (Run::Http1(run), _) => run(&self.site()?)?,
            _ if self.protocol != Protocol::Http1 => {
                return Ok(Completion::ignored_with("needs the process, which is asked over HTTP/1.1"));
            }
            (_, Target::Site(_)) => return Ok(Completion::ignored_with("needs the process, not OWNBASE_URL")),
            (Run::Process(run), Target::Engine(engine, _)) => run(engine)?,
            (Run::Upgrade(run), Target::Engine(engine, _)) => match engine.next_build() {
                Some(next) => run(engine, &next)?,
                None => return Ok(Completion::ignored_with("needs OWNBASE_COMPONENT_NEXT or OWNBASE_WORKER_NEXT")),
            },
            (Run::Sabotage(run), Target::Engine(engine, _)) => match engine.sabotage_build() {
                Some(sabotage) => run(engine, &sabotage)?,
                None => return Ok(Completion::ignored_with("needs OWNBASE_SABOTAGE_BIN or OWNBASE_WORKER_SABOTAGE")),
            },
        }
        Ok(Completion::Completed)
    }
}

/// The test of `case` against `subject`.
pub(crate) fn trial(case: Case, subject: &Arc<Subject>) -> Trial {
    let subject = Arc::clone(subject);
    let name = case.name.clone();
    Trial::ignorable_test(name, move || subject.run(&case).map_err(|error| Failed::from(explained(&error))))
}

/// An error and its causes, a line each, without the backtrace that anyhow's own form has.
fn explained(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n  because: ")
}
