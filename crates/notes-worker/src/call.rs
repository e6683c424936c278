//! One request and one answer, as they cross between JavaScript and the service.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Request, Response, header};
use js_sys::{Array, Uint8Array};
use notes::{Cause, Place};
use wasm_bindgen::prelude::*;

use crate::entry;
use crate::target::target;

/// A request, understood as far as to know where it belongs.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Call {
    request: Request<Bytes>,
    place: ControlFlow<Response<Bytes>, Place>,
}

#[wasm_bindgen]
impl Call {
    /// From what JavaScript has of it. `headers` are names and values by turns.
    ///
    /// # Errors
    /// Throws a string where that makes no request of HTTP: in which respect, for the client to see.
    #[wasm_bindgen(constructor)]
    pub fn new(method: &str, url: &str, headers: Vec<String>, body: Vec<u8>) -> Result<Call, String> {
        let request = request(method, url, &headers, body).map_err(|error| error.to_string())?;
        let place = notes::locate(&request);
        Ok(Self { request, place })
    }

    /// The answer, if whoever asks may not; `lets_anybody_in` is the operator's word.
    pub fn refusal(&self, lets_anybody_in: bool) -> Option<Array> {
        let failure = entry::refusal(&self.request, lets_anybody_in)?;
        Some(answer(notes::failed(failure, self.request.headers())))
    }

    /// The answer, if no database is needed for it.
    pub fn answer(&self) -> Option<Array> {
        match &self.place {
            ControlFlow::Break(response) => Some(answer(response.clone())),
            ControlFlow::Continue(_) => None,
        }
    }

    /// The name of the object that has the database.
    #[wasm_bindgen(getter)]
    pub fn label(&self) -> Option<String> {
        match &self.place {
            ControlFlow::Break(_) => None,
            ControlFlow::Continue(place) => Some(place.label.as_str().to_owned()),
        }
    }

    /// Whether the request is for the end of its database.
    #[wasm_bindgen(getter)]
    pub fn erases(&self) -> bool {
        matches!(&self.place, ControlFlow::Continue(place) if place.erases)
    }

    pub(crate) fn request(&self) -> &Request<Bytes> {
        &self.request
    }
}

fn request(method: &str, url: &str, headers: &[String], body: Vec<u8>) -> Result<Request<Bytes>, http::Error> {
    let mut request = Request::builder().method(method).uri(target(url).as_ref()).body(Bytes::from(body))?;
    for [name, value] in headers.as_chunks().0 {
        request.headers_mut().append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    // With a slash in it the host would be taken for a part of the path, which comes behind it in the URL.
    if let Some(host) = request.headers().get(header::HOST) {
        Authority::try_from(host.as_bytes())?;
    }
    Ok(request)
}

/// An answer as JavaScript takes it.
pub(crate) fn answer(response: Response<Bytes>) -> Array {
    let cause = response.extensions().get::<Cause>().map_or(JsValue::UNDEFINED, |Cause(cause)| cause.into());
    let (parts, body) = response.into_parts();
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        Array::of2(&name.as_str().into(), &String::from_utf8_lossy(value.as_bytes()).as_ref().into())
    };
    let headers: Array = parts.headers.iter().map(pair).collect();
    if parts.headers.contains_key(header::ETAG) {
        // Cloudflare weakens the ETag of an answer that it compresses, and no If-Match can name a weak ETag. Two headers of
        // one name are one list.
        headers.push(&Array::of2(&header::CACHE_CONTROL.as_str().into(), &"no-transform".into()));
    }
    let body = if body.is_empty() { JsValue::NULL } else { Uint8Array::from(body.as_ref()).into() };
    Array::of4(&parts.status.as_u16().into(), &headers, &body, &cause)
}

#[cfg(test)]
mod tests {
    use super::request;

    fn is_taken(host: &str) -> bool {
        let url = format!("http://{host}/john");
        let request = request("GET", &url, &["host".to_owned(), host.to_owned()], Vec::new());
        request.is_ok_and(|request| request.uri() == "/john")
    }

    #[test]
    fn a_host_is_no_part_of_the_path() {
        for host in ["x", "127.0.0.1:3000", "[::1]:3000", "notes.example"] {
            assert!(is_taken(host), "{host}");
        }
        for host in ["x/jane?", "x/jane", "x/", "x?", "x#", "x/jane#", "x:1/jane", "a b"] {
            assert!(!is_taken(host), "{host}");
        }
    }
}
