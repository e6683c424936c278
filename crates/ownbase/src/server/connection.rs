//! One connection: its first bytes tell HTTP/2 (`http2.rs`) from HTTP/1.1, which hyper serves here.
//!
//! HTTP/2 is spoken without TLS and with prior knowledge (RFC 9113, section 3.3); `Upgrade: h2c` is not answered. A client
//! has `--header-timeout-ms` for each head (for the first once more, from its first byte), and takes what waits for it at the
//! rate of `pace.rs`; else the connection is closed. So it is when it is idle and another one needs its place. Heads have at
//! most 32 KiB and 100 headers, and one connection buffers 64 KiB each way.

use super::answer::Placed;
use super::pace::{self, Paced};
use super::seats::{Busy, Seat};
use super::{Thread, dispatch, http2};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Headers of one request; past it the answer is 431.
pub(super) const MAX_HEADERS: usize = 100;
/// Bytes of a request's head; past it the answer is 431.
pub(super) const MAX_HEAD_BYTES: usize = 32 << 10;
/// Bytes that one connection buffers.
pub(super) const MAX_BUFFER_BYTES: usize = 64 << 10;
/// What every HTTP/2 connection begins with, and no HTTP/1 request does.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// HTTP/1's settings; `header_timeout` bounds how long a connection waits for a request's head.
pub(crate) fn http(header_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES);
    http
}

/// Serves requests until the client leaves, until another connection needs the place of this idle one, or, once `stop` turns
/// true, until those that run are answered.
pub(crate) async fn serve(
    thread: Arc<Thread>,
    mut stream: TcpStream,
    seat: Arc<Seat>,
    mut stop: watch::Receiver<bool>,
) {
    // Without it small answers would wait for the client's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY: {error}");
    }
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    let mut stopped = pin!(stopped);
    let first = tokio::select! {
        biased;
        first = tokio::time::timeout(thread.limits.header_timeout, first_bytes(&mut stream)) => first,
        () = &mut stopped => return,
        () = seat.given_way() => return,
    };
    // Clients leave and send nonsense all the time; hyper has told them what can be told.
    let served = match first {
        Err(_) => return tracing::debug!("a connection was closed: no request came"),
        Ok(Err(error)) => return tracing::debug!("a connection ended: {error}"),
        Ok(Ok(first)) => {
            let is_http2 = first == PREFACE;
            let window = pace::window(thread.limits.request_timeout);
            let wire = Paced::new(first, stream, window, seat.clone());
            if is_http2 {
                http2::serve(thread, wire, seat, stopped).await
            } else {
                serve_http1(&thread, wire, &seat, stopped).await
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}

/// As many of a connection's first bytes as tell the protocol: HTTP/2's preface, or anything else.
async fn first_bytes(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
        match stream.read(&mut first[length..]).await? {
            0 => break,
            more => length += more,
        }
    }
    Ok(first[..length].to_vec())
}

async fn serve_http1(
    thread: &Thread,
    wire: Paced,
    seat: &Arc<Seat>,
    stopped: impl Future<Output = ()>,
) -> hyper::Result<()> {
    let service = service_fn(|request| async {
        let busy = Busy::begin(seat);
        let response = dispatch::answer(thread, request, &busy).await;
        Ok::<_, Infallible>(response.map(|body| Placed { body, _busy: busy, _place: None, taken_bytes: None }))
    });
    let mut connection = pin!(thread.http1.serve_connection(TokioIo::new(wire), service));
    tokio::select! {
        served = connection.as_mut() => served,
        () = seat.given_way() => Ok(()),
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
