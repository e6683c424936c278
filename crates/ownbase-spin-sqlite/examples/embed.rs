//! A wasmtime host of one page that gives a component a database on demand: it makes one request and prints the answer.
//!
//! ```text
//! cargo run --example embed -- notes.wasm state POST /john '{"text": "Buy groceries"}'
//! ```

use http_body_util::{BodyExt, Full};
use ownbase_spin_sqlite::{Databases, Labels, Limits, SpinSqlite, SpinSqliteCtx};
use wasmtime::{
    Config, Engine, Result, Store, bail,
    component::{Component, Linker, ResourceTable},
    error::Context,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
    p3::{Request, bindings::ServicePre},
};

/// What a store holds: one context for each set of interfaces, and the table of resources that they share.
struct Host {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: NoOutbound,
    sqlite: SpinSqliteCtx,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}

/// The component may answer requests, not make any.
struct NoOutbound;

type Sent<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;

impl WasiHttpHooks for NoOutbound {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Sent<()>,
    ) -> Sent<(http::Response<WasiBody>, Sent<()>)> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [component, state_dir, method, path, body @ ..] = arguments.as_slice() else {
        bail!("usage: embed COMPONENT STATE_DIR METHOD PATH [BODY]");
    };
    let request = http::Request::builder().method(method.as_str()).uri(format!("http://localhost{path}"));
    let request = request.header("content-type", "application/json").body(Full::from(body.concat()))?;

    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, component)?;

    let mut linker = Linker::<Host>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    ownbase_spin_sqlite::add_to_linker(&mut linker, |host| SpinSqlite {
        ctx: &mut host.sqlite,
        table: &mut host.table,
    })?;

    // Any label that begins with `user-` is a database of its own, made by the first write.
    let databases = Databases::open(state_dir.as_ref(), Limits::default())?;
    let host = Host {
        table: ResourceTable::new(),
        wasi: WasiCtx::builder().inherit_stderr().build(),
        http: WasiHttpCtx::new(),
        outbound: NoOutbound,
        sqlite: SpinSqliteCtx::new(databases.clone(), Labels::new(["user-*"])?),
    };
    let mut store = Store::new(&engine, host);
    let service = ServicePre::new(linker.instantiate_pre(&component)?)?.instantiate_async(&mut store).await?;

    let (request, sent) = Request::from_http(store.data_mut().http().hooks, request);
    let response = store
        .run_concurrent(async |store| {
            let response = service.handle(store, request).await??;
            let (head, body) = store.with(|store| response.into_http(store, sent))?.into_parts();
            wasmtime::error::Ok((head, body.collect().await?.to_bytes()))
        })
        .await?;
    let (head, body) = response.context("the component failed")?;
    println!("{} {}", head.status, String::from_utf8_lossy(&body));

    databases.close().await;
    Ok(())
}
