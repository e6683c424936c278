//! One request: its body is read, its component found, its turn awaited, its answer passed on.
//!
//! The component gets the method, the raw path and query, the headers (hop-by-hop ones and Host aside) and an
//! x-request-id. The headers that Spin adds about route and client (`spin-path-info` and others) are not made.

use super::Thread;
use super::answer::{AnswerBody, Underway, with_id};
use super::failure::{failure, refusal};
use super::hold::{self, Held};
use super::seats::Busy;
use super::upload;
use super::whole::{self, MAX_WHOLE_BYTES};
use crate::instance::{Handler, Ticket, fault_of_headers, header_bytes};
use crate::problem::Refusal;
use crate::request_id::X_REQUEST_ID;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use std::time::Instant;
use wasmtime_wasi_http::WasiBody;

/// The answer to a request, whatever happens.
pub(crate) async fn answer(thread: &Thread, request: Request<Incoming>, busy: &Busy) -> Response<AnswerBody> {
    let started = Instant::now();
    let deadline = started + thread.limits.request_timeout;
    let id = thread.ids.next();
    let mut underway = Underway::new(id.clone(), &request, started, deadline);
    let answered = serve(thread, request, busy, &id, deadline, &mut underway).await;
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
        Served::Whole(bytes) if bytes.len() as u64 > MAX_WHOLE_BYTES => AnswerBody::Long(bytes),
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
    busy: &Busy,
    id: &HeaderValue,
    deadline: Instant,
    underway: &mut Underway,
) -> Result<Response<Served>, Refusal> {
    if request.method() == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    let component = *thread.app.routes.find(request.uri().path()).ok_or(Refusal::NoRoute)?;
    let handler = thread.handlers.get(component).ok_or(Refusal::NoRoute)?;
    let (mut head, body) = upload::receive(request, busy, thread.limits.max_body_bytes, deadline).await?;
    head.headers.insert(X_REQUEST_ID, id.clone());
    // WASI 0.2 cannot express a request without an authority, which HTTP/1.0 allows, nor one that is no text.
    if head.headers.get(HOST).is_none_or(|host| host.to_str().is_err()) {
        head.headers.insert(HOST, HeaderValue::from_static("localhost"));
    }
    let response = match handler {
        Handler::Whole(whole) => {
            let request = Request::from_parts(head, body);
            whole::answer(thread, whole, request, busy, deadline, underway).await?.map(Served::Whole)
        }
        Handler::Proxied(proxy) => {
            let turn = thread.gate.enter(deadline).await?;
            underway.turn = Some(turn.clone());
            let ticket = Ticket { fate: underway.fate.clone(), scope: underway.scope.clone(), deadline, turn };
            let answered = proxy.handle(ticket, Request::from_parts(head, into_body(body))).await;
            let response = answered.map_err(|error| refusal(&error, deadline, underway))?;
            if let Some(fault) = fault_of_headers(response.headers().len(), header_bytes(response.headers())) {
                tracing::error!(request_id = underway.fate.id(), "the component failed: {fault}");
                return Err(Refusal::Failed);
            }
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
