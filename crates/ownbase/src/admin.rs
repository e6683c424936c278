//! The admin listener: `GET /health` says that the server serves; everything else is 404. It changes nothing.
//!
//! It has a port of its own since every path of the service's port is a user's. At most 64 connections are open here.

use crate::problem::Refusal;
use crate::request_id::{RequestIds, X_REQUEST_ID};
use crate::server::{ACCEPT_PAUSE, connection};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const MAX_CONNECTIONS: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const HEALTHY: &[u8] = br#"{"status":"ok"}"#;

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener) {
    let ids = Arc::new(RequestIds::new(0, usize::MAX));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let ids = ids.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = answer(&request, ids.next());
                async { Ok::<_, Infallible>(answer) }
            });
            let served = connection::http(HEADER_TIMEOUT).serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!("an admin connection ended: {error}");
            }
            drop(permit);
        });
    }
}

fn answer<B>(request: &Request<B>, id: HeaderValue) -> Response<Full<Bytes>> {
    let is_read = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let mut response = match request.uri().path() {
        "/health" if is_read => {
            let mut response = Response::new(Bytes::from_static(HEALTHY));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(HEALTHY.len()));
            response
        }
        "/health" => Refusal::ReadOnly.answer(&id),
        _ => Refusal::NotAnAdminPath.answer(&id),
    };
    response.headers_mut().insert(X_REQUEST_ID, id);
    response.map(Full::new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn health_is_all_there_is() {
        for (method, path, status) in [
            ("GET", "/health", 200),
            ("HEAD", "/health", 200),
            ("POST", "/health", 405),
            ("DELETE", "/health", 405),
            ("GET", "/", 404),
            ("GET", "/health/", 404),
            ("GET", "/john", 404),
        ] {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            let response = answer(&request, HeaderValue::from_static("id"));
            assert_eq!(response.status(), status, "{method} {path}");
            assert_eq!(response.headers()["x-request-id"], "id");
        }
    }
}
