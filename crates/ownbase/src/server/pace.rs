//! How slowly a client may take what waits for it: 4 KiB a second, on average over 30 seconds of waiting.
//!
//! Only the time counts in which something waits to be sent. `--request-timeout-ms` shortens the 30 seconds where it is
//! shorter. The rate lets a poor mobile network through, with pauses of almost 30 seconds; less is a client that holds
//! memory and a connection on purpose, or has gone.

use super::seats::Seat;
use socket2::SockRef;
use std::io::{self, Cursor, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Chain, Join, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Sleep;

/// What a client must take in a second.
const MIN_BYTES_PER_S: u64 = 4 << 10;
/// The longest time after which a client is judged.
const MAX_WINDOW: Duration = Duration::from_secs(30);

/// After how much waiting a client is judged.
pub(super) fn window(request_timeout: Duration) -> Duration {
    request_timeout.min(MAX_WINDOW)
}

/// What a client must have taken by then.
pub(super) fn least_bytes(window: Duration) -> u64 {
    (window.as_secs_f64() * MIN_BYTES_PER_S as f64) as u64
}

/// How a client takes what waits for it.
#[derive(Debug)]
struct Pace {
    window: Duration,
    /// How long something has waited since the client was last judged.
    waited: Duration,
    /// Since when something waits, if it does.
    since: Option<Instant>,
    /// What the client has taken since something waited first.
    taken_bytes: u64,
}

impl Pace {
    fn new(window: Duration) -> Self {
        Self { window, waited: Duration::ZERO, since: None, taken_bytes: 0 }
    }

    /// Something waits. The time after which the client is to be judged, or none if it is too slow.
    fn wait(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let waited = self.waited + now.saturating_duration_since(since);
        if waited < self.window {
            return Some(self.window - waited);
        }
        if self.taken_bytes < least_bytes(self.window) {
            return None;
        }
        *self = Self { since: Some(now), ..Self::new(self.window) };
        Some(self.window)
    }

    /// The client has taken something, at once or after it waited; only then the clock is asked.
    fn take(&mut self, bytes: usize, now: impl FnOnce() -> Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now().saturating_duration_since(since);
        }
        if !self.waited.is_zero() {
            self.taken_bytes += bytes as u64;
        }
    }
}

/// What is read of a connection, its first bytes once more, and what is written.
type Halves = Join<Chain<Cursor<Vec<u8>>, OwnedReadHalf>, OwnedWriteHalf>;

/// A connection whose writes fail once its client is too slow. Its seat knows whether something waits.
pub(super) struct Paced {
    wire: Pin<Box<Halves>>,
    pace: Pace,
    seat: Arc<Seat>,
    /// When the client is judged; made when something waits for the first time.
    judgement: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    /// A connection of which `first` has been read. Judges the client after each `window` of waiting.
    pub(super) fn new(first: Vec<u8>, stream: TcpStream, window: Duration, seat: Arc<Seat>) -> Self {
        let (read, write) = stream.into_split();
        let wire = Box::pin(tokio::io::join(Cursor::new(first).chain(read), write));
        Self { wire, pace: Pace::new(window), seat, judgement: None }
    }

    fn judge(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let is_waiting = self.pace.since.is_some();
        match written {
            Poll::Ready(written) => {
                self.pace.take(*written.as_ref().unwrap_or(&0), Instant::now);
                if is_waiting {
                    self.seat.set_unsent(false);
                }
                Poll::Ready(written)
            }
            Poll::Pending => {
                self.seat.set_unsent(true);
                loop {
                    let Some(left) = self.pace.wait(Instant::now()) else {
                        self.give_up();
                        return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client is too slow")));
                    };
                    let at = tokio::time::Instant::now() + left;
                    let judgement = self.judgement.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
                    // One that is set already is right as long as the same thing waits.
                    if !is_waiting || judgement.is_elapsed() {
                        judgement.as_mut().reset(at);
                    }
                    if judgement.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// The kernel would go on sending what it holds, as slowly as the client takes it.
    fn give_up(&self) {
        let stream: &TcpStream = self.wire.writer().as_ref();
        if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
            tracing::debug!("no SO_LINGER: {error}");
        }
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.wire.as_mut().poll_write(cx, bytes);
        self.judge(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.wire.as_mut().poll_write_vectored(cx, bytes);
        self.judge(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.as_mut().poll_shutdown(cx)
    }
}

impl AsyncRead for Paced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.wire.as_mut().poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);

    /// A client that makes each wait for some seconds and takes some bytes then: the judgement over it, in the end.
    fn judged(times: u32, seconds: u64, bytes: usize) -> Option<Duration> {
        let mut now = Instant::now();
        let mut pace = Pace::new(WINDOW);
        for _ in 0..times {
            // Not waited for: nothing is waiting.
            now += Duration::from_secs(3600);
            pace.wait(now)?;
            now += Duration::from_secs(seconds);
            pace.wait(now)?;
            pace.take(bytes, || now);
        }
        pace.wait(now)
    }

    #[test]
    fn who_takes_nothing_is_too_slow_after_the_window() {
        let start = Instant::now();
        let mut pace = Pace::new(WINDOW);
        assert_eq!(pace.wait(start), Some(WINDOW));
        assert_eq!(pace.wait(start + WINDOW - Duration::from_secs(1)), Some(Duration::from_secs(1)));
        assert_eq!(pace.wait(start + WINDOW), None);
    }

    #[test]
    fn the_rate_is_that_of_the_time_in_which_something_waits() {
        // 8 KiB a second, in pieces of 64 KiB, as kernels take them.
        assert!(judged(100, 8, 64 << 10).is_some());
        assert!(judged(100, 29, 120 << 10).is_some());
        // 2 KiB a second.
        assert!(judged(100, 1, 2 << 10).is_none());
        assert!(judged(100, 8, 16 << 10).is_none());
    }

    #[test]
    fn what_is_taken_at_once_counts_for_the_client_and_not_beforehand() {
        let now = Instant::now();
        let mut pace = Pace::new(WINDOW);
        pace.take(1 << 20, || unreachable!("nothing waited"));
        pace.wait(now).unwrap();
        assert_eq!(pace.wait(now + WINDOW), None, "what it took before it made anything wait does not count");
        let mut pace = Pace::new(WINDOW);
        pace.wait(now).unwrap();
        pace.take(1, || now + Duration::from_secs(1));
        pace.take(1 << 20, || unreachable!("nothing waited"));
        pace.wait(now).unwrap();
        assert!(pace.wait(now + WINDOW).is_some());
    }

    #[test]
    fn a_window_is_never_longer_than_a_request() {
        assert_eq!(least_bytes(window(Duration::from_secs(3600))), 30 * 4096);
        assert_eq!(least_bytes(window(Duration::from_millis(500))), 2048);
    }
}
