//! What a component writes to stdout and stderr: lines of the log, with the component's name.
//!
//! A line longer than 8 KiB is cut into several. What a guest writes is kept as it is, but for bytes that are not UTF-8.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

const MAX_LINE_BYTES: usize = 8 << 10;

/// One of a component's two output streams.
#[derive(Clone)]
pub(crate) struct GuestOutput {
    component: Arc<str>,
    stream: &'static str,
    line: Vec<u8>,
}

impl GuestOutput {
    /// `stream` is "stdout" or "stderr".
    pub(crate) fn new(component: Arc<str>, stream: &'static str) -> Self {
        Self { component, stream, line: Vec::new() }
    }

    fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in piece.chunks(MAX_LINE_BYTES) {
                self.line.extend_from_slice(piece);
                if self.line.ends_with(b"\n") || self.line.len() >= MAX_LINE_BYTES {
                    self.log();
                }
            }
        }
    }

    fn log(&mut self) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end_matches('\n');
        tracing::info!(target: "ownbase::guest", component = &*self.component, stream = self.stream, "{text}");
        self.line.clear();
    }
}

impl Drop for GuestOutput {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.log();
        }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Self::new(self.component.clone(), self.stream))
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
