//! The body of a request: read whole before an instance is touched, so that a slow client holds none.
//!
//! A body over the limit is answered with 413 at once; meanwhile the server reads on and discards up to 1 MiB, so that a
//! client which sends everything before it listens sees the answer. After that, or where the client asked first
//! (`Expect: 100-continue`), the connection closes.

use super::seats::Busy;
use crate::problem::Refusal;
use bytes::{Bytes, BytesMut};
use http::header::EXPECT;
use http::{HeaderMap, Request};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Instant;

const MAX_DISCARDED_BYTES: u64 = 1 << 20;

/// Splits the body, read whole, from the request's head. `max_bytes` and `deadline` bound it. Meanwhile the connection may
/// have to give way to another one.
pub(crate) async fn receive(
    request: Request<Incoming>,
    busy: &Busy,
    max_bytes: u64,
    deadline: Instant,
) -> Result<(http::request::Parts, Bytes), Refusal> {
    let (head, mut body) = request.into_parts();
    if body.is_end_stream() {
        return Ok((head, Bytes::new()));
    }
    if body.size_hint().lower() > max_bytes {
        if !asks_first(&head.headers) {
            discard(body, deadline);
        }
        return Err(Refusal::BodyTooLarge(max_bytes));
    }
    let waiting = busy.wait();
    let read = tokio::time::timeout_at(deadline.into(), collect(&mut body, max_bytes)).await;
    drop(waiting);
    match read.unwrap_or(Err(Refusal::BodyTooSlow)) {
        Ok(bytes) => Ok((head, bytes)),
        Err(refusal) => {
            if matches!(refusal, Refusal::BodyTooLarge(_)) {
                discard(body, deadline);
            }
            Err(refusal)
        }
    }
}

/// The bytes of a body, without copying where they come in one piece.
async fn collect(body: &mut Incoming, max_bytes: u64) -> Result<Bytes, Refusal> {
    let first = next(body).await?.unwrap_or_default();
    if first.len() as u64 > max_bytes {
        return Err(Refusal::BodyTooLarge(max_bytes));
    }
    let Some(second) = next(body).await? else { return Ok(first) };
    let mut bytes = BytesMut::from(first);
    let mut piece = Some(second);
    while let Some(more) = piece {
        if (bytes.len() + more.len()) as u64 > max_bytes {
            return Err(Refusal::BodyTooLarge(max_bytes));
        }
        bytes.extend_from_slice(&more);
        piece = next(body).await?;
    }
    Ok(bytes.freeze())
}

/// The next piece; trailers are passed over.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => return Ok(Some(data)),
            Ok(Err(_trailers)) => {}
            Err(_) => return Err(Refusal::BodyBroken),
        }
    }
    Ok(None)
}

fn asks_first(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Reads on in the background; dropping the body at the end makes hyper close the connection if more would follow.
fn discard(mut body: Incoming, deadline: Instant) {
    tokio::spawn(tokio::time::timeout_at(deadline.into(), async move {
        let mut discarded = 0;
        while let Ok(Some(piece)) = next(&mut body).await {
            discarded += piece.len() as u64;
            if discarded > MAX_DISCARDED_BYTES {
                break;
            }
        }
    }));
}
