//! (being written)
use crate::{
    SpinSqlite,
    bindings::spin::sqlite::sqlite::{self, QueryResult, RowResult, Value},
    ctx::HasSpinSqlite,
    errors::Error,
};
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};

/// A guest's connection.
pub struct Connection;

impl sqlite::Host for SpinSqlite<'_> {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<sqlite::Error> {
        match error {}
    }
}

impl sqlite::HostConnection for SpinSqlite<'_> {
    fn open(&mut self, _database: String) -> Result<Resource<Connection>, Error> {
        todo!()
    }
    fn last_insert_rowid(&mut self, _connection: Resource<Connection>) -> wasmtime::Result<i64> {
        todo!()
    }
    fn changes(&mut self, _connection: Resource<Connection>) -> wasmtime::Result<u64> {
        todo!()
    }
    fn drop(&mut self, _connection: Resource<Connection>) -> wasmtime::Result<()> {
        todo!()
    }
}

impl<T: Send> sqlite::HostConnectionWithStore<T> for HasSpinSqlite {
    async fn open_async(_store: &Accessor<T, Self>, _database: String) -> Result<Resource<Connection>, Error> {
        todo!()
    }
    async fn execute(
        _store: Access<'_, T, Self>,
        _connection: Resource<Connection>,
        _statement: String,
        _parameters: Vec<Value>,
    ) -> Result<QueryResult, Error> {
        todo!()
    }
    async fn execute_async(
        _store: &Accessor<T, Self>,
        _connection: Resource<Connection>,
        _statement: String,
        _parameters: Vec<Value>,
    ) -> Result<(Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), sqlite::Error>>), Error> {
        todo!()
    }
    async fn last_insert_rowid_async(
        _store: &Accessor<T, Self>,
        _connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        todo!()
    }
    async fn changes_async(_store: &Accessor<T, Self>, _connection: Resource<Connection>) -> wasmtime::Result<u64> {
        todo!()
    }
}
