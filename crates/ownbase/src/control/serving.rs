//! One connection to the control socket: a request, progress, a report.

use super::Served;
use super::protocol::{Answer, MAX_REQUEST_BYTES, Migrate, Request, read_line, write_line};
use crate::migrate::copies::Copies;
use crate::migrate::plan::Action;
use crate::migrate::record;
use crate::migrate::report::{Progress, Report};
use crate::migrate::rollout::Rollout;
use crate::migrate::target::Target;
use crate::migrate::written::{self, Written};
use anyhow::{Context, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncWrite, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{SemaphorePermit, watch};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The server does not end before the report is written, or the client has not taken it for so long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two messages of progress.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);
/// Unless the client asks for others: requests are served meanwhile.
const DEFAULT_JOBS: u16 = 2;
const MAX_JOBS: u16 = 16;

/// Serves one client to its end.
pub(super) async fn serve(mut stream: UnixStream, served: &Arc<Served>) -> Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    if !is_us(reader.get_ref().as_ref())? {
        return refuse(&mut writer, "this user may not control the server").await;
    }
    let line = tokio::time::timeout(REQUEST_TIMEOUT, read_line(&mut reader, MAX_REQUEST_BYTES)).await;
    let Some(line) = line.context("no request came")?? else { return Ok(()) };
    let migrate = match Request::parse(&line) {
        Ok(request) => request.migrate,
        Err(why) => return refuse(&mut writer, &why).await,
    };
    let (migrate, targets) = match targets(migrate, &served.targets) {
        Ok(accepted) => accepted,
        Err(why) => return refuse(&mut writer, &why).await,
    };
    let Ok(running_permit) = served.running.try_acquire() else {
        return refuse(&mut writer, "the server ends").await;
    };
    let rollout_permit = match migrate.plan.action {
        Action::Status => None,
        Action::DryRun | Action::Migrate => match served.rollout.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) => {
                return refuse(&mut writer, "the server runs a roll-out already (wait for it, or stop it)").await;
            }
        },
    };
    let mut ending = served.ending.subscribe();
    let server_ends = async { drop(ending.wait_for(|ending| *ending).await) };
    let stop = Arc::new(AtomicBool::new(false));
    let (progress, seen) = watch::channel(Progress::default());
    let mut running = {
        let (served, stop) = (served.clone(), stop.clone());
        tokio::task::spawn_blocking(move || roll_out(&served, &migrate, &targets, &stop, &progress))
    };
    let told = tell(&mut writer, seen);
    let stopped = read_line(&mut reader, MAX_REQUEST_BYTES);
    let report = tokio::select! {
        report = &mut running => report,
        // The client wants it to end, or is gone: what it says or how it went makes no difference.
        _ = told => ended(&stop, running).await,
        _ = stopped => ended(&stop, running).await,
        () = server_ends => ended(&stop, running).await,
    };
    drop::<Option<SemaphorePermit<'_>>>(rollout_permit);
    let answer = match report.context("the roll-out panicked").and_then(|report| report) {
        Ok(report) => Answer::Report(report),
        Err(error) => Answer::Refused(format!("{error:#}")),
    };
    let written = tokio::time::timeout(ANSWER_TIMEOUT, write_line(&mut writer, &answer)).await;
    // Only now may the server end.
    drop::<SemaphorePermit<'_>>(running_permit);
    Ok(written.context("the report was not taken")??)
}

type Running = tokio::task::JoinHandle<Result<Report>>;

async fn ended(stop: &AtomicBool, running: Running) -> Result<Result<Report>, tokio::task::JoinError> {
    stop.store(true, SeqCst);
    running.await
}

async fn refuse(writer: &mut (impl AsyncWrite + Unpin), why: &str) -> Result<()> {
    Ok(write_line(writer, &Answer::Refused(why.to_owned())).await?)
}

/// Whether the other end is the user of this process, or root.
fn is_us(stream: &UnixStream) -> Result<bool> {
    let peer = stream.peer_cred()?.uid();
    Ok(peer == 0 || peer == rustix::process::geteuid().as_raw())
}

/// Writes progress until nobody makes any, or the client takes none.
async fn tell(writer: &mut (impl AsyncWrite + Unpin), mut seen: watch::Receiver<Progress>) -> std::io::Result<()> {
    while seen.changed().await.is_ok() {
        let progress = *seen.borrow_and_update();
        write_line(writer, &Answer::Progress(progress)).await?;
        tokio::time::sleep(PROGRESS_PAUSE).await;
    }
    // The report follows.
    std::future::pending().await
}

/// What the client brings, on the databases that the served components open; or why the server cannot go on with it.
fn targets(migrate: Migrate, served: &[Target]) -> Result<(Migrate, Vec<Target>), String> {
    let mut targets = Vec::new();
    for build in &migrate.builds {
        let component = &build.component;
        let served = served.iter().find(|target| target.component == *component).ok_or_else(|| {
            format!("the server has no component {component} that carries migrations (restart it with this build)")
        })?;
        let written =
            written::checked(build.migrations.clone()).map_err(|why| format!("[component.{component}] {why}"))?;
        if migrate.plan.action == Action::Migrate {
            check_serves(served, &written)?;
        }
        // Only now: what the runner is given is kept for the life of the process.
        targets.push(Target::new(component, served.labels.clone(), written)?);
    }
    Ok((migrate, targets))
}

/// Refuses what the served build could not work with afterwards.
fn check_serves(served: &Target, written: &[Written]) -> Result<(), String> {
    let (component, serves) = (&served.component, served.newest());
    let newest = written.last().map_or(0, |newest| newest.version);
    if newest < serves {
        return Err(format!(
            "[component.{component}] the server's build is newer: it has migration {serves}, this one {newest} (roll out \
             the build that is served)"
        ));
    }
    for migration in written {
        let version = migration.version;
        match served.migrations.iter().find(|known| known.version == version) {
            Some(known) if known.checksum != migration.checksum => {
                return Err(format!(
                    "[component.{component}] the server's build has another migration {version} (restart it with this \
                     build)"
                ));
            }
            None if migration.compatible_with > serves => {
                return Err(format!(
                    "[component.{component}] migration {version} needs builds with migration {} or later, and the \
                     server's newest is {serves} (restart it with this build first)",
                    migration.compatible_with
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn roll_out(
    served: &Served,
    migrate: &Migrate,
    targets: &[Target],
    stop: &AtomicBool,
    progress: &watch::Sender<Progress>,
) -> Result<Report> {
    let plan = migrate.plan;
    tracing::info!("a roll-out begins: {:?}", plan.action);
    let copies = Copies::beside(&served.state_dir, plan.action, served.limits.clone())?;
    let report = Rollout {
        databases: &served.databases,
        targets,
        plan,
        jobs: plan.jobs.unwrap_or(DEFAULT_JOBS).min(MAX_JOBS),
        copies: copies.as_ref(),
        failed_before: record::failures(&served.state_dir, plan.action),
        stop,
        progress: &|so_far| {
            progress.send_replace(so_far);
        },
    }
    .run();
    let report = copies.map_or(Ok(()), Copies::remove).and(report)?;
    tracing::info!("a roll-out ended: {:?}, {} failed", report.ended, report.failed);
    if let Err(error) = record::keep(&served.state_dir, &report) {
        tracing::warn!("{error:#}");
    }
    Ok(report)
}
