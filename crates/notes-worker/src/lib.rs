//! The notes service for Cloudflare Workers: what `index.js` calls of it, every call synchronous.
//!
//! JavaScript owns requests, responses, objects, transactions and all waiting; Rust is called between two waits and
//! keeps nothing over one but an object's [`Database`]. That is why a panic can be outlived: the transaction around the
//! call is rolled back, and the memory of the instance, which all objects of an isolate share, is thrown away whole.
//!
//! A request comes as its method, raw URL, headers (name and value by turns) and body; an answer leaves as the array
//! `[status, headers as pairs, body or null, cause or undefined]`, which may travel from an object to its Worker. The
//! cause is for the log.

mod call;
mod entry;
#[cfg(feature = "sabotage")]
mod sabotage;
mod target;

use std::ops::ControlFlow;

use http::{HeaderMap, HeaderValue};
use js_sys::{Array, Promise};
use notes::{Failure, REQUEST_ID};
use ownbase_database::Label;
use ownbase_database::engine::durable_object::{self, DurableObject, Storage};
use wasm_bindgen::prelude::*;

pub use call::Call;
use call::answer;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn log_error(text: &str);
}

/// Runs before all else in every new instance: without it a panic leaves no word in the log.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| log_error(&panic.to_string())));
}

/// The longest body that is looked into, in bytes. Whoever reads hands over one byte more to say that it is longer.
#[wasm_bindgen]
pub fn max_body_bytes() -> usize {
    notes::MAX_BODY_BYTES
}

/// The answer where something was thrown: a string at what the client did wrong, else what failed.
#[wasm_bindgen]
pub fn failure(thrown: &JsValue, request_id: &str) -> Array {
    let failure = match thrown.as_string() {
        Some(why) => Failure::Malformed(why),
        None => Failure::Engine(durable_object::thrown(thrown)),
    };
    let id = HeaderValue::try_from(request_id).map(|id| (REQUEST_ID, id));
    answer(notes::failed(failure, &HeaderMap::from_iter(id)))
}

/// The database of one object. To be dropped after anything was thrown: it may remember what was rolled back.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Database(DurableObject);

#[wasm_bindgen]
impl Database {
    /// Of the object with this storage, found by the label that [`Call::label`] gave.
    ///
    /// # Errors
    /// Throws where `label` is none.
    #[wasm_bindgen(constructor)]
    pub fn new(storage: Storage, label: &str) -> Result<Database, JsError> {
        let label = Label::parse(label).ok_or_else(|| JsError::new("the object's name is no user's label"))?;
        Ok(Self(DurableObject::new(label, storage)))
    }

    /// Brings the database to this build's schema; the answer, if the request goes no further. In a transaction.
    pub fn prepare(&self, call: &Call) -> Option<Array> {
        match notes::prepare(call.request(), &self.0) {
            ControlFlow::Break(response) => Some(answer(response)),
            ControlFlow::Continue(()) => None,
        }
    }

    /// The answer. In a transaction of its own, but for a request that erases.
    pub fn handle(&self, call: &Call) -> Array {
        let response = notes::handle(call.request(), &self.0);
        #[cfg(feature = "sabotage")]
        sabotage::obey(call.request());
        answer(response)
    }

    /// What must come to pass before the answer to a request that erased may leave.
    pub fn erasure(&self) -> Option<Promise> {
        self.0.take_erasure()
    }
}
