//! Instances of a component: what each is given, how many requests it serves, and when it ends.
//!
//! wasmtime-wasi-http's `ProxyHandler` keeps the instances; this file answers its questions. An instance serves one
//! request at a time (SQL calls block it anyway, and so every call's owner is known) and is used again until
//! `--max-instance-reuse-count`; components of WASI 0.2, which were promised no reuse, get a fresh one each time.
//! The time limit has two watchmen, as the handler's documentation asks: the future of `on_request_start`, and, for a
//! guest that computes or waits inside the host, `Expiration` from outside its event loop.

use crate::app::Loaded;
use crate::guest_output::GuestOutput;
use crate::server::gate::Turn;
use crate::telemetry::one_line;
use crate::variables::Variables;
use http::HeaderValue;
use ownbase_spin_sqlite::{Databases, Scope, SpinSqliteCtx};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{Result, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// How long an instance without a request is kept for the next one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Resources (streams, connections, headers) that one instance may hold.
const MAX_RESOURCES: usize = 4096;

/// Bounds of one instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InstanceLimits {
    /// Requests before it is replaced.
    pub(crate) max_reuse_count: usize,
    /// Linear memory, in bytes.
    pub(crate) max_memory_bytes: usize,
    /// Time for one request, and for starting the instance.
    pub(crate) request_timeout: Duration,
}

/// What an instance's store holds.
pub(crate) struct Host {
    pub(crate) table: ResourceTable,
    pub(crate) sqlite: SpinSqliteCtx,
    pub(crate) variables: Variables,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NoOutbound,
    limits: StoreLimits,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// Outbound HTTP is denied.
struct NoOutbound;

type Sending<T> = Box<dyn Future<Output = Result<T, HttpError>> + Send>;

impl WasiHttpHooks for NoOutbound {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Sending<()>,
    ) -> Sending<(http::Response<WasiBody>, Sending<()>)> {
        Box::new(std::future::ready(Err(HttpError::HttpRequestDenied)))
    }
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

/// What a request brings along into its instance.
pub(crate) struct Ticket {
    /// Where the instance tells of its end.
    pub(crate) fate: Arc<Fate>,
    /// On whose behalf the instance's database calls are made.
    pub(crate) scope: Scope,
    /// When the answer is due.
    pub(crate) deadline: Instant,
    /// Its turn: given back when neither the component works on it nor the client waits for it any more.
    pub(crate) turn: Turn,
}

/// Makes instances of one component for one thread.
pub(crate) struct Instances {
    /// The component.
    pub(crate) component: Arc<Loaded>,
    /// The databases that its instances open.
    pub(crate) databases: Databases,
    /// Bounds of each instance.
    pub(crate) limits: InstanceLimits,
}

impl Instances {
    fn host(&self) -> Host {
        let component = &self.component;
        let output = |stream| GuestOutput::new(component.id.clone(), stream);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Host {
            table,
            sqlite: SpinSqliteCtx::new(self.databases.clone(), component.labels.clone()),
            variables: component.variables.clone(),
            wasi: WasiCtx::builder()
                .envs(&component.environment)
                .stdout(output("stdout"))
                .stderr(output("stderr"))
                .build(),
            http: WasiHttpCtx::new(),
            hooks: NoOutbound,
            limits: StoreLimitsBuilder::new().memory_size(self.limits.max_memory_bytes).build(),
        }
    }
}

/// Starts one instance and ends it again: what keeps instances from starting shows here and not in every answer.
pub(crate) async fn try_out(component: &Arc<Loaded>, databases: &Databases, limits: InstanceLimits) -> Result<()> {
    let instances = Instances { component: component.clone(), databases: databases.clone(), limits };
    instances.instantiate().await.map(drop)
}

impl HandlerState for Instances {
    type StoreData = Host;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<Host, Expiration, Worker>> {
        let mut store = Store::new(&self.component.engine, self.host());
        store.limiter(|host| &mut host.limits);
        // tokio's own yield lets the thread look for new requests too, which being woken at once would not.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
        store.set_epoch_deadline(1);
        let starting = self.component.pre.instantiate_async(&mut store);
        let proxy = tokio::time::timeout(self.limits.request_timeout, starting).await??;
        let deadline = Arc::new(Mutex::new(Instant::now() + self.limits.request_timeout));
        let max_reuse_count = match self.component.pre {
            ProxyPre::P2(_) => 1,
            ProxyPre::P3(_) => self.limits.max_reuse_count,
        };
        Ok(Instance {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration {
                deadline: deadline.clone(),
                request_timeout: self.limits.request_timeout,
                sleep: Box::pin(tokio::time::sleep(IDLE_TIMEOUT)),
            },
            state: Worker { component: self.component.id.clone(), max_reuse_count, deadline, fates: Mutex::default() },
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
}

impl WorkerState for Worker {
    type StoreData = Host;
    type RequestData = Ticket;

    fn should_accept_request(&self, running: usize, served: usize) -> ShouldAccept {
        match (running, served) {
            (_, served) if served >= self.max_reuse_count => ShouldAccept::Never,
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
        store.data_mut().sqlite.begin(task, ticket.scope);
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
