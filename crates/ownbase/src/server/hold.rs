//! Nothing of an answer leaves before all that its request has written or read is on disk.
//!
//! The head waits, and so does each piece of the body and its end, since the component may have done more in between.

use crate::problem::Refusal;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use ownbase_spin_sqlite::{NotDurable, Scope};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use wasmtime_wasi_http::{Error, WasiBody};

/// Waits until the head of the request's answer may leave, at most until `deadline`.
pub(crate) async fn settled(scope: &Scope, deadline: Instant) -> Result<(), Refusal> {
    if scope.is_settled() {
        return Ok(());
    }
    match tokio::time::timeout_at(deadline.into(), scope.settled()).await {
        Ok(settled) => settled.map_err(|NotDurable { .. }| Refusal::NotDurable),
        Err(_) => Err(Refusal::TimedOut),
    }
}

type Piece = Option<Result<Frame<Bytes>, Error>>;
type Settling = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// A component's body whose pieces wait for the disk.
pub(crate) struct Held {
    body: WasiBody,
    time_limit: Duration,
    /// The piece that waits, and what it waits for.
    waiting: Option<(Piece, Settling)>,
}

impl Held {
    /// Each piece waits for `time_limit` at most.
    pub(crate) fn new(body: WasiBody, time_limit: Duration) -> Self {
        Self { body, time_limit, waiting: None }
    }

    /// The next piece that may leave, on behalf of a request if it has not ended.
    pub(crate) fn poll_frame(&mut self, scope: Option<&Scope>, cx: &mut Context<'_>) -> Poll<Piece> {
        if self.waiting.is_none() {
            let piece = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let Some(scope) = scope.filter(|scope| !scope.is_settled()).cloned() else {
                return Poll::Ready(piece);
            };
            let deadline = Instant::now() + self.time_limit;
            self.waiting = Some((piece, Box::pin(async move { settled(&scope, deadline).await })));
        }
        let Some((_, settled)) = &mut self.waiting else { return Poll::Ready(None) };
        let settled = ready!(settled.as_mut().poll(cx));
        let piece = self.waiting.take().and_then(|(piece, _)| piece);
        Poll::Ready(match settled {
            Ok(()) => piece,
            // The cause is in the log; all that the client can be told is that this is not the whole answer.
            Err(_) => Some(Err(Error::HttpResponseIncomplete)),
        })
    }

    /// How much is to come.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
