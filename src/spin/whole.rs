//! Requests that come whole and are answered whole, in one call: wit/ownbase-http.wit says for whom.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request};

use crate::{Failure, REQUEST_ID, failed};
use bindings::exports::ownbase::http::whole_handler as wit;

mod bindings {
    #![allow(missing_docs, unsafe_code)]
    wit_bindgen::generate!({ path: "wit", world: "whole" });
    export!(Service with_types_in self);
    use super::super::Service;
}

impl wit::Guest for super::Service {
    fn handle(request: wit::Request) -> wit::Response {
        let response =
            parse(request).map_or_else(|why| failed(Failure::Malformed(why), &HeaderMap::new()), super::answer);
        let (mut head, body) = response.into_parts();
        // The host sets it.
        head.headers.remove(REQUEST_ID);
        wit::Response { status: head.status.as_u16(), headers: super::listed(&head.headers), body: body.into() }
    }
}

fn parse(request: wit::Request) -> Result<Request<Bytes>, String> {
    let method = Method::try_from(&*request.method).map_err(|error| error.to_string())?;
    let target = PathAndQuery::try_from(request.target).map_err(|error| error.to_string())?;
    Ok(super::head(method, target, request.headers).map(|()| request.body.into()))
}
