//! Requests that come whole and are answered whole, in one call: wit/ownbase-http.wit says for whom.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Response};

use crate::{Failure, failed};
use bindings::exports::ownbase::http::whole_handler as wit;

mod bindings {
    #![allow(missing_docs, unsafe_code)]
    wit_bindgen::generate!({ path: "wit", world: "whole" });
    export!(Service with_types_in self);
    use super::super::Service;
}

impl wit::Guest for super::Service {
    fn handle(request: wit::Request) -> wit::Response {
        let response = match head(&request) {
            Ok(head) => super::answer(head.map(|()| request.body.into())),
            Err(why) => failed(Failure::Malformed(why), &http::HeaderMap::new()),
        };
        into_wit(response)
    }
}

fn head(request: &wit::Request) -> Result<Request<()>, String> {
    let mut head = Request::new(());
    *head.method_mut() = Method::try_from(&*request.method).map_err(|error| error.to_string())?;
    *head.uri_mut() = PathAndQuery::try_from(&*request.target).map_err(|error| error.to_string())?.into();
    for (name, value) in &request.headers {
        // The host has checked both.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(&**value)) {
            head.headers_mut().append(name, value);
        }
    }
    Ok(head)
}

fn into_wit(response: Response<Bytes>) -> wit::Response {
    let (head, body) = response.into_parts();
    let header = |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().into(), value.as_bytes().into());
    wit::Response {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(header).collect(),
        body: body.into(),
    }
}
