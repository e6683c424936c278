//! `ownbase up`: from flags and files to a server that serves, and back to a state directory at rest.

use crate::app::{self, App};
use crate::cli::{DurabilityFlag, LimitFlags, UpFlags};
use crate::compiled::Compiled;
use crate::console;
use crate::control::{Control, Served};
use crate::engine::{self, Ticker};
use crate::instance::{self, InstanceLimits};
use crate::manifest::faults::{Faults, Source};
use crate::manifest::{self, Manifest};
use crate::migrate::copies;
use crate::server::{Server, ServerLimits};
use crate::shutdown::Signals;
use crate::{admin, runtime_config, state_dir, telemetry, variables};
use anyhow::{Context, Result, anyhow, bail};
use ownbase_spin_sqlite::{Databases, Durability, Limits as DatabaseLimits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait in the kernel to be accepted.
const BACKLOG: u32 = 1024;

/// Serves until a signal comes.
pub(crate) fn run(flags: &UpFlags) -> Result<()> {
    refuse_sabotage()?;
    let _telemetry = telemetry::start(flags.log_format)?;
    let (server, instances) = (server_limits(&flags.limits), instance_limits(&flags.limits));
    let (_, folder) = manifest::locate(&flags.from);
    let state_dir = state_dir::of(flags.state_dir.as_deref(), &folder);
    let compiled = Compiled::open(&state_dir);
    let cache = compiled.as_ref().map(Compiled::cache);
    let engine = engine::new(pooled_instances(&server), instances.max_memory_bytes, cache).map_err(of_wasmtime)?;
    raise_file_limit(&flags.limits);
    let (app, routes) = load(flags, &engine)?;
    compiled.iter().for_each(Compiled::keep);
    let _ticker = Ticker::start(engine)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(flags, &state_dir, server, instances, app, &routes))
}

/// Everything after the application is known to be good.
async fn serve(
    flags: &UpFlags,
    state_dir: &Path,
    server: ServerLimits,
    instances: InstanceLimits,
    app: App,
    routes: &str,
) -> Result<()> {
    let mut signals = Signals::listen()?;
    let listener = listen(flags.listen, "--listen")?;
    let admin = flags.admin_listen.map(|address| listen(address, "--admin-listen")).transpose()?;
    let limits = database_limits(flags);
    let databases = Databases::open(state_dir, limits.clone())?;
    if let Err(error) = copies::remove_left(state_dir) {
        tracing::warn!("{error:#}");
    }
    for component in &app.components {
        instance::try_out(component, &databases, instances).await.map_err(|error| {
            let error = telemetry::one_line(&error);
            anyhow!("[component.{}] cannot be started: {error} (correct the component)", component.id)
        })?;
    }
    let control = control(Served::new(databases.clone(), limits, state_dir.to_owned(), app.targets.clone()));
    let server = Server::start(app, &databases, server, instances)?;
    let admin_address = admin.as_ref().map(TcpListener::local_addr).transpose()?;
    let admin = admin.map(|listener| tokio::spawn(admin::serve(listener)));
    if flags.durability == DurabilityFlag::Relaxed {
        let window_ms = flags.relaxed_window_ms;
        tracing::warn!("--durability relaxed: a power cut may take back what was answered within {window_ms} ms");
    }
    announce(listener.local_addr()?, admin_address, routes);

    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = server.accept(listener) => bail!("the server stopped accepting connections"),
    };
    tracing::info!("{signal}: finishing what runs (once more to end at once)");
    tokio::spawn(signals.next_ends_the_process());
    if let Some(control) = control {
        control.finish().await;
    }
    server.finish().await;
    databases.close().await;
    if let Some(admin) = admin {
        admin.abort();
    }
    tracing::info!("stopped; all databases are closed");
    Ok(())
}

/// A server without a control socket serves all the same.
fn control(served: Served) -> Option<Control> {
    match Control::listen(served) {
        Ok(control) => Some(control),
        Err(error) => {
            tracing::warn!("no control socket, so `ownbase migrate` cannot work beside this server: {error:#}");
            None
        }
    }
}

/// The faults that tests switch on must never reach a server that is meant.
fn refuse_sabotage() -> Result<()> {
    if !cfg!(feature = "sabotage") && std::env::var_os("OWNBASE_SABOTAGE").is_some() {
        bail!("OWNBASE_SABOTAGE is set, which only a test build obeys (unset it)");
    }
    Ok(())
}

/// The application and its routes, one a line; or all faults of manifest, runtime configuration, variables and components.
fn load(flags: &UpFlags, engine: &wasmtime::Engine) -> Result<(App, String)> {
    let (file, folder) = manifest::locate(&flags.from);
    let text = manifest::read_text(&file, "say where it is by --from").map_err(anyhow::Error::msg)?;
    let mut faults = Faults::default();
    let manifest = Manifest::parse(&Source::new(manifest::shown_name(&file), &text), &mut faults);
    if let Some(file) = &flags.runtime_config_file {
        match manifest::read_text(file, "correct --runtime-config-file") {
            Ok(text) => runtime_config::check(&Source::new(manifest::shown_name(file), &text), &mut faults),
            Err(why) => faults.add(why),
        }
    }
    let values = variables::settle(&manifest, &flags.variable, &mut faults);
    let mut of_component = |component| variables::of_component(component, &values, &manifest, &mut faults);
    let variables = manifest.components.values().map(|c| (c.id.clone(), of_component(c))).collect();
    let routes = manifest.triggers.iter().map(|(route, id)| format!("  {} -> {id}\n", route.text())).collect();
    let app = app::load(engine, manifest, &folder, variables, &mut faults).map_err(of_wasmtime)?;
    faults.into_result()?;
    Ok((app, routes))
}

fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait for the old connections' TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().with_context(|| {
        format!("cannot listen on {address} (choose another address by {flag}, or stop what holds it)")
    })
}

fn announce(address: SocketAddr, admin: Option<SocketAddr>, routes: &str) {
    let mut text = format!("Serving http://{address}\n{routes}");
    if let Some(admin) = admin {
        text += &format!("Health: http://{admin}/health\n");
    }
    text += &format!("Try: curl -i http://{address}/john --json '{{\"text\": \"Buy groceries\"}}'");
    console::line(&text);
}

/// Many systems allow 1,024 open files until asked for more; four belong to each open database.
fn raise_file_limit(limits: &LimitFlags) {
    let wanted = u64::from(limits.max_connections) + 4 * u64::from(limits.max_open_databases) + 128;
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let allowed = now.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: now.maximum });
    if raised.is_err() || allowed < wanted {
        tracing::warn!("{wanted} open files may be needed and fewer are allowed (raise `ulimit -n`)");
    }
}

fn threads(limits: &LimitFlags) -> u32 {
    let cores = || std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    limits.threads.map_or_else(cores, u32::from)
}

fn server_limits(limits: &LimitFlags) -> ServerLimits {
    let threads = threads(limits);
    ServerLimits {
        threads: threads as usize,
        max_connections: limits.max_connections as usize,
        max_connections_per_address: limits.max_connections_per_address as usize,
        max_unsent_bytes: to_usize(limits.max_unsent_bytes),
        max_running: limits.max_instances.div_ceil(threads) as usize,
        max_waiting: limits.max_queued_requests.div_ceil(threads) as usize,
        max_body_bytes: limits.max_body_bytes,
        request_timeout: Duration::from_millis(limits.request_timeout_ms),
        header_timeout: Duration::from_millis(limits.header_timeout_ms),
    }
}

/// Instances at once on all threads, twice: one that has answered may still be at work while its successor starts.
fn pooled_instances(limits: &ServerLimits) -> u32 {
    u32::try_from(limits.threads * limits.max_running * 2).unwrap_or(u32::MAX)
}

fn instance_limits(limits: &LimitFlags) -> InstanceLimits {
    InstanceLimits {
        max_reuse_count: limits.max_instance_reuse_count as usize,
        max_memory_bytes: to_usize(limits.max_memory_bytes),
        request_timeout: Duration::from_millis(limits.request_timeout_ms),
    }
}

fn database_limits(flags: &UpFlags) -> DatabaseLimits {
    let limits = &flags.limits;
    let mut database = DatabaseLimits::default();
    database.durability = match flags.durability {
        DurabilityFlag::Full => Durability::Gated,
        DurabilityFlag::Relaxed => Durability::Relaxed { window_ms: flags.relaxed_window_ms },
    };
    database.max_open_databases = limits.max_open_databases as usize;
    database.busy_timeout_ms = limits.busy_timeout_ms;
    database.statement_timeout_ms = limits.statement_timeout_ms;
    database
}

fn of_wasmtime(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("wasmtime: {}", telemetry::one_line(&error))
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
