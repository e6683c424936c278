//! One connection: HTTP/1.1 by hyper, with limits on what it may hold and for how long.

use super::Thread;
use super::dispatch;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Headers of one request; past it hyper answers 431.
const MAX_HEADERS: usize = 100;
/// Bytes of a request's head; past it hyper answers 431.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Bytes that one connection buffers.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// The HTTP server's settings; `header_timeout` bounds how long a connection waits for a request's head.
pub(crate) fn http(header_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES);
    http
}

/// Serves requests until the client leaves, or, once `stop` turns true, until the one that runs is answered.
pub(crate) async fn serve(thread: Arc<Thread>, stream: TcpStream, mut stop: watch::Receiver<bool>) {
    // Without it small answers would wait for the client's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY: {error}");
    }
    let service = service_fn(|request| {
        let thread = &thread;
        async move { Ok::<_, Infallible>(dispatch::answer(thread, request).await) }
    });
    let mut connection = pin!(thread.http.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = async { drop(stop.wait_for(|stop| *stop).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Clients leave and send nonsense all the time; hyper has told them what can be told.
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}
