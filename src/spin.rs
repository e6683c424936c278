//! The service as a Spin component: the function that `ownbase up` and Spin call for every request.
//!
//! The environment lives as long as the instance, and with it the labels that were checked before. A body is read up
//! to one byte past [`MAX_BODY_BYTES`]. A `HEAD` is sent with its body, since the host checks what it is sent against
//! `content-length`; its server leaves the body out. What a problem keeps from the client goes to standard error.

mod exchange;
mod whole;

use std::ops::ControlFlow;

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use ownbase_database::Error;
use ownbase_database::engine::spin::Spin;
use spin_sdk::wasip3;
use spin_sdk::wasip3::http::types::{self, ErrorCode};
use spin_sdk::wasip3::http_compat::IncomingRequestBody;

use crate::{Cause, Failure, MAX_BODY_BYTES, REQUEST_ID, failed};

struct Service;

wasip3::http::service::export!(Service);

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: types::Request) -> Result<types::Response, ErrorCode> {
        let head = exchange::head(&request)?;
        // Only these are looked at for a body; to read that there is none costs several calls into the host.
        let has_body = matches!(*head.method(), Method::POST | Method::PATCH);
        let body = if has_body { read(IncomingRequestBody::new(request)?).await? } else { Bytes::new() };
        exchange::send(answer(head.map(|()| body)))
    }
}

/// A request but for its body, however it came.
fn head(method: Method, target: PathAndQuery, headers: Vec<(String, Vec<u8>)>) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = method;
    *head.uri_mut() = target.into();
    for (name, value) in headers {
        // The host has checked both.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            head.headers_mut().append(name, value);
        }
    }
    head
}

/// Headers as both interfaces take them.
fn listed(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().into())).collect()
}

/// The answer to a request that has been read.
fn answer(mut request: Request<Bytes>) -> Response<Bytes> {
    let answered = try_answer(&mut request);
    let response = answered.unwrap_or_else(|error| failed(Failure::Engine(error), request.headers()));
    if let Some(Cause(cause)) = response.extensions().get() {
        let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("-");
        eprintln!("request {id}: {} {cause}", response.status().as_u16());
    }
    response
}

fn try_answer(request: &mut Request<Bytes>) -> Result<Response<Bytes>, Error> {
    let spin = Spin::instance()?;
    // Ownbase's server has set the id itself, in place of any that the client sent; Spin's passes the client's on.
    if !spin.is_on_demand() {
        crate::identify(request, spin);
    }
    Ok(match crate::prepare(request, spin) {
        ControlFlow::Break(answer) => answer,
        ControlFlow::Continue(()) => crate::handle(request, spin),
    })
}

/// Reads a body, or as much of it as shows that it is too long.
async fn read(mut body: impl BodyExt<Data = Bytes, Error = ErrorCode> + Unpin) -> Result<Bytes, ErrorCode> {
    let mut read = BytesMut::new();
    while read.len() <= MAX_BODY_BYTES
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame?.into_data() {
            read.extend_from_slice(&data);
        }
    }
    Ok(read.freeze())
}
