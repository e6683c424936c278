//! Requests and answers as they cross wasi:http, in as few calls to the host as it takes.
//!
//! Every call has its price, as has every value that crosses: so scheme, authority and options of a request, which the
//! service never looks at, are not asked for, and a body only where there may be one. Trailers are neither read nor
//! sent.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode};
use spin_sdk::wasip3::http::types::{self, ErrorCode, Fields};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};

/// A request but for its body.
pub(super) fn head(request: &types::Request) -> Result<Request<()>, ErrorCode> {
    let path = request.get_path_with_query().unwrap_or_default();
    let path = PathAndQuery::try_from(path).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let method = Method::try_from(request.get_method()).map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    Ok(super::head(method, path, request.get_headers().copy_all()))
}

/// An answer on its way: head at once, body as soon as the host takes it.
pub(super) fn send(response: Response<Bytes>) -> Result<types::Response, ErrorCode> {
    let (head, body) = response.into_parts();
    let headers = Fields::from_list(&super::listed(&head.headers))
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (mut contents, contents_reader) = wit_stream::new();
    let (response, _) = types::Response::new(headers, Some(contents_reader), trailers_reader);
    // What it is where nothing else is said.
    if head.status != StatusCode::OK {
        response.set_status_code(head.status.as_u16()).map_err(|()| ErrorCode::InternalError(None))?;
    }
    spawn(async move {
        // Either fails where nobody waits for the answer any more.
        contents.write_all(body.into()).await;
        drop(contents);
        let _ = trailers.write(Ok(None)).await;
    });
    Ok(response)
}
