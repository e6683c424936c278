//! HTTP/2: the requests of one client, whatever thread they come from, side by side on one connection.

use std::io;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use http::{Response, request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::{DEADLINE, LONGEST_BODY_BYTES, MAX_IDLE_AGE};

pub(super) type Agent = Client<HttpConnector, Full<Bytes>>;

/// Where all connections live: they must hear the server also while no case waits for it.
static RUNTIME: LazyLock<io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build());

pub(super) fn agent() -> Agent {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.http2_only(true).timer(TokioTimer::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(MAX_IDLE_AGE);
    let mut connector = HttpConnector::new();
    // Otherwise a body waits for the acknowledgement of its head, which comes 40 ms later.
    connector.set_nodelay(true);
    builder.build(connector)
}

pub(super) fn send(agent: &Agent, request: request::Builder, body: Option<&[u8]>) -> Result<Response<Vec<u8>>> {
    let request = request.body(Full::new(Bytes::copy_from_slice(body.unwrap_or_default())))?;
    let answer = async {
        let (head, body) = agent.request(request).await.context("no answer")?.into_parts();
        let limit = usize::try_from(LONGEST_BODY_BYTES)?;
        let body = Limited::new(body, limit).collect().await.map_err(|error| anyhow!(error));
        Ok(Response::from_parts(head, body.context("the answer breaks off")?.to_bytes().to_vec()))
    };
    let runtime = RUNTIME.as_ref().context("no runtime for HTTP/2")?;
    runtime.block_on(async { timeout(DEADLINE, answer).await.context("no whole answer in time")? })
}
