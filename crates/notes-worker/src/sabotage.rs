//! Faults on request, for tests that no fault comes through to users: `x-ownbase-sabotage: panic` panics after the
//! request was carried out. Compiled by the feature `sabotage` only.

use bytes::Bytes;
use http::Request;

/// Does what the request's header says.
pub(crate) fn obey(request: &Request<Bytes>) {
    let fault = request.headers().get("x-ownbase-sabotage");
    assert!(fault.is_none_or(|fault| fault != "panic"), "asked to panic");
}
