//! One connection of HTTP/2: requests side by side, each as HTTP/1.1 would have brought it.
//!
//! A connection has 100 requests under way at most, and all connections of a thread together as many as it may have
//! connections; past that the answer is 503. A stream ends when its client takes less of it than `pace.rs` asks for, beginning
//! when its answer is due at the latest. A connection without a request for `--header-timeout-ms`, or up to twice that, is asked to
//! end (GOAWAY), and closed a second later; so it is, at once, where another one needs its place. Floods of resets, of CONTINUATION and of empty frames end it (h2's own counts).
//!
//! <https://www.rfc-editor.org/rfc/rfc9113>

use super::answer::{AnswerBody, Placed, Underway, with_id};
use super::connection::{MAX_BUFFER_BYTES, MAX_HEAD_BYTES, MAX_HEADERS};
use super::pace::{self, Paced};
use super::seats::{Busy, Seat};
use super::{Thread, dispatch};
use crate::problem::Refusal;
use http::header::{COOKIE, HOST, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Requests of one connection at once; a client waits with further ones, or gets REFUSED_STREAM.
const MAX_STREAMS: u32 = 100;
/// Bytes of one request's body, and of all of a connection, that may wait to be read.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;
/// Streams that a client resets before they are looked at, and that it makes us reset; past it the connection ends.
const MAX_RESETS_UNSEEN: usize = 20;
const MAX_RESETS_CAUSED: usize = 200;
/// How long a client may take to agree to the end of a connection.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long it takes to write that it ends.
const WRITTEN: Duration = Duration::from_millis(10);

tokio::task_local! {
    /// What the client has taken of the answer of the stream that runs.
    static TAKEN_BYTES: Arc<AtomicU64>;
}

/// Serves requests until the client leaves or falls silent, until another connection needs the place of this idle one, or,
/// after `stopped`, until those that run are answered.
pub(super) async fn serve(
    thread: Arc<Thread>,
    wire: Paced,
    seat: Arc<Seat>,
    stopped: impl Future<Output = ()>,
) -> hyper::Result<()> {
    let limits = thread.limits;
    let connection_seat = seat.clone();
    let service = service_fn(move |request| {
        let (thread, seat) = (thread.clone(), connection_seat.clone());
        async move { Ok::<_, Infallible>(answer(&thread, request, &seat).await) }
    });
    let streams = Streams { request_timeout: limits.request_timeout, count: Arc::default() };
    let mut connection = pin!(http(streams.clone()).serve_connection(TokioIo::new(wire), service));
    tokio::select! {
        served = connection.as_mut() => return served,
        () = stopped => {}
        () = streams.silence(limits.header_timeout) => {}
        () = seat.given_way() => {
            connection.as_mut().graceful_shutdown();
            return tokio::time::timeout(WRITTEN, connection).await.unwrap_or(Ok(()));
        }
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        served = connection => served,
        () = streams.silence(FAREWELL) => Ok(()),
    }
}

fn http(streams: Streams) -> http2::Builder<Streams> {
    let mut http = http2::Builder::new(streams);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(MAX_BUFFER_BYTES)
        .max_pending_accept_reset_streams(MAX_RESETS_UNSEEN)
        .max_local_error_reset_streams(MAX_RESETS_CAUSED);
    http
}

async fn answer(thread: &Thread, request: Request<Incoming>, seat: &Arc<Seat>) -> Response<Placed> {
    let busy = Busy::begin(seat);
    let request = as_http1(request);
    let is_head = *request.method() == Method::HEAD;
    let place = thread.streams.clone().try_acquire_owned().ok();
    let response = if request.headers().len() > MAX_HEADERS {
        refuse(thread, &request, Refusal::TooManyHeaders(MAX_HEADERS))
    } else if place.is_some() {
        dispatch::answer(thread, request, &busy).await
    } else {
        refuse(thread, &request, Refusal::QueueFull)
    };
    // Over HTTP/1.1 hyper leaves the body out by itself.
    let has_body = !is_head && ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
    let taken_bytes = TAKEN_BYTES.try_with(Arc::clone).ok();
    // It keeps its place until the client has taken it, since it may leave it here as long as it likes.
    response.map(|body| Placed {
        body: if has_body { body } else { AnswerBody::Whole(None) },
        _busy: busy,
        _place: place,
        taken_bytes,
    })
}

/// Answers a request that is not looked at any further.
fn refuse(thread: &Thread, request: &Request<Incoming>, refusal: Refusal) -> Response<AnswerBody> {
    let (id, now) = (thread.ids.next(), Instant::now());
    Underway::new(id.clone(), request, now, now).status = Some(refusal.status());
    with_id(refusal.answer(&id).map(|bytes| AnswerBody::Whole(Some(bytes))), id)
}

/// A request with its authority in the Host header and its cookies in one, as HTTP/1.1 has them.
fn as_http1<B>(mut request: Request<B>) -> Request<B> {
    join_cookies(request.headers_mut());
    if *request.method() == Method::CONNECT {
        return request;
    }
    let uri = std::mem::take(request.uri_mut()).into_parts();
    if let Some(host) = uri.authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    *request.uri_mut() = uri.path_and_query.map(Uri::from).unwrap_or_default();
    request
}

/// A client may send each cookie on its own (section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    if let (Some(first), Some(second)) = (cookies.next(), cookies.next()) {
        let all = [first, second].into_iter().chain(cookies).map(HeaderValue::as_bytes).collect::<Vec<_>>();
        if let Ok(joined) = HeaderValue::from_bytes(&all.join(b"; ".as_slice())) {
            headers.insert(COOKIE, joined);
        }
    }
}

/// The streams of one connection: runs them, each until its client is too slow, and counts them.
#[derive(Clone)]
struct Streams {
    request_timeout: Duration,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.count.begun.fetch_add(1, Ordering::Relaxed);
        let (running, request_timeout) = (Running(self.count.clone()), self.request_timeout);
        let taken_bytes = Arc::<AtomicU64>::default();
        tokio::spawn(async move {
            // Dropped in the middle, a stream is reset.
            tokio::select! {
                biased;
                _ = TAKEN_BYTES.scope(taken_bytes.clone(), stream) => {}
                () = too_slow(request_timeout, &taken_bytes) => {}
            }
            drop(running);
        });
    }
}

/// Waits until a client takes too little of an answer, which is there when a request's time is over at the latest.
async fn too_slow(request_timeout: Duration, taken_bytes: &AtomicU64) {
    let window = pace::window(request_timeout);
    tokio::time::sleep(request_timeout).await;
    let mut before = taken_bytes.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(window).await;
        let now = taken_bytes.load(Ordering::Relaxed);
        if now - before < pace::least_bytes(window) {
            return;
        }
        before = now;
    }
}

impl Streams {
    /// Waits until none has run for `time`, or up to twice that.
    async fn silence(&self, time: Duration) {
        let mut before = self.begun_and_ended();
        loop {
            tokio::time::sleep(time).await;
            let now = self.begun_and_ended();
            // One that has ended meanwhile ran for a part of the time.
            if now == before && now.0 == now.1 {
                return;
            }
            before = now;
        }
    }

    fn begun_and_ended(&self) -> (u64, u64) {
        (self.count.begun.load(Ordering::Relaxed), self.count.ended.load(Ordering::Relaxed))
    }
}

/// A stream that runs, until dropped.
struct Running(Arc<Count>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        as_http1(request.body(()).unwrap())
    }

    #[test]
    fn the_authority_is_the_host() {
        let both = request("http://this.example:81//a%2Fb?c", &[("host", "other.example")]);
        assert_eq!(
            (both.uri().to_string(), &both.headers()[HOST]),
            ("//a%2Fb?c".into(), &"this.example:81".parse().unwrap())
        );
        let old = request("/a", &[("host", "other.example")]);
        assert_eq!((old.uri().path(), &old.headers()[HOST]), ("/a", &HeaderValue::from_static("other.example")));
        assert_eq!(request("*", &[]).uri(), "*");
    }

    #[test]
    fn cookies_are_one_header() {
        let cookies = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("cookie", *value)).collect();
            request("/", &headers).headers().get_all(COOKIE).iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(cookies(&[]), Vec::<HeaderValue>::new());
        assert_eq!(cookies(&["a=1"]), ["a=1"]);
        assert_eq!(cookies(&["a=1", "b=2; c", "d"]), ["a=1; b=2; c; d"]);
    }
}
