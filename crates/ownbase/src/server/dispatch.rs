//! One request: its body is read, its component found, its turn awaited, its answer passed on.
//!
//! The component gets the method, the raw path and query, the headers (hop-by-hop ones and Host aside) and an
//! x-request-id. The headers that Spin adds about route and client (`spin-path-info` and others) are not made.

use super::Thread;
use super::answer::{AnswerBody, Underway, with_id};
use super::hold::{self, Held};
use super::{head, upload};
use crate::instance::{Handler, Ticket};
use crate::problem::Refusal;
use crate::request_id::X_REQUEST_ID;
use crate::telemetry::one_line;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use std::time::Instant;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::InstantiationError;

/// An answer of at most this many bytes is taken from the component whole: then head and body leave in one write, and a
/// component that breaks off in the middle is answered for with 500. A longer one keeps its request's turn until the client
/// has taken it.
const MAX_WHOLE_BYTES: u64 = 64 << 10;

/// The answer to a request, whatever happens.
pub(crate) async fn answer(thread: &Thread, request: Request<Incoming>) -> Response<AnswerBody> {
    let started = Instant::now();
    let deadline = started + thread.limits.request_timeout;
    let id = thread.ids.next();
    let mut underway = Underway::new(id.clone(), &request, started, deadline);
    let answered = serve(thread, request, &id, deadline, &mut underway).await;
    let durable = match answered {
        Ok(response) => hold::settled(&underway.scope, deadline).await.map(|()| response),
        Err(refusal) => Err(refusal),
    };
    let response = match durable {
        Ok(response) => response,
        Err(refusal) => refusal.answer(&id).map(Served::Whole),
    };
    underway.status = Some(response.status());
    let response = response.map(|served| match served {
        Served::Whole(bytes) if bytes.is_empty() => AnswerBody::Whole(None),
        Served::Whole(bytes) if bytes.len() as u64 > MAX_WHOLE_BYTES => {
            // The component has nothing to do any more; a transaction that it forgot must not wait for the client.
            underway.scope.end();
            AnswerBody::Long(bytes, Some(Box::new(underway)))
        }
        Served::Whole(bytes) => AnswerBody::Whole(Some(bytes)),
        Served::Streamed(body) => {
            AnswerBody::Streamed(Held::new(body, thread.limits.request_timeout), Some(Box::new(underway)))
        }
    });
    with_id(response, id)
}

enum Served {
    Whole(Bytes),
    Streamed(WasiBody),
}

async fn serve(
    thread: &Thread,
    request: Request<Incoming>,
    id: &HeaderValue,
    deadline: Instant,
    underway: &mut Underway,
) -> Result<Response<Served>, Refusal> {
    if request.method() == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    head::check(&request, &thread.hosts)?;
    let component = *thread.app.routes.find(request.uri().path()).ok_or(Refusal::NoRoute)?;
    let handler = thread.handlers.get(component).ok_or(Refusal::NoRoute)?;
    let (mut head, body) = upload::receive(request, thread.limits.max_body_bytes, deadline).await?;
    head.headers.insert(X_REQUEST_ID, id.clone());
    // WASI 0.2 cannot express a request without an authority, which HTTP/1.0 allows.
    if !head.headers.contains_key(HOST) {
        head.headers.insert(HOST, HeaderValue::from_static("localhost"));
    }
    let turn = thread.gate.enter(deadline).await?;
    underway.turn = Some(turn.clone());
    let ticket = Ticket { fate: underway.fate.clone(), scope: underway.scope.clone(), deadline, turn };
    let response = match handler {
        Handler::Whole(whole) => {
            let answered = whole.answer(Request::from_parts(head, body), ticket).await;
            answered.map(|response| response.map(Served::Whole)).map_err(|error| refusal(&error, deadline, underway))?
        }
        Handler::Proxied(proxy) => {
            let answered = proxy.handle(ticket, Request::from_parts(head, into_body(body))).await;
            let response = answered.map_err(|error| refusal(&error, deadline, underway))?;
            take_if_small(response, deadline, underway).await?
        }
    };
    if response.status().is_informational() {
        tracing::error!(request_id = underway.fate.id(), "the component answered with status {}", response.status());
        return Err(Refusal::Failed);
    }
    Ok(response)
}

fn into_body(bytes: Bytes) -> WasiBody {
    if bytes.is_empty() {
        Empty::new().map_err(|never| match never {}).boxed_unsync()
    } else {
        Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
    }
}

/// The answer with a small body taken whole, or as it is.
async fn take_if_small(
    response: Response<WasiBody>,
    deadline: Instant,
    underway: &Underway,
) -> Result<Response<Served>, Refusal> {
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_none_or(|length| length > MAX_WHOLE_BYTES) {
        return Ok(response.map(Served::Streamed));
    }
    let (head, body) = response.into_parts();
    // A body that never ends is ended with its instance.
    match body.collect().await {
        Ok(_) if underway.fate.is_broken() => Err(failure(deadline)),
        Ok(body) => Ok(Response::from_parts(head, Served::Whole(body.to_bytes()))),
        Err(error) => {
            tracing::error!(request_id = underway.fate.id(), "the component broke off its answer: {error}");
            Err(failure(deadline))
        }
    }
}

/// What a failed component means to the client; the cause goes to the log.
fn refusal(error: &wasmtime::Error, deadline: Instant, underway: &Underway) -> Refusal {
    let starting = error.downcast_ref::<InstantiationError<Ticket>>().map_or(error, |failed| &failed.error);
    if starting.is::<PoolConcurrencyLimitError>() {
        return Refusal::QueueFull;
    }
    tracing::error!(request_id = underway.fate.id(), "the component failed: {}", one_line(error));
    failure(deadline)
}

/// How a request fails tells little once its time is over: the way it was stopped is as likely the cause.
fn failure(deadline: Instant) -> Refusal {
    if Instant::now() >= deadline { Refusal::TimedOut } else { Refusal::Failed }
}
