//! A roll-out in the server that holds the state directory: asked for over its control socket.

use super::bar::Bar;
use super::plan::Plan;
use super::report::Report;
use super::target::Target;
use crate::control::protocol::{
    Answer, Build, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, Migrate, PROTOCOL, Request, read_line, socket, write_line,
};
use crate::shutdown::Signals;
use anyhow::{Context, Result, anyhow, bail};
use std::path::Path;
use tokio::io::{AsyncBufRead, BufReader};
use tokio::net::UnixStream;

/// Has it run to its end; the first signal stops it, the second ends this process at once, which stops it too.
pub(super) async fn run(state_dir: &Path, targets: Vec<Target>, plan: Plan, bar: &Bar) -> Result<Report> {
    let mut signals = Signals::listen()?;
    let path = socket(state_dir);
    let mut stream = UnixStream::connect(&path).await.with_context(|| {
        format!(
            "another process holds {}, and it cannot be asked over {} (is it another `ownbase migrate`, or a server \
             that said at its start that it has no control socket? wait for it, or stop it)",
            state_dir.display(),
            path.display()
        )
    })?;
    let build = |target: Target| Build { component: target.component, migrations: target.written };
    let migrate = Migrate { plan, builds: targets.into_iter().map(build).collect() };
    let request = Request { protocol: PROTOCOL, migrate };
    if serde_json::to_vec(&request)?.len() as u64 >= MAX_REQUEST_BYTES {
        bail!("the migrations take more than {MAX_REQUEST_BYTES} bytes (stop the server to roll them out)");
    }
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    write_line(&mut writer, &request).await.context("the server takes no request")?;
    let report = listen(&mut reader, bar);
    tokio::pin!(report);
    tokio::select! {
        report = &mut report => report,
        signal = signals.next() => {
            bar.say(&format!("{signal}: the server finishes what is begun (once more to end at once)"));
            write_line(&mut writer, &"stop").await.context("the server cannot be told to stop")?;
            tokio::spawn(signals.next_ends_the_process());
            report.await
        }
    }
}

/// Shows progress until the end comes.
async fn listen(reader: &mut (impl AsyncBufRead + Unpin), bar: &Bar) -> Result<Report> {
    loop {
        let line = read_line(reader, MAX_ANSWER_BYTES).await.context("the server's answer cannot be read")?;
        let line = line.context("the server ended before the roll-out did (run again to go on)")?;
        match serde_json::from_slice(&line) {
            Ok(Answer::Progress(progress)) => bar.show(progress),
            Ok(Answer::Report(report)) => return Ok(report),
            Ok(Answer::Refused(why)) => bail!("the server refused: {why}"),
            Err(error) => {
                return Err(anyhow!("the server speaks otherwise: {error} (use the ownbase that serves)"));
            }
        }
    }
}
