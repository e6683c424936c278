//! The interface's functions, one step each: find the session and the request, then hand over.

use crate::{
    SpinSqlite,
    bindings::spin::sqlite::sqlite::{self, QueryResult, RowResult, Value},
    connection::Statement,
    ctx::{HasSpinSqlite, current_scope},
    errors::Error,
    scope::Scope,
    session::Session,
    stream,
};
use std::sync::Arc;
use wasmtime::{
    AsContextMut,
    component::{Access, Accessor, FutureReader, Resource, StreamReader},
};

/// Connections that one instance may have open, as on Spin.
const MAX_CONNECTIONS: usize = 256;

/// A guest's connection: what stands for it in the store's table of resources.
pub struct Connection(Arc<Session>);

impl SpinSqlite<'_> {
    fn session(&self, connection: &Resource<Connection>) -> Result<Arc<Session>, Error> {
        Ok(self.table.get(connection)?.0.clone())
    }
}

impl sqlite::Host for SpinSqlite<'_> {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<sqlite::Error> {
        error.into_guest()
    }
}

impl sqlite::HostConnection for SpinSqlite<'_> {
    fn open(&mut self, database: String) -> Result<Resource<Connection>, Error> {
        if !self.ctx.labels.allow(&database) {
            return Err(Error::AccessDenied);
        }
        if self.ctx.open_connections >= MAX_CONNECTIONS {
            return Err(Error::misuse(format_args!("more than {MAX_CONNECTIONS} connections are open")));
        }
        let session = Session::new(self.ctx.databases.clone(), &database);
        let connection = self.table.push(Connection(Arc::new(session)))?;
        self.ctx.open_connections += 1;
        Ok(connection)
    }

    fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> wasmtime::Result<i64> {
        Ok(self.table.get(&connection)?.0.last_insert_rowid())
    }

    fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&connection)?.0.changes())
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?.0.close();
        self.ctx.open_connections -= 1;
        Ok(())
    }
}

impl<T: Send> sqlite::HostConnectionWithStore<T> for HasSpinSqlite {
    async fn execute(
        mut store: Access<'_, T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, Error> {
        let (session, scope) = find(&mut store, &connection)?;
        session.execute(scope, Statement { sql: statement, parameters }).await
    }

    async fn open_async(store: &Accessor<T, Self>, database: String) -> Result<Resource<Connection>, Error> {
        store.with(|mut store| sqlite::HostConnection::open(&mut store.get(), database))
    }

    async fn execute_async(
        store: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<(Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), sqlite::Error>>), Error> {
        let (session, scope) = store.with(|mut store| find(&mut store, &connection))?;
        let answer = stream::start(&session, scope, Statement { sql: statement, parameters }).await?;
        store
            .with(|mut store| {
                let rows = StreamReader::new(&mut store, answer.rows)?;
                let end = FutureReader::new(&mut store, answer.end.result())?;
                Ok((answer.columns, rows, end))
            })
            .map_err(Error::Trap)
    }

    async fn last_insert_rowid_async(
        store: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        store.with(|mut store| sqlite::HostConnection::last_insert_rowid(&mut store.get(), connection))
    }

    async fn changes_async(store: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        store.with(|mut store| sqlite::HostConnection::changes(&mut store.get(), connection))
    }
}

fn find<T>(
    store: &mut Access<'_, T, HasSpinSqlite>,
    connection: &Resource<Connection>,
) -> Result<(Arc<Session>, Option<Scope>), Error> {
    let session = store.get().session(connection)?;
    let view = store.getter();
    Ok((session, current_scope(store.as_context_mut(), view)))
}
