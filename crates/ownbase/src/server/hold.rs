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
        let time_limit = self.time_limit;
        self.poll_piece(|| settling(scope?, time_limit), cx)
    }

    /// The next piece, once what it waits for is over: asked after the component has made the piece.
    fn poll_piece(&mut self, settling: impl FnOnce() -> Option<Settling>, cx: &mut Context<'_>) -> Poll<Piece> {
        if self.waiting.is_none() {
            let piece = ready!(Pin::new(&mut self.body).poll_frame(cx));
            match settling() {
                Some(settling) => self.waiting = Some((piece, settling)),
                None => return Poll::Ready(piece),
            }
        }
        let Some((_, settling)) = &mut self.waiting else { return Poll::Ready(None) };
        let settled = ready!(settling.as_mut().poll(cx));
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

/// What a request waits for, if it does.
fn settling(scope: &Scope, time_limit: Duration) -> Option<Settling> {
    if scope.is_settled() {
        return None;
    }
    let (scope, deadline) = (scope.clone(), Instant::now() + time_limit);
    Some(Box::pin(async move { settled(&scope, deadline).await }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::channel::oneshot::{Sender, channel};
    use http_body_util::{BodyExt, Full};
    use std::task::Waker;

    type Told = Option<Result<Bytes, Error>>;

    fn held() -> Held {
        let body = Full::new(Bytes::from_static(b"piece")).map_err(|never| match never {}).boxed_unsync();
        Held::new(body, Duration::from_secs(60))
    }

    /// Asks for a piece that has to wait for the returned sender.
    fn ask(held: &mut Held) -> (Poll<Told>, Sender<Result<(), Refusal>>) {
        let (sender, receiver) = channel();
        (poll(held, || Some(Box::pin(async { receiver.await.unwrap() }))), sender)
    }

    fn poll(held: &mut Held, settling: impl FnOnce() -> Option<Settling>) -> Poll<Told> {
        let frame = |frame: Frame<Bytes>| frame.into_data().unwrap();
        held.poll_piece(settling, &mut Context::from_waker(Waker::noop())).map_ok(frame)
    }

    fn ask_again(held: &mut Held) -> Poll<Told> {
        poll(held, || unreachable!("it waits for one thing at a time"))
    }

    #[test]
    fn each_piece_and_the_end_wait_for_the_disk() {
        let mut held = held();
        for expected in [Some(Bytes::from_static(b"piece")), None] {
            let (first, disk) = ask(&mut held);
            assert!(first.is_pending() && ask_again(&mut held).is_pending());
            disk.send(Ok(())).unwrap();
            let Poll::Ready(piece) = ask_again(&mut held) else { unreachable!("the disk is done") };
            assert_eq!(piece.transpose().unwrap(), expected);
        }
    }

    #[test]
    fn what_is_on_disk_does_not_wait() {
        let mut held = held();
        assert!(matches!(poll(&mut held, || None), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(poll(&mut held, || None), Poll::Ready(None)));
    }

    #[test]
    fn what_is_not_kept_is_not_told() {
        for pieces_before in [0, 1] {
            let mut held = held();
            (0..pieces_before).for_each(|_| drop(poll(&mut held, || None)));
            let (_, disk) = ask(&mut held);
            disk.send(Err(Refusal::NotDurable)).unwrap();
            let told = ask_again(&mut held);
            assert!(matches!(told, Poll::Ready(Some(Err(Error::HttpResponseIncomplete)))), "{told:?}");
        }
    }
}
