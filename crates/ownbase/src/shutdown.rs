//! Signals: the first SIGINT or SIGTERM asks for an orderly end, a second one ends the process at once.

use anyhow::{Context, Result};
use std::convert::Infallible;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens to both signals.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Starts listening; from here on neither signal ends the process by itself.
    pub(crate) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next signal of either kind and returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Waits for one more signal and ends the process with exit code 1.
    pub(crate) async fn next_ends_the_process(mut self) -> Infallible {
        self.next().await;
        std::process::exit(1)
    }
}
