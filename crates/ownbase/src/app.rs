//! An application that is ready to serve: its components compiled and linked, its routes in order of trial.
//!
//! Everything that can go wrong is found here, before the first request: a missing file, a core module in place of a
//! component, an interface that Ownbase does not offer, a component that handles no HTTP.

use crate::instance::whole::WholePre;
use crate::instance::{Exports, Host};
use crate::manifest::Manifest;
use crate::manifest::faults::Faults;
use crate::manifest::route::Routes;
use crate::migrate::target::Target;
use crate::telemetry::one_line;
use crate::variables::{self, Variables};
use ownbase_spin_sqlite::{Labels, SpinSqlite};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Result};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{p2, p3};

/// A component that can be instantiated, with what its instances are given.
pub(crate) struct Loaded {
    /// Its name in the manifest.
    pub(crate) id: Arc<str>,
    /// What compiled it.
    pub(crate) engine: Engine,
    /// Compiled and linked.
    pub(crate) exports: Exports,
    /// Its environment variables.
    pub(crate) environment: Vec<(String, String)>,
    /// What `spin:variables` answers it.
    pub(crate) variables: Variables,
    /// The databases that it may open.
    pub(crate) labels: Labels,
}

/// The application.
pub(crate) struct App {
    /// Where each route leads: an index into `components`.
    pub(crate) routes: Routes<usize>,
    /// The components that routes lead to.
    pub(crate) components: Vec<Arc<Loaded>>,
    /// Those of them that carry migrations, as they are served: the files may be built anew meanwhile.
    pub(crate) targets: Vec<Target>,
}

/// Loads the components that triggers name; `folder` is the manifest's, `variables` holds those of each component.
/// What a component lacks is a fault; with faults the result is not fit to be served.
pub(crate) fn load(
    engine: &Engine,
    manifest: Manifest,
    folder: &Path,
    mut variables: BTreeMap<String, Variables>,
    faults: &mut Faults,
) -> Result<App> {
    let linker = linker(engine)?;
    let (mut components, mut targets): (Vec<Arc<Loaded>>, Vec<Target>) = Default::default();
    for described in manifest.components.into_values() {
        let is_triggered = manifest.triggers.iter().any(|(_, id)| *id == described.id);
        // What is missing here has its fault already.
        let (Some(source), Some(labels), true) = (&described.source, described.labels, is_triggered) else { continue };
        let file = folder.join(source);
        match Target::of_file(&described.id, &labels, &file) {
            Ok(target) => targets.extend(target),
            // One that is missing has its fault below.
            Err(fault) if file.is_file() => faults.add(format!("[component.{}] {fault}", described.id)),
            Err(_) => {}
        }
        match compile(&linker, &file, described.build.is_some()) {
            Ok(exports) => components.push(Arc::new(Loaded {
                engine: engine.clone(),
                exports,
                environment: described.environment,
                variables: variables.remove(&described.id).unwrap_or_default(),
                labels,
                id: described.id.into(),
            })),
            Err(fault) => faults.add(format!("[component.{}] {fault}", described.id)),
        }
    }
    let index = |id: &str| components.iter().position(|loaded| *loaded.id == *id);
    let routes = manifest.triggers.into_iter().filter_map(|(pattern, id)| Some((pattern, index(&id)?))).collect();
    Ok(App { routes: Routes::new(routes), components, targets })
}

/// Everything that Ownbase offers to components.
fn linker(engine: &Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    p2::add_only_http_to_linker_async(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    ownbase_spin_sqlite::add_to_linker(&mut linker, |host: &mut Host| SpinSqlite {
        ctx: &mut host.sqlite,
        table: &mut host.table,
    })?;
    variables::add_to_linker(&mut linker, |host: &mut Host| &mut host.variables)?;
    Ok(linker)
}

/// The component of a file, linked; the error is what is wrong and what to do, in one line.
fn compile(linker: &Linker<Host>, file: &Path, has_build: bool) -> Result<Exports, String> {
    let shown = file.display();
    if !file.is_file() {
        let command = if has_build { "run `ownbase build`" } else { "build it, or correct `source`" };
        return Err(format!("{shown} does not exist ({command})"));
    }
    let component = Component::from_file(linker.engine(), file).map_err(|error| {
        format!("{shown} does not compile: {} (is it a component, and --max-memory-bytes enough?)", one_line(&error))
    })?;
    let missing = missing_interfaces(linker.engine(), &component);
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(format!("imports what is not offered here: {missing} (build it without, or run it under Spin)"));
    }
    let linked = linker.instantiate_pre(&component).map_err(|error| {
        format!("imports what is not offered here: {} (build it for this version)", one_line(&error))
    })?;
    http_handler(linked)
}

fn http_handler(pre: InstancePre<Host>) -> Result<Exports, String> {
    if let Ok(pre) = WholePre::new(pre.clone()) {
        return Ok(Exports::Whole(pre));
    }
    if let Ok(pre) = p3::bindings::ServicePre::new(pre.clone()) {
        return Ok(Exports::Proxied(Arc::new(ProxyPre::P3(pre))));
    }
    p2::bindings::ProxyPre::new(pre).map(|pre| Exports::Proxied(Arc::new(ProxyPre::P2(pre)))).map_err(|_| {
        "handles no HTTP: it exports neither wasi:http/handler@0.3.0 nor wasi:http/incoming-handler@0.2 \
         (build it as an HTTP component)"
            .to_owned()
    })
}

/// The imports of packages that the linker has nothing of, in the component's order.
fn missing_interfaces(engine: &Engine, component: &Component) -> Vec<String> {
    let ty = component.component_type();
    let names = ty.imports(engine).map(|(name, _)| name.to_owned());
    names.filter(|name| !is_offered(name)).collect()
}

/// Whether the linker has an interface, told by its name alone: `namespace:package/interface@version`.
fn is_offered(name: &str) -> bool {
    let (package, version) = match (name.split_once('/'), name.rsplit_once('@')) {
        (Some((package, _)), Some((_, version))) => (package, version),
        _ => return false,
    };
    let wasi = ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:http", "wasi:random", "wasi:sockets"];
    match package {
        "wasi:io" => version.starts_with("0.2."),
        "spin:sqlite" => version == "3.1.0",
        "spin:variables" => version == "3.0.0",
        _ => wasi.contains(&package) && (version.starts_with("0.2.") || version == "0.3.0"),
    }
}

#[cfg(test)]
mod tests;
