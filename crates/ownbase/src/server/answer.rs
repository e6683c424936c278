//! The body of an answer, and the end of a request.
//!
//! A request ends when its answer is complete, before it is sent; one whose answer is sent in pieces ends with the last of
//! them; either ends when nobody wants it any more. Then its open transactions are rolled back, its turn is free, and its line
//! goes to the log: so the duration there is the server's, and not the client's.

use super::gate::Turn;
use super::hold::Held;
use super::seats::Busy;
use crate::instance::proxied::Fate;
use crate::request_id::X_REQUEST_ID;
use crate::request_log::{self, Line};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use ownbase_spin_sqlite::Scope;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::Error;

/// Log lines show this many bytes of a path.
const MAX_LOGGED_PATH_BYTES: usize = 512;
/// Bytes of a long answer that are handed over at a time.
const PIECE_BYTES: usize = 64 << 10;
/// What the log shows where the client left before there was an answer, as nginx does.
const CLIENT_LEFT: u16 = 499;

/// A request on its way; dropping it ends the request.
pub(crate) struct Underway {
    /// Its id, and what its instance says of it.
    pub(crate) fate: Arc<Fate>,
    /// On whose behalf database calls are made.
    pub(crate) scope: Scope,
    /// The answer's status, once there is one.
    pub(crate) status: Option<StatusCode>,
    /// Its turn among those that run, once it has come.
    pub(crate) turn: Option<Turn>,
    /// When its head had arrived.
    pub(crate) started: Instant,
    method: Method,
    uri: Uri,
}

impl Underway {
    /// A request that has just arrived and is due at `deadline`.
    pub(crate) fn new(
        id: HeaderValue,
        request: &http::Request<impl Body>,
        started: Instant,
        deadline: Instant,
    ) -> Self {
        Self {
            fate: Fate::new(id),
            scope: Scope::new(Some(deadline)),
            status: None,
            turn: None,
            started,
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.scope.end();
        if !tracing::enabled!(target: "ownbase::request", tracing::Level::INFO) {
            return;
        }
        let path = self.uri.path();
        let path = &path[..path.floor_char_boundary(MAX_LOGGED_PATH_BYTES)];
        request_log::write(&Line {
            request_id: self.fate.id(),
            method: self.method.as_str(),
            path,
            status: self.status.map_or(CLIENT_LEFT, |status| status.as_u16()),
            duration: self.started.elapsed(),
            labels: &self.scope.labels(),
        });
    }
}

/// A body on its way to the client.
pub(crate) enum AnswerBody {
    /// All of it at once; the request has ended.
    Whole(Option<Bytes>),
    /// Much, all of it there, in its room; the request has ended.
    Long(Bytes),
    /// Piece by piece as the component makes it.
    Streamed(Held, Option<Box<Underway>>),
}

/// An answer with the id of its request.
pub(crate) fn with_id<B>(mut response: http::Response<B>, id: HeaderValue) -> http::Response<B> {
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Long(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
                Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
            }
            Self::Streamed(body, underway) => {
                let scope = underway.as_ref().map(|underway| &underway.scope);
                let mut frame = ready!(body.poll_frame(scope, cx));
                if frame.is_none() && underway.as_ref().is_some_and(|underway| underway.fate.is_broken()) {
                    frame = Some(Err(Error::HttpResponseIncomplete));
                }
                if let Some(Err(error)) = &frame
                    && let Some(underway) = underway
                {
                    tracing::error!(request_id = underway.fate.id(), "the component broke off its answer: {error}");
                }
                if !matches!(frame, Some(Ok(_))) {
                    *underway = None;
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Long(bytes) => bytes.is_empty(),
            // The end must be asked for: only then is it known to be one.
            Self::Streamed(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Long(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(body, _) => body.size_hint(),
        }
    }
}

/// A body on its way, with what its request keeps until the client has taken the last of it.
pub(super) struct Placed {
    pub(super) body: AnswerBody,
    /// The connection does not give way to another one meanwhile.
    pub(super) _busy: Busy,
    /// Among the requests of HTTP/2.
    pub(super) _place: Option<OwnedSemaphorePermit>,
    /// Where an HTTP/2 stream counts what is taken.
    pub(super) taken_bytes: Option<Arc<AtomicU64>>,
}

impl Body for Placed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(taken_bytes) = &self.taken_bytes
            && let Poll::Ready(Some(Ok(frame))) = &frame
        {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            taken_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
