//! What the runtime's JavaScript offers, as declarations and nothing else. Every call that may throw has `catch`, so that
//! an exception is an error here and never unwinds through Rust, which would leave it half done.
//!
//! <https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/>

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An object's storage, `ctx.storage` in its class.
    #[derive(Debug, Clone)]
    pub type Storage;

    #[wasm_bindgen(method, getter, catch)]
    pub(super) fn sql(this: &Storage) -> Result<Sql, JsValue>;

    /// Runs `work` in a transaction, or in a part of the one that runs already. What it throws rolls back and comes back.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub(super) fn transaction_sync(
        this: &Storage,
        work: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;

    /// Empties the database at once; the promise is kept when that is on disk. Throws inside a transaction.
    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    pub(super) fn delete_all(this: &Storage) -> Result<Promise, JsValue>;

    pub(super) type Sql;

    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn exec(this: &Sql, query: &str, params: &Array) -> Result<Cursor, JsValue>;

    pub(super) type Cursor;

    /// An iterator of rows as arrays. It runs the statement on, so an error may come at any row.
    #[wasm_bindgen(method, catch)]
    pub(super) fn raw(this: &Cursor) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_namespace = Array, js_name = from)]
    pub(super) fn array_from(iterator: &JsValue) -> Result<Array, JsValue>;

    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    pub(super) fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}
