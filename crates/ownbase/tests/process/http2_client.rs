//! A client of HTTP/2 with prior knowledge: hyper's.

use crate::site::PATIENCE;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// One connection.
pub(crate) struct Client {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The members of a problem.
    pub(crate) fn problem(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sender, connection) = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            (sender, tokio::spawn(connection))
        });
        Self { runtime, sender, connection }
    }

    /// Sends requests side by side; what became of each, in the same order.
    pub(crate) fn try_all(&self, requests: Vec<Request<Full<Bytes>>>) -> Vec<hyper::Result<Answer>> {
        let answers = requests.into_iter().map(|request| read(self.sender.clone().send_request(request)));
        let answers = futures::future::join_all(answers);
        self.runtime.block_on(async { timeout(PATIENCE, answers).await }).expect("an answer in time")
    }

    /// Sends requests side by side; their answers, in the same order.
    pub(crate) fn all(&self, requests: Vec<Request<Full<Bytes>>>) -> Vec<Answer> {
        self.try_all(requests).into_iter().map(Result::unwrap).collect()
    }

    pub(crate) fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.all(vec![request]).remove(0)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, ""))
    }

    /// Waits until the server has ended the connection.
    pub(crate) fn wait_for_the_end(self) {
        let ended = self.runtime.block_on(async { timeout(PATIENCE, self.connection).await });
        ended.expect("the connection to end").unwrap().unwrap();
    }
}

async fn read(answer: impl Future<Output = hyper::Result<http::Response<Incoming>>>) -> hyper::Result<Answer> {
    let (head, body) = answer.await?.into_parts();
    Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
}

/// A request to `http://localhost`.
pub(crate) fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let uri = format!("http://localhost{path}");
    Request::builder().method(method).uri(uri).body(Full::new(body.into())).unwrap()
}
