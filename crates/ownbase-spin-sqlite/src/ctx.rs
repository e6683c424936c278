//! The context of a component instance, and how the interface joins a linker.

use crate::{Databases, Labels, Scope, bindings::spin::sqlite::sqlite};
use wasmtime::{
    StoreContextMut,
    component::{GuestTaskId, HasData, Linker, ResourceTable},
};

/// What one component instance may open, and for which requests it runs. Lives in the store's data.
pub struct SpinSqliteCtx {
    pub(crate) databases: Databases,
    pub(crate) labels: Labels,
    pub(crate) open_connections: usize,
    scopes: Vec<(GuestTaskId, Scope)>,
    /// Of all calls, where there is one.
    only_scope: Option<Scope>,
}

impl SpinSqliteCtx {
    /// For an instance that may open `labels` of `databases`.
    pub fn new(databases: Databases, labels: Labels) -> SpinSqliteCtx {
        SpinSqliteCtx { databases, labels, open_connections: 0, scopes: Vec::new(), only_scope: None }
    }

    /// Calls made by `task`, or by what it calls, are made for `scope` from now on: call it before the task runs, for
    /// example in `WorkerState::on_request_start`. Calls of a task that was never told of belong to no request: they have
    /// no deadline, and their transactions last as long as the connection.
    pub fn begin(&mut self, task: GuestTaskId, scope: Scope) {
        self.scopes.retain(|(known, scope)| *known != task && !scope.is_ended());
        self.scopes.push((task, scope));
    }

    /// All calls are made for `scope` from now on, until this is called again: for an instance that serves one request at
    /// a time and has nothing else to do, where it costs less than to ask for each call whose it is.
    pub fn begin_all(&mut self, scope: Scope) {
        self.only_scope = Some(scope);
    }

    fn scope(&self, task: GuestTaskId) -> Option<Scope> {
        self.scopes.iter().find(|(known, _)| *known == task).map(|(_, scope)| scope.clone())
    }
}

/// The part of a store's data that this crate works on.
pub struct SpinSqlite<'a> {
    /// The instance's context.
    pub ctx: &'a mut SpinSqliteCtx,
    /// The store's table of resources, shared with WASI.
    pub table: &'a mut ResourceTable,
}

/// Stands for [`SpinSqlite`] where its lifetime is not known yet.
pub(crate) struct HasSpinSqlite;

impl HasData for HasSpinSqlite {
    type Data<'a> = SpinSqlite<'a>;
}

/// Adds `spin:sqlite/sqlite@3.1.0`, blocking and asynchronous calls, to a linker. `view` finds the context in the store's
/// data.
///
/// # Errors
/// The linker has the interface already.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> SpinSqlite<'_>,
) -> wasmtime::Result<()> {
    sqlite::add_to_linker::<_, HasSpinSqlite>(linker, view)
}

/// The request on whose behalf the call is made that the store is in: that of the call stack's root.
pub(crate) fn current_scope<T>(mut store: StoreContextMut<'_, T>, view: fn(&mut T) -> SpinSqlite<'_>) -> Option<Scope> {
    if let Some(scope) = &view(store.data_mut()).ctx.only_scope {
        return Some(scope.clone());
    }
    // An error means that the embedder has switched tasks off; then no call has an owner.
    let root = store.async_call_stack().ok()?.last()?;
    view(store.data_mut()).ctx.scope(root)
}
