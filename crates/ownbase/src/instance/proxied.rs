//! Components that are called by way of wasi:http.
//!
//! wasmtime-wasi-http's `ProxyHandler` keeps the instances; this file answers its questions. Components of WASI 0.2, which
//! were promised no reuse, get a fresh instance for each request. The time limit has two watchmen, as the handler's
//! documentation asks: the future of `on_request_start`, and, for a guest that computes or waits inside the host,
//! `Expiration` from outside its event loop.

use super::{Host, IDLE_TIMEOUT, Instances, Ticket};
use crate::telemetry::one_line;
use http::HeaderValue;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Result, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

/// Makes instances of one component for one thread's handler.
pub(crate) struct Proxied {
    /// What they are made from.
    pub(crate) instances: Instances,
    /// What they are made of.
    pub(crate) pre: Arc<ProxyPre<Host>>,
}

/// What becomes of a request, told by its instance to whoever passes its answer on. Without it, the body of an instance
/// that was ended in the middle would look whole.
pub(crate) struct Fate {
    id: HeaderValue,
    broken: AtomicBool,
}

impl Fate {
    /// For a request that has just arrived.
    pub(crate) fn new(id: HeaderValue) -> Arc<Self> {
        Arc::new(Self { id, broken: AtomicBool::new(false) })
    }

    /// The request's id.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Whether the instance ended before the request's work was done.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

impl HandlerState for Proxied {
    type StoreData = Host;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<Host, Expiration, Worker>> {
        let Instances { component, limits, .. } = &self.instances;
        let mut store = self.instances.store();
        let starting = self.pre.instantiate_async(&mut store);
        let proxy = tokio::time::timeout(limits.request_timeout, starting).await??;
        let deadline = Arc::new(Mutex::new(Instant::now() + limits.request_timeout));
        let max_reuse_count = match *self.pre {
            ProxyPre::P2(_) => 1,
            ProxyPre::P3(_) => limits.max_reuse_count,
        };
        Ok(Instance {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration {
                deadline: deadline.clone(),
                request_timeout: limits.request_timeout,
                sleep: Box::pin(tokio::time::sleep(IDLE_TIMEOUT)),
            },
            state: Worker {
                component: component.id.clone(),
                max_reuse_count,
                deadline,
                fates: Mutex::default(),
                resources: OnceLock::new(),
                keeps: AtomicBool::new(false),
            },
        })
    }
}

/// Ends an instance whose request is overdue, or that nobody has used for a while.
pub(crate) struct Expiration {
    deadline: Arc<Mutex<Instant>>,
    request_timeout: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        let end = match status {
            WorkerStatus::Idle => start + IDLE_TIMEOUT,
            WorkerStatus::Requests => *self.deadline.lock().unwrap_or_else(PoisonError::into_inner),
            // A long body is still being sent.
            WorkerStatus::PostReturn => start + self.request_timeout,
        };
        // A timer that is set too early stays and is looked at when it fires: to set it for every request costs more.
        if self.sleep.deadline() > end.into() {
            self.sleep.as_mut().reset(end.into());
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(end.into());
        }
        Poll::Pending
    }
}

/// One instance, as the handler sees it.
pub(crate) struct Worker {
    component: Arc<str>,
    max_reuse_count: usize,
    deadline: Arc<Mutex<Instant>>,
    /// Of the requests that somebody still waits for: the running one, and any whose body is still being sent.
    fates: Mutex<Vec<Arc<Fate>>>,
    /// What the instance held when its first request began.
    resources: OnceLock<usize>,
    /// It held more when another one began: what an earlier one left.
    keeps: AtomicBool,
}

impl WorkerState for Worker {
    type StoreData = Host;
    type RequestData = Ticket;

    fn should_accept_request(&self, running: usize, served: usize) -> ShouldAccept {
        match (running, served) {
            (_, served) if served >= self.max_reuse_count || self.keeps.load(Ordering::Relaxed) => ShouldAccept::Never,
            (0, _) => ShouldAccept::Yes,
            _ => ShouldAccept::No,
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Host>,
        ticket: Ticket,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let host = store.data_mut();
        host.sqlite.begin(task, ticket.scope);
        // The handler shows the table here only: what a request leaves is seen when the next one begins, the last one then.
        let resources = host.resources();
        if resources > *self.resources.get_or_init(|| resources) {
            self.keeps.store(true, Ordering::Relaxed);
        }
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        fates.retain(|fate| Arc::strong_count(fate) > 1);
        fates.push(ticket.fate);
        drop(fates);
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = ticket.deadline;
        let Ticket { deadline, turn, .. } = ticket;
        // This future lives until the component has answered, also where the client has left long before.
        Box::pin(async move {
            tokio::time::sleep_until(deadline.into()).await;
            drop(turn);
        })
    }

    fn drop(&self, store: Store<Host>, result: Result<()>) {
        if let Err(error) = result {
            let fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
            for fate in fates.iter().filter(|fate| Arc::strong_count(fate) > 1) {
                fate.broken.store(true, Ordering::Release);
                let error = one_line(&error);
                tracing::error!(request_id = fate.id(), component = &*self.component, "the instance ended: {error}");
            }
        }
        // Only now the bodies that it was sending end.
        drop(store);
    }
}
