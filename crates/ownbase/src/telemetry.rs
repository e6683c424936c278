//! The log: `tracing` events as lines on stderr, for people or as JSON.
//!
//! Lines are gathered for up to 50 ms and written by a thread of their own, so that a request pays for formatting its
//! line and not for a system call. At most 4 MiB wait; what comes while stderr takes nothing more is dropped, and
//! counted in a line of its own. kill -9 loses what waits.
//!
//! `OWNBASE_LOG`, else `RUST_LOG`, filters as tracing-subscriber's EnvFilter reads it; the default is `info`, which has
//! one line for each request (`ownbase::request`, written by `request_log.rs`). `OWNBASE_LOG=info,ownbase::request=warn` is quiet about those.

use crate::cli::LogFormat;
use crate::request_log;
use anyhow::{Context, Result};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line may wait for others.
const GATHER: Duration = Duration::from_millis(50);
/// Bytes that may wait for stderr.
const MAX_WAITING_BYTES: usize = 4 << 20;

/// Writes what still waits when dropped.
pub(crate) struct Telemetry {
    lines: Arc<Lines>,
    writer: Option<JoinHandle<()>>,
}

/// An error and its causes without line breaks.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Starts logging for the whole process.
pub(crate) fn start(format: LogFormat) -> Result<Telemetry> {
    let filter = filter()?;
    let lines = Arc::new(Lines::default());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(LineWriter(lines.clone()));
    let is_terminal = io::stderr().is_terminal();
    let (started, form) = match format {
        LogFormat::Text if is_terminal => (builder.with_ansi(true).try_init(), &request_log::COLOURED),
        LogFormat::Text => (builder.with_ansi(false).try_init(), &request_log::TEXT),
        LogFormat::Json => (builder.json().flatten_event(true).try_init(), &request_log::JSON),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))?;
    request_log::start(form, lines.clone());
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic} (a bug in ownbase: please report it)")));
    let writing = lines.clone();
    let writer = std::thread::Builder::new().name("log".into()).spawn(move || write_out(&writing))?;
    Ok(Telemetry { lines, writer: Some(writer) })
}

fn filter() -> Result<EnvFilter> {
    for name in ["OWNBASE_LOG", "RUST_LOG"] {
        match std::env::var(name) {
            Ok(text) if !text.is_empty() => {
                return EnvFilter::try_new(&text)
                    .with_context(|| format!("{name}=\"{text}\" is no filter (write a level, as in {name}=debug)"));
            }
            _ => {}
        }
    }
    Ok(EnvFilter::new("info"))
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.lines.lock().ended = true;
        self.lines.changed.notify_one();
        if let Some(writer) = self.writer.take() {
            // It panics only if stderr's own code does; there is nowhere left to say so.
            let _ = writer.join();
        }
    }
}

/// Lines on their way to stderr.
#[derive(Default)]
pub(crate) struct Lines {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    dropped: u64,
    ended: bool,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, which ends with a line break.
    pub(crate) fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes.len() + line.len() > MAX_WAITING_BYTES {
            waiting.dropped += 1;
            return;
        }
        let was_empty = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if was_empty {
            self.changed.notify_one();
        }
    }

    /// What waits.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// Waits for lines and for company for them; `None` once all is over and written.
    fn next(&self) -> Option<(Vec<u8>, u64)> {
        let mut waiting = self.lock();
        while waiting.bytes.is_empty() && !waiting.ended {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let more_may_come = |waiting: &mut Waiting| !waiting.ended;
        let (mut waiting, _) =
            self.changed.wait_timeout_while(waiting, GATHER, more_may_come).unwrap_or_else(PoisonError::into_inner);
        if waiting.bytes.is_empty() {
            return None;
        }
        Some((std::mem::take(&mut waiting.bytes), std::mem::take(&mut waiting.dropped)))
    }
}

fn write_out(lines: &Lines) {
    while let Some((bytes, dropped)) = lines.next() {
        let mut stderr = io::stderr().lock();
        // Without stderr there is no log; the server serves on.
        let _ = stderr.write_all(&bytes);
        if dropped > 0 {
            let _ = writeln!(stderr, "{dropped} log lines were dropped: stderr took them too slowly");
        }
    }
}

/// What `tracing` writes to.
#[derive(Clone)]
pub(crate) struct LineWriter(pub(crate) Arc<Lines>);

impl Write for LineWriter {
    /// tracing-subscriber writes one whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_come_out_in_order_and_the_end_loses_none() {
        let lines = Lines::default();
        lines.add(b"one\n");
        lines.add(b"two\n");
        lines.lock().ended = true;
        assert_eq!(lines.next().unwrap(), (b"one\ntwo\n".to_vec(), 0));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_stuck_stderr_costs_lines_and_no_memory() {
        let lines = Lines::default();
        let line = vec![b'x'; MAX_WAITING_BYTES / 2];
        for _ in 0..4 {
            lines.add(&line);
        }
        lines.lock().ended = true;
        let (bytes, dropped) = lines.next().unwrap();
        assert_eq!((bytes.len(), dropped), (MAX_WAITING_BYTES, 2));
    }
}
