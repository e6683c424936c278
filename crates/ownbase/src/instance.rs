//! Instances of a component: what each is given, and how it is called.
//!
//! A component that answers whole requests (wit/ownbase-http.wit) is called that way, by `whole`; any other by way of
//! wasi:http, by `proxied`. Either way an instance serves one request at a time (SQL calls block it anyway, and so every
//! call's owner is known) and is used again until `--max-instance-reuse-count`.

mod memory;
pub(crate) mod proxied;
pub(crate) mod whole;

use crate::app::Loaded;
use crate::guest_output::GuestOutput;
use crate::server::gate::Turn;
use crate::variables::Variables;
use http::HeaderMap;
use memory::Memory;
use ownbase_spin_sqlite::{Databases, Scope, SpinSqliteCtx};
use proxied::{Fate, Proxied};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::ResourceTable;
use wasmtime::{Result, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};
use whole::{Whole, WholePre};

/// How long an instance without a request is kept for the next one.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Resources (streams, connections, headers) that one instance may hold.
const MAX_RESOURCES: usize = 4096;
/// Headers of one answer; with more the component has failed.
const MAX_ANSWER_HEADERS: usize = 100;
/// Bytes of their names and values.
const MAX_ANSWER_HEADER_BYTES: usize = 64 << 10;

/// Bounds of one instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InstanceLimits {
    /// Requests before it is replaced.
    pub(crate) max_reuse_count: usize,
    /// Linear memories and tables in all, in bytes.
    pub(crate) max_memory_bytes: usize,
    /// Time for one request, and for starting the instance.
    pub(crate) request_timeout: Duration,
}

/// A linked component, by what it exports.
#[derive(Clone)]
pub(crate) enum Exports {
    /// `ownbase:http/whole-handler`.
    Whole(WholePre),
    /// `wasi:http/handler` or `wasi:http/incoming-handler`.
    Proxied(Arc<ProxyPre<Host>>),
}

/// One component on one thread, ready to be asked.
pub(crate) enum Handler {
    /// By whole requests.
    Whole(Arc<Whole>),
    /// By way of wasi:http.
    Proxied(ProxyHandler<Proxied>),
}

impl Handler {
    /// Makes its instances when they are needed.
    pub(crate) fn new(instances: Instances) -> Self {
        match instances.component.exports.clone() {
            Exports::Whole(pre) => Self::Whole(Arc::new(Whole::new(instances, pre))),
            Exports::Proxied(pre) => Self::Proxied(ProxyHandler::new(Proxied { instances, pre })),
        }
    }

    /// Drops the instances that nobody has needed for a while; wasmtime's handler does so by itself.
    pub(crate) fn drop_idle(&self) {
        if let Self::Whole(whole) = self {
            whole.drop_idle();
        }
    }
}

/// What an instance's store holds.
pub(crate) struct Host {
    pub(crate) table: ResourceTable,
    pub(crate) sqlite: SpinSqliteCtx,
    pub(crate) variables: Variables,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NoOutbound,
    memory: Memory,
}

impl Host {
    /// The resources (connections, streams, headers) that the instance holds.
    fn resources(&mut self) -> usize {
        self.table.iter_mut().count()
    }
}

/// What is wrong with the headers of an answer, if there are too many.
pub(crate) fn fault_of_headers(count: usize, bytes: usize) -> Option<String> {
    let is_fault = count > MAX_ANSWER_HEADERS || bytes > MAX_ANSWER_HEADER_BYTES;
    is_fault.then(|| {
        format!(
            "an answer may have {MAX_ANSWER_HEADERS} headers of {MAX_ANSWER_HEADER_BYTES} bytes, and this one has \
             {count} of {bytes}"
        )
    })
}

/// How many bytes the names and values of headers have.
pub(crate) fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
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

/// What instances of one component are made from.
#[derive(Clone)]
pub(crate) struct Instances {
    /// The component.
    pub(crate) component: Arc<Loaded>,
    /// The databases that its instances open.
    pub(crate) databases: Databases,
    /// Bounds of each instance.
    pub(crate) limits: InstanceLimits,
}

impl Instances {
    /// What one instance lives in.
    fn store(&self) -> Store<Host> {
        let mut store = Store::new(&self.component.engine, self.host());
        store.limiter(|host| &mut host.memory);
        // tokio's own yield lets the thread look for new requests too, which being woken at once would not.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
        store.set_epoch_deadline(1);
        store
    }

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
            memory: Memory::new(self.limits.max_memory_bytes),
        }
    }
}

/// Starts one instance and ends it again: what keeps instances from starting shows here and not in every answer.
pub(crate) async fn try_out(component: &Arc<Loaded>, databases: &Databases, limits: InstanceLimits) -> Result<()> {
    let instances = Instances { component: component.clone(), databases: databases.clone(), limits };
    let mut store = instances.store();
    let starting = async {
        match &component.exports {
            Exports::Whole(pre) => pre.instantiate_async(&mut store).await.map(drop),
            Exports::Proxied(pre) => pre.instantiate_async(&mut store).await.map(drop),
        }
    };
    tokio::time::timeout(limits.request_timeout, starting).await?
}
