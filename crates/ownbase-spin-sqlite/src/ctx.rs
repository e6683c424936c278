//! (being written)
use crate::{Databases, Labels, Scope, bindings::spin::sqlite::sqlite};
use wasmtime::component::{GuestTaskId, HasData, Linker, ResourceTable};

/// What one component instance may open, and for whom it runs.
pub struct SpinSqliteCtx {
    _databases: Databases,
    _labels: Labels,
}

impl SpinSqliteCtx {
    /// For one instance.
    pub fn new(databases: Databases, labels: Labels) -> Self {
        Self { _databases: databases, _labels: labels }
    }
    /// Calls made by `task`, or by what it calls, are made for `scope` from now on.
    pub fn begin(&mut self, _task: GuestTaskId, _scope: Scope) {}
}

/// The view of a store's data that this crate works on.
pub struct SpinSqlite<'a> {
    /// The instance's context.
    pub ctx: &'a mut SpinSqliteCtx,
    /// The store's table of resources.
    pub table: &'a mut ResourceTable,
}

pub(crate) struct HasSpinSqlite;

impl HasData for HasSpinSqlite {
    type Data<'a> = SpinSqlite<'a>;
}

/// Adds `spin:sqlite/sqlite@3.1.0` to a linker.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> SpinSqlite<'_>,
) -> wasmtime::Result<()> {
    sqlite::add_to_linker::<_, HasSpinSqlite>(linker, view)
}
