//! What a failed component means to its client: the cause goes to the log, and a status to the client.

use super::answer::Underway;
use crate::instance::Ticket;
use crate::problem::Refusal;
use crate::telemetry::one_line;
use std::time::Instant;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::handler::InstantiationError;

/// What a failed component means to the client; the cause goes to the log.
pub(super) fn refusal(error: &wasmtime::Error, deadline: Instant, underway: &Underway) -> Refusal {
    let starting = error.downcast_ref::<InstantiationError<Ticket>>().map_or(error, |failed| &failed.error);
    if starting.is::<PoolConcurrencyLimitError>() {
        return Refusal::QueueFull;
    }
    tracing::error!(request_id = underway.fate.id(), "the component failed: {}", one_line(error));
    failure(deadline)
}

/// How a request fails tells little once its time is over: the way it was stopped is as likely the cause.
pub(super) fn failure(deadline: Instant) -> Refusal {
    if Instant::now() >= deadline { Refusal::TimedOut } else { Refusal::Failed }
}
