//! (being written)
use bytes::Bytes;
use http::{Request, Response};
use ownbase_database::Environment;
use std::ops::ControlFlow;

/// Migrations, in a transaction of their own. `Break` is the answer.
pub fn prepare<E: Environment>(_request: &Request<Bytes>, _environment: &E) -> ControlFlow<Response<Bytes>> {
    ControlFlow::Continue(())
}

/// Answers a request.
pub fn handle<E: Environment>(_request: &Request<Bytes>, _environment: &E) -> Response<Bytes> {
    Response::new(Bytes::new())
}
