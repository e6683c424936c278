//! Components that answer whole requests (wit/ownbase-http.wit): one call a request, on an instance of its own.
//!
//! Compared with wasi:http, which passes heads, bodies and trailers as resources, streams and futures, that saves a
//! third of a small request's processor time. It gives up nothing that ownbase could use: a request is read whole
//! before an instance is touched, and no part of an answer leaves before the last statement is on disk.
//!
//! Instances are taken last in, first out, so that those too many fall idle and are dropped after 30 to 60 seconds. One
//! that fails, that is still at work when its request is overdue, that keeps resources, or whose memory has grown much,
//! is dropped at once. A client that leaves stops nothing: the call goes on to its end and keeps its turn until then.

mod bindings;
pub(crate) mod lengths;

use super::proxied::Fate;
use super::{Host, IDLE_TIMEOUT, Instances, Ticket, fault_of_headers};
use crate::telemetry::one_line;
use bindings::exports::ownbase::http::whole_handler as wit;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use lengths::Lengths;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use wasmtime::{Error, Result, Store};
use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

/// What such a component is made from.
pub(crate) type WholePre = bindings::WholePre<Host>;

/// One component on one thread.
pub(crate) struct Whole {
    instances: Instances,
    pre: WholePre,
    /// The one last used is the last.
    idle: Mutex<Vec<Instance>>,
    /// How long its answers were.
    pub(crate) lengths: Lengths,
}

struct Instance {
    store: Store<Host>,
    exports: bindings::Whole,
    /// What it held when it was started.
    resources: usize,
    served: usize,
    used: Instant,
}

/// What became of a call, and the request again, which may be asked once more.
pub(crate) struct Called {
    /// As it was asked.
    pub(crate) request: Request<Bytes>,
    /// The answer; none where the call was stopped since it needed more memory than it was allowed.
    pub(crate) response: Option<Response<Bytes>>,
}

impl Whole {
    /// Without any instance yet.
    pub(crate) fn new(instances: Instances, pre: WholePre) -> Self {
        Self { instances, pre, idle: Mutex::default(), lengths: Lengths::new() }
    }

    /// The component's answer. Unless the call `may_grow`, it is stopped once the instance has grown by more than is usual.
    ///
    /// # Errors
    /// No instance could be made, it trapped, it did not answer in time, or what it answered is not HTTP.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        request: Request<Bytes>,
        ticket: Ticket,
        may_grow: bool,
    ) -> Result<Called> {
        let fate = ticket.fate.clone();
        Unstopped { call: Some(Box::pin(self.clone().call(request, ticket, may_grow))), fate }.await
    }

    /// Drops the instances that nobody has needed for a while.
    pub(crate) fn drop_idle(&self) {
        let mut idle = self.idle();
        let unused = idle.partition_point(|instance| instance.used.elapsed() > IDLE_TIMEOUT);
        let unused: Vec<_> = idle.drain(..unused).collect();
        drop(idle);
        drop(unused);
    }

    async fn call(self: Arc<Self>, request: Request<Bytes>, ticket: Ticket, may_grow: bool) -> Result<Called> {
        let Ticket { deadline, scope, turn, .. } = ticket;
        let kept = self.idle().pop();
        let mut instance = match kept {
            Some(instance) => instance,
            None => self.start(deadline).await?,
        };
        let host = instance.store.data_mut();
        host.sqlite.begin_all(scope);
        host.memory.begin(may_grow);
        let answered = match tokio::time::timeout_at(deadline.into(), instance.call(&request)).await? {
            Ok(answered) => answered,
            Err(_) if instance.store.data().memory.wanted_more() => return Ok(Called { request, response: None }),
            Err(error) => return Err(error),
        };
        instance.served += 1;
        if instance.is_as_before() && instance.served < self.instances.limits.max_reuse_count {
            instance.used = Instant::now();
            self.idle().push(instance);
        }
        drop(turn);
        let response = response(answered, request.method() == Method::HEAD).map_err(Error::msg)?;
        Ok(Called { request, response: Some(response) })
    }

    async fn start(&self, deadline: Instant) -> Result<Instance> {
        let mut store = self.instances.store();
        let starting = self.pre.instantiate_async(&mut store);
        let exports = tokio::time::timeout_at(deadline.into(), starting).await??;
        let host = store.data_mut();
        host.memory.started();
        let resources = host.resources();
        Ok(Instance { store, exports, resources, served: 0, used: Instant::now() })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instance {
    /// Whether it may serve another request: it keeps nothing of the last one, such as a connection, and is not much larger.
    fn is_as_before(&mut self) -> bool {
        let resources = self.resources;
        let host = self.store.data_mut();
        host.resources() <= resources && !host.memory.has_grown()
    }

    async fn call(&mut self, request: &Request<Bytes>) -> Result<wit::Response> {
        let headers: Vec<_> = request
            .headers()
            .iter()
            .filter(|(name, _)| !DEFAULT_FORBIDDEN_HEADERS.contains(name))
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let asked = wit::Request {
            method: request.method().as_str(),
            target: request.uri().path_and_query().map_or("/", |target| target.as_str()),
            headers: &headers,
            body: request.body(),
        };
        self.exports.ownbase_http_whole_handler().call_handle(&mut self.store, asked).await
    }
}

/// What a component answered, as HTTP; the error is what is wrong with it.
fn response(answered: wit::Response, is_head: bool) -> Result<Response<Bytes>, String> {
    let header_bytes = answered.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if let Some(fault) = fault_of_headers(answered.headers.len(), header_bytes) {
        return Err(fault);
    }
    let mut response = Response::new(Bytes::from(answered.body));
    *response.status_mut() = StatusCode::from_u16(answered.status).map_err(|error| error.to_string())?;
    for (name, value) in answered.headers {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        if DEFAULT_FORBIDDEN_HEADERS.contains(&name) {
            return Err(format!("an answer may not have the header {name}"));
        }
        let value = HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(|error| format!("{name}: {error}"))?;
        response.headers_mut().append(name, value);
    }
    let length = response.body().len();
    // There it may be the length of what is not sent (RFC 9110, section 8.6).
    let has_none = length == 0 && (is_head || response.status() == StatusCode::NOT_MODIFIED);
    match response.headers().get(CONTENT_LENGTH) {
        Some(said) if *said != *length.to_string() && !has_none => {
            Err(format!("content-length is {said:?} and the body has {length} bytes"))
        }
        _ => Ok(response),
    }
}

/// A call that goes on when nobody waits for it any more.
struct Unstopped<T: Send + 'static> {
    call: Option<Pin<Box<dyn Future<Output = Result<T>> + Send>>>,
    fate: Arc<Fate>,
}

impl<T: Send> Future for Unstopped<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let Some(call) = &mut self.call else { return Poll::Pending };
        let output = ready!(call.as_mut().poll(cx));
        self.call = None;
        Poll::Ready(output)
    }
}

impl<T: Send> Drop for Unstopped<T> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take()
            // Without one the thread is ending, and the call with it.
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let fate = self.fate.clone();
            runtime.spawn(async move {
                if let Err(error) = call.await {
                    let error = one_line(&error);
                    tracing::error!(request_id = fate.id(), "the component failed after its client had left: {error}");
                }
            });
        }
    }
}
