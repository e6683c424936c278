//! The admin listener: `GET /health` says how the server is; everything else is 404. It changes nothing.
//!
//! The answer is 200 where the server serves and 503 where it does not (`health.rs`). The listener has a port of its own since every path of the service's port is a user's. At most 64 connections are open here.

use crate::health::{Health, Status};
use crate::problem::Refusal;
use crate::request_id::{RequestIds, X_REQUEST_ID};
use crate::server::{ACCEPT_PAUSE, connection};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
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

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener, health: Health) {
    let health = Arc::new(health);
    let ids = Arc::new(RequestIds::new(0, usize::MAX));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (ids, health) = (ids.clone(), health.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (health, id) = (&health, ids.next());
                async move { Ok::<_, Infallible>(answer(&request, health, id).await) }
            });
            let served = connection::http(HEADER_TIMEOUT).serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!("an admin connection ended: {error}");
            }
            drop(permit);
        });
    }
}

async fn answer<B>(request: &Request<B>, health: &Arc<Health>, id: HeaderValue) -> Response<Full<Bytes>> {
    let is_read = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let mut response = match request.uri().path() {
        "/health" if is_read => told(health).await,
        "/health" => Refusal::ReadOnly.answer(&id),
        _ => Refusal::NotAnAdminPath.answer(&id),
    };
    response.headers_mut().insert(X_REQUEST_ID, id);
    response.map(Full::new)
}

async fn told(health: &Arc<Health>) -> Response<Bytes> {
    let report = health.report().await;
    // Words and numbers always become JSON.
    let body = Bytes::from(serde_json::to_vec(&report).unwrap_or_default());
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(body);
    if report.status == Status::Failing {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::server::pulse::Pulse;
    use ownbase_spin_sqlite::{Databases, Limits};

    #[tokio::test(flavor = "current_thread")]
    async fn health_is_all_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::open(folder.path(), Limits::default()).unwrap();
        let health = Arc::new(Health::new(Pulse::default(), databases, folder.path().to_owned()));
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
            let response = answer(&request, &health, HeaderValue::from_static("id")).await;
            assert_eq!(response.status(), status, "{method} {path}");
            assert_eq!(response.headers()["x-request-id"], "id");
        }
    }
}
