//! The yardstick: the notes service on axum and rusqlite, without wasm, to measure `ownbase up` against.
//!
//! It is what a Rust programmer would write by hand around the same `notes::prepare` and `notes::handle`: one process,
//! tokio's threads, a file a user. It has none of the host's limits but that on the body, no isolation and no second
//! listener, and is not meant to be put before users.
//!
//! `GET` and `HEAD` of a user whose file is open run on the thread that serves, since a read of a few rows takes less
//! than a change of threads does; everything else runs on tokio's blocking threads, since a write waits for the disk, as
//! does whoever opens one file and closes another for it, and would hold up every other request of its thread.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode};
use axum::serve::ListenerExt;
use bytes::{Bytes, BytesMut};
use clap::Parser;
use http_body_util::BodyExt;
use mimalloc::MiMalloc;
use notes::{Cause, MAX_BODY_BYTES, REQUEST_ID};
use ownbase_database::engine::rusqlite::Files;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

// As ownbase has it: the two are to differ in what they do only.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The notes service on axum and rusqlite: a yardstick for `ownbase up`.
#[derive(Debug, Parser)]
struct Flags {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The folder of the users' databases; made if missing.
    #[arg(long, default_value = ".ownbase-native")]
    state_dir: PathBuf,
    /// How many users' databases stay open, three file descriptors each.
    #[arg(long, default_value_t = 256)]
    max_open_databases: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let files = Files::open(&flags.state_dir, flags.max_open_databases)
        .with_context(|| format!("cannot use {} (name another with --state-dir)", flags.state_dir.display()))?;
    let listener = TcpListener::bind(flags.listen)
        .await
        .with_context(|| format!("cannot listen on {} (name another with --listen)", flags.listen))?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;

    println!("Serving http://{}", listener.local_addr()?);
    let service = Router::new().fallback(serve).with_state(Arc::new(files));
    // Without this an answer in two pieces waits for the client's delayed acknowledgement.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

async fn serve(State(files): State<Arc<Files>>, request: Request) -> Result<Response<Body>, StatusCode> {
    let (parts, body) = request.into_parts();
    let body = read(body).await.map_err(|_| StatusCode::BAD_REQUEST)?;
    let request = Request::from_parts(parts, body);
    let response = if is_short(&request, &files) {
        answer(request, &files)
    } else {
        let answer = tokio::task::spawn_blocking(move || answer(request, &files));
        answer.await.map_err(|_panic| StatusCode::INTERNAL_SERVER_ERROR)?
    };
    Ok(response.map(Body::from))
}

/// Whether a request only reads, and from a file that is open or from none.
fn is_short(request: &Request<Bytes>, files: &Files) -> bool {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    reads && notes::locate(request).continue_value().is_none_or(|place| files.is_open(&place.label))
}

fn answer(mut request: Request<Bytes>, files: &Files) -> Response<Bytes> {
    notes::identify(&mut request, files);
    let response = match notes::prepare(&request, files) {
        ControlFlow::Break(answer) => answer,
        ControlFlow::Continue(()) => notes::handle(&request, files),
    };
    if let Some(Cause(cause)) = response.extensions().get() {
        let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("-");
        eprintln!("request {id}: {} {cause}", response.status().as_u16());
    }
    response
}

/// How much of a body is received at the most, in bytes. What is past the limit is thrown away, so that a client that
/// sends first and reads then gets to see its 413.
const MAX_RECEIVED_BYTES: usize = 1024 * 1024;

/// Reads a body, or as much of it as shows that it is too long.
async fn read(mut body: Body) -> Result<Bytes, axum::Error> {
    let (mut read, mut received) = (BytesMut::new(), 0);
    while received <= MAX_RECEIVED_BYTES
        && let Some(frame) = body.frame().await
    {
        let Ok(data) = frame?.into_data() else { continue };
        received += data.len();
        if read.len() <= MAX_BODY_BYTES {
            read.extend_from_slice(&data);
        }
    }
    Ok(read.freeze())
}
